"""The templates of the page."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["filled", "template_text"]


def filled(name: str, **values: object) -> Markup:
    """A template with values in it; what is not `Markup` is escaped."""
    return Markup(_environment().get_template(name).render(values))


def template_text(name: str) -> str:
    """A file that lies beside the templates, as it stands."""
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("forecast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
