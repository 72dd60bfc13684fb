"""Forecasts of attacks by province, tactic and month or week, with honest uncertainty."""

from typing import Any

import lazy_loader

__version__ = "0.2.0"
# What `attack_forecast` knows this package by.
__distribution__ = "attack-forecast"

# The public names stand in __init__.pyi; each module is imported on first use, so that `import forecast` is quick.
_loaded, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]


def __getattr__(name: str) -> Any:
    """A public name; verbs check the types of their arguments here, where users reach them."""
    from types import FunctionType

    value = _loaded(name)
    if isinstance(value, FunctionType):
        from forecast.arguments import checked

        value = checked(value)
        # Processes that are sent the verb find it here.
        value.__module__, value.__qualname__ = __name__, name
        globals()[name] = value
    return value
