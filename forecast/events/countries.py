"""Countries under any of their names: those that country-converter takes for one country are one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pandas as pd

from forecast.events.spelling import fold_name, normalise_name

__all__ = ["country_key", "country_name", "is_country"]


@cache
def country_key(name: str) -> str:
    """ISO 3166-1 code (three capitals) of the country that a name, former name or code means.

    A name that means no country, or several, gives the name after `normalise_name`.
    """
    for spelling in dict.fromkeys((name.strip(), fold_name(name))):
        # Three letters may be a code (NGA) or an abbreviation (DRC), which stands among the names.
        for classification in (None, "regex"):
            codes = _codes(spelling, classification) if spelling else []
            if len(codes) == 1:
                return str(codes[0]).upper()
    return normalise_name(name)


def is_country(name: str) -> bool:
    """Whether a name, former name or code means one country."""
    return country_key(name).isupper()


def country_name(code: str) -> str:
    """Short English name of the country that an ISO 3166-1 code (two or three capitals) means; else what was given."""
    if len(code) not in (2, 3) or not code.isupper():
        return code
    converter, log = _converter()
    with _silenced(log):
        return str(converter.convert(code, to="name_short", not_found=code))


def _codes(spelling: str, classification: str | None) -> list[Any]:
    """Codes of all countries that a spelling may mean; `classification` as country-converter has it, None for any."""
    converter, log = _converter()
    with _silenced(log):
        (codes,) = converter.convert([spelling], src=classification, to="ISO3", enforce_list=True, not_found="none")
    return [] if codes == ["none"] else list(codes)


@cache
def _converter() -> tuple[Any, logging.Logger]:
    from country_converter import country_converter as library

    # Its table is read here: what it makes of rows without a two-letter code depends on the version of pandas.
    table = pd.read_csv(library.COUNTRY_DATA_FILE, sep="\t", dtype=str, keep_default_na=False, na_values=[""])
    return library.CountryConverter(country_data=table.dropna(subset=["ISO2"])), library.log


@contextmanager
def _silenced(log: logging.Logger) -> Iterator[None]:
    """Without its warnings on unknown names: those stand in our ledger."""
    was_disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was_disabled
