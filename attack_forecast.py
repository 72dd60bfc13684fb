"""The commands `forecast` and `attack-forecast`: the package `forecast` of this distribution, or no other.

Other distributions bring a package `forecast` too, and so may a file of the user's.
"""

import importlib.util
import sys
from pathlib import Path
from typing import NoReturn

__all__ = ["main"]

_OURS = Path(__file__).resolve().with_name("forecast")


def main() -> NoReturn:
    """Run the command line; exit code 2 and one sentence where Python finds another `forecast`."""
    spec = importlib.util.find_spec("forecast")
    place = Path(spec.origin).resolve() if spec is not None and spec.origin else None
    if place != _OURS / "__init__.py":
        _refuse(f"Python finds another 'forecast' ({place or 'without a file'}) before that of attack-forecast")
    import forecast

    # What is installed into the same folder replaces files of it.
    if getattr(forecast, "__distribution__", None) != "attack-forecast":
        _refuse(f"another package has replaced files of attack-forecast in {_OURS}")
    from forecast.cli import main as run

    run()


def _refuse(problem: str) -> NoReturn:
    hint = "Rename that file, or install attack-forecast into an environment of its own"
    sys.stderr.write(f"error: {problem}. {hint}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
