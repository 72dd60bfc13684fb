"""How to sample."""

import sys
from dataclasses import dataclass
from typing import Literal, get_args

from forecast.errors import InputError

__all__ = ["NutsOptions"]

Sampler = Literal["nutpie", "pymc"]


@dataclass(frozen=True)
class NutsOptions:
    """How to sample.

    Attributes
    ----------
    draws, tune : int
        Kept and warm-up draws per chain.
    chains : int
        Chains.
    sampler : {'nutpie', 'pymc'}
        Who samples: nutpie in whitened coordinates, or PyMC on the model's PyMC form.
    target_accept : float
        Mean acceptance that the step size is tuned to; higher is slower and safer.
    max_depth : int
        Largest depth of a trajectory's tree.
    cores : int, optional
        Chains at one time; as many as the machine has by default.
    progress : bool, optional
        Whether progress is shown: by default in notebooks and on terminals; if True elsewhere too, as lines.

    Examples
    --------
    >>> fc.NutsOptions(draws=500, chains=2).draws
    500
    """

    draws: int = 1000
    tune: int = 500
    chains: int = 4
    sampler: Sampler = "nutpie"
    target_accept: float = 0.8
    max_depth: int = 10
    cores: int | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name in ("draws", "tune", "chains", "max_depth"):
            if getattr(self, name) < 1:
                raise InputError("is a whole number from 1", where=f"NutsOptions.{name}", found=getattr(self, name))
        if self.sampler not in get_args(Sampler):
            raise InputError(
                "unknown sampler", where="NutsOptions.sampler", found=self.sampler, expected=get_args(Sampler)
            )
        if not 0 < self.target_accept < 1:
            raise InputError("lies between 0 and 1", where="NutsOptions.target_accept", found=self.target_accept)

    @property
    def shows_progress(self) -> bool:
        """Whether a sampler of the PyMC form shows its own progress bar."""
        return sys.stderr.isatty() if self.progress is None else self.progress
