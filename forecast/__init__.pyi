# The public API, sorted. `forecast/__init__.py` reads this file and imports each module on first use.
from .errors import DiagnosticsError as DiagnosticsError
from .errors import ForecastError as ForecastError
from .errors import InputError as InputError
from .evaluation.scores import score as score
from .evaluation.scores import summarise as summarise
from .inference.dispatch import fit as fit
from .panel.panel import Panel as Panel
from .prediction.continuation import predict as predict
from .prediction.draws import Forecast as Forecast
from .prediction.futures import hold_last as hold_last
from .prediction.futures import oracle as oracle
from .prediction.futures import path as path

__version__: str
