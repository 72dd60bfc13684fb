"""Forecasts of attacks by province, tactic and month or week, with honest uncertainty."""

import lazy_loader

__version__ = "0.1.0"

# The public names stand in __init__.pyi; each module is imported on first use, so that `import forecast` is quick.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
