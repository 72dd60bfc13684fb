"""`Model`: terms and a family, as plain data that print themselves, go through TOML, and are bound to a panel."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
import numpy.typing as npt
import tomli_w
from scipy import linalg

from forecast import names
from forecast.errors import InputError
from forecast.model.blocks import Block, Error
from forecast.model.families import FAMILIES, Counts, Family, NegativeBinomial
from forecast.model.priors import Prior, Share, prior_from_dict
from forecast.model.recording import Recording
from forecast.model.terms import TERMS, Covariate, Intercept, Pooled, Term, Walk
from forecast.panel.calendar import periods_per_year
from forecast.panel.panel import Panel

__all__ = ["BoundModel", "Model", "check_model_name"]

# Options whose priors must not reach below 0.
_POSITIVE = ("sigma", "half_life")
# Names of models stand in tables and legends, and in names of folders.
_LONGEST_NAME = 60


@dataclass(frozen=True, init=False, repr=False)
class Model:
    """What is believed before seeing the data: log expected count per exposure is the sum of the terms.

    Parameters
    ----------
    terms : sequence of Term
        What adds to eta; no two with the same label.
    family : Family
        How counts scatter around their mean.
    name : str
        Name in tables: up to 60 printable characters.

    Examples
    --------
    >>> model = fc.Model([fc.Intercept(), fc.Pooled("province"), fc.Walk(by="tactic")], fc.NegativeBinomial())
    >>> [term.label for term in model.terms]
    ['intercept', 'level_province', 'walk_tactic']
    """

    terms: tuple[Term, ...]
    family: Family
    name: str

    def __init__(self, terms: Sequence[Term], family: Family = NegativeBinomial(), name: str = "model") -> None:
        object.__setattr__(self, "terms", tuple(terms))
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "name", name)
        check_model_name(name)
        for part in (*self.terms, self.family):
            where = part.label if isinstance(part, Term) else type(part).__name__
            _check_options(type(part), dict(vars(part)), where)
        labels = [term.label for term in self.terms]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice or not labels:
            raise InputError("a model needs terms with different labels", where="terms", found=twice or "none")

    @property
    def lags(self) -> int:
        """Periods at the start of a panel that are conditioned on."""
        return max(term.lags for term in self.terms)

    @property
    def covariates(self) -> list[str]:
        """Covariates that it uses, of the panel and of the calendar."""
        return list(dict.fromkeys(term.name for term in self.terms if isinstance(term, Covariate)))

    def bind(self, panel: Panel) -> "BoundModel":
        """The model against a panel; an `InputError` says which term the panel cannot serve, and why."""
        return BoundModel(self, panel)

    def to_toml(self) -> str:
        """The model as TOML; options that have their default are left out."""
        plain = {"name": self.name, "family": self.family.to_dict(), "terms": [term.to_dict() for term in self.terms]}
        return tomli_w.dumps(plain)

    @classmethod
    def from_toml(cls, text: str) -> "Model":
        """The model that `to_toml` wrote, or that a user wrote in its form.

        Raises
        ------
        InputError
            For unknown terms, options and priors.
        """
        try:
            plain = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError("is no valid TOML", where="model", found=str(error)) from error
        return cls.from_dict(plain)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Model":
        """The model from plain data: `terms` (a list), and optionally `family` and `name`."""
        unknown = sorted(set(plain) - {"terms", "family", "name"})
        if unknown or "terms" not in plain:
            found, expected = unknown or "no terms", ["terms", "family", "name"]
            raise InputError("is no model", where="model", found=found, expected=expected)
        terms = [_built(TERMS, "term", values, f"terms.{number}") for number, values in enumerate(plain["terms"])]
        family = _built(FAMILIES, "family", plain.get("family", {"family": "NegativeBinomial"}), "family")
        return cls(terms, family, str(plain.get("name", "model")))

    def __str__(self) -> str:
        lines = [f"attacks ~ {self.family.equation()}", "mu = exposure · exp(eta)"]
        lines += [f"eta {'=' if number == 0 else '+'} {term.equation()}" for number, term in enumerate(self.terms)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Model {self.name}\n  " + str(self).replace("\n", "\n  ")

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"


def check_model_name(name: str) -> None:
    """An `InputError` where a name cannot stand in tables, on a terminal and in the name of a folder."""
    if not (name.isprintable() and name == name.strip() and 1 <= len(name) <= _LONGEST_NAME):
        expected = f"1 to {_LONGEST_NAME} printable characters, without a space at either end"
        raise InputError("is no name of a model", where="name", found=repr(name), expected=expected)


@dataclass(frozen=True)
class BoundModel:
    """A model against a panel: its terms and their blocks of latents, and the observations that it is fitted to.

    Attributes
    ----------
    model, panel
        What was bound.
    """

    model: Model
    panel: Panel

    def __post_init__(self) -> None:
        if self.model.lags >= len(self.panel.periods):
            found, expected = len(self.panel.periods), f"more than {self.model.lags}"
            raise InputError("has too few periods for the lags", source="panel", found=found, expected=expected)
        named = [block.name for block in self.blocks]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice or len(self.errors) > 1:
            problem = "at most one term of a model is on a covariate that was measured with error"
            raise InputError(problem, where="terms", found=twice or list(self.errors))
        if self.is_published and not self.model.family.sums:
            raise InputError("takes no sums over cells", where=type(self.model.family).__name__)

    @property
    def terms(self) -> tuple[tuple[Term, tuple[Block, ...]], ...]:
        """Each term with its blocks; without those that repeat another on this panel, with its `Recording`."""
        return self._distinct[0]

    @property
    def dropped(self) -> tuple[str, ...]:
        """A note on each term of the model that repeats another on this panel, and is left out."""
        return self._distinct[1]

    @cached_property
    def _distinct(self) -> tuple[tuple[tuple[Term, tuple[Block, ...]], ...], tuple[str, ...]]:
        """Terms with their blocks, and notes on those left out.

        With one tactic, say, walks of provinces and walks of provinces and tactics are the same paths twice, of which
        the counts say nothing but their sum.
        """
        kept: list[tuple[Term, tuple[Block, ...]]] = []
        dropped: list[str] = []
        intercept = next((term for term in self.model.terms if isinstance(term, Intercept)), None)
        for term in self.model.terms:
            blocks = term.blocks(self.panel)
            first = next((other for other, others in kept if self._is_repeated(term, blocks, other, others)), None)
            if isinstance(term, Pooled) and not blocks[0].partition(self.grid).any():
                # All cells have one level: the intercept, wherever that stands.
                first = intercept or first
            if first is None:
                kept.append((term, blocks))
            else:
                dropped.append(f"{term.label} is left out: on this panel it repeats {first.label}")
        if names.COVERAGE_ERROR in self.panel.dataset and self.panel.dataset[names.COVERAGE_ERROR].size:
            recording = Recording()
            kept.append((recording, recording.blocks(self.panel)))
        return _with_shares(kept, self.panel), tuple(dropped)

    def _is_repeated(self, term: Term, blocks: Sequence[Block], other: Term, others: Sequence[Block]) -> bool:
        """Whether two terms differ in nothing but what the labels are called that they vary by."""
        if type(term) is not type(other) or _settings(term) != _settings(other) or len(blocks) != len(others):
            return False
        return all(
            np.array_equal(one.partition(self.grid), two.partition(self.grid))
            for one, two in zip(blocks, others, strict=True)
        )

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in the order of the terms."""
        return tuple(block for _, blocks in self.terms for block in blocks)

    @property
    def errors(self) -> dict[str, Error]:
        """Errors of covariates that were measured with one, by the name of their latents."""
        return {block.error.latents: block.error for block in self.blocks if block.error is not None}

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """Hyperparameters of the latents, by name, with their priors; all are single numbers."""
        return {name: prior for block in self.blocks for name, prior in block.prior.hyperparameters.items()}

    @property
    def parameters(self) -> dict[str, tuple[Prior, tuple[str, ...]]]:
        """Parameters of the family by name: prior, for periods of the panel's length, and dims."""
        return self.model.family.parameters(12 / periods_per_year(self.panel.freq))

    @property
    def roots(self) -> dict[str, npt.NDArray[np.float64]]:
        """Of the correlations, as standard normal numbers, of those that are correlated under the prior, by name."""
        correlations = self.model.family.correlations(len(self.panel.tactics))
        return {name: np.asarray(linalg.cholesky(matrix, lower=True)) for name, matrix in correlations.items()}

    @cached_property
    def grid(self) -> tuple[int, int, int]:
        """Numbers of provinces, tactics and periods."""
        return len(self.panel.provinces), len(self.panel.tactics), len(self.panel.periods)

    @property
    def log_exposure(self) -> npt.NDArray[np.float64]:
        """Log of recorded exposure over the grid."""
        return np.asarray(np.log(self.panel.recorded_exposure.values))

    @cached_property
    def rows(self) -> npt.NDArray[np.intp]:
        """The observations that enter the likelihood: those of which no cell lies in the first `lags` periods."""
        cells = self.panel.observations.cells
        early = np.broadcast_to(np.arange(self.grid[2]) < self.model.lags, self.grid).ravel().astype(float)
        return np.flatnonzero(cells @ early == 0)

    @property
    def is_published(self) -> bool:
        """True where the panel holds published counts."""
        return self.panel.observations.is_published

    @cached_property
    def cells(self) -> npt.NDArray[np.intp]:
        """The cell of each used observation, in C order of the grid; of published counts, all cells that are in any."""
        cells = np.asarray(self.panel.observations.cells[self.rows].indices, dtype=np.intp)
        return np.unique(cells) if self.is_published else cells

    @cached_property
    def counts(self) -> Counts:
        """The used observations of single cells."""
        value = self.panel.observations.table[names.VALUE].to_numpy()[self.rows]
        _, tactic, _ = np.unravel_index(self.cells, self.grid)
        return Counts.of(value, tactic)


def _with_shares(
    terms: Sequence[tuple[Term, tuple[Block, ...]]], panel: Panel
) -> tuple[tuple[Term, tuple[Block, ...]], ...]:
    """Terms with their blocks, the priors of standard deviations by the number of terms that share a total.

    Walks have one total, levels the other.
    """
    numbers = Counter(isinstance(term, Walk) for term, _ in terms if _has_share(term))
    shared = []
    for term, blocks in terms:
        if _has_share(term):
            with_share = copy(term)
            object.__setattr__(with_share, "sigma", vars(term)["sigma"].among(numbers[isinstance(term, Walk)]))
            blocks = with_share.blocks(panel)
        shared.append((term, blocks))
    return tuple(shared)


def _has_share(term: Term) -> bool:
    return isinstance(vars(term).get("sigma"), Share)


def _settings(term: Term) -> dict[str, Any]:
    """All options of a term but the labels that it varies by."""
    return {name: value for name, value in vars(term).items() if name != "by"}


def _built(kinds: Mapping[str, type], key: str, values: Mapping[str, Any], where: str) -> Any:
    """An instance of a term or family from plain data."""
    given = dict(values)
    name = given.pop(key, None)
    if name not in kinds:
        raise InputError(f"unknown {key}", where=where, found=str(name), expected=sorted(kinds))
    known = [part.name for part in fields(kinds[name])]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError("unknown options", where=f"{where} ({name})", found=unknown, expected=known)
    options: dict[str, Any] = {
        option: prior_from_dict(value, f"{where}.{option}") if isinstance(value, Mapping) else value
        for option, value in given.items()
    }
    for option in ("by", "breaks"):
        if isinstance(options.get(option), list):
            options[option] = tuple(options[option])
    if isinstance(options.get("date"), date):
        options["date"] = str(options["date"])
    if kinds[name] is Pooled and isinstance(options.get("by"), str):
        options["by"] = (options["by"],)
    _check_options(kinds[name], options, where)
    if kinds[name] is Pooled:
        return Pooled(*options.pop("by", ()), **options)
    try:
        return kinds[name](**options)
    except TypeError as error:
        raise InputError(f"options are missing or wrong: {error}", where=f"{where} ({name})", expected=known) from None


def _check_options(kind: type, options: Mapping[str, Any], where: str) -> None:
    """Each option is of the type that the class declares; a standard deviation has a prior above 0."""
    for part in fields(kind):
        if part.name not in options:
            continue
        value = options[part.name]
        declared = get_args(part.type) if isinstance(part.type, UnionType) else (part.type,)
        allowed = tuple(get_origin(option) or option for option in declared)
        if not isinstance(value, (*allowed, int) if float in allowed else allowed) or isinstance(value, bool):
            expected = " or ".join(option.__name__ for option in allowed)
            raise InputError("is of the wrong kind", where=f"{where}.{part.name}", found=str(value), expected=expected)
        if part.name in _POSITIVE and isinstance(value, Prior) and not value.positive:
            expected = "a prior of numbers above 0, such as HalfNormal"
            raise InputError("can be negative", where=f"{where}.{part.name}", found=str(value), expected=expected)
