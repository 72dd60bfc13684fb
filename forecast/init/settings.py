"""The settings of a run on what was found, and the tables that await an answer."""

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import tomli_w

from forecast import names
from forecast.config import AUTO
from forecast.errors import InputError
from forecast.files import check_output_folder, sha256, write_csv, write_text, write_together
from forecast.init.found import ALIASES, SETTINGS, TACTICS, Found

__all__ = ["write_settings"]


def write_settings(found: Found, folder: str | Path = ".", *, force: bool = False) -> list[Path]:
    """Write `forecast.toml` and, where there is something to decide, `aliases.csv` and `tactics.csv`; all or none.

    Raises
    ------
    InputError
        Where a file is there already and `force` is off, or an input would be overwritten.
    """
    folder = check_output_folder(folder)
    doubtful, unknown = found.doubtful_names, found.unknown_tactics
    tables: dict[str, pd.DataFrame] = {}
    if len(doubtful):
        tables[ALIASES] = doubtful[["name", "rows", "nearest"]].assign(**{names.PROVINCE: ""})
    if len(unknown):
        tables[TACTICS] = unknown[["label", "rows", "proposal"]].assign(accept="false")
    files = [*tables, SETTINGS]
    existing = [file for file in files if (folder / file).exists()]
    if existing and not force:
        hint = "Choose another --output, or overwrite it with --force"
        raise InputError("is there already", source=folder / existing[0], hint=hint)
    with write_together(folder, files, inputs={sha256(file) for file in found.files}) as temporary:
        for file, table in tables.items():
            write_csv(temporary / file, table)
        write_text(temporary / SETTINGS, _settings_text(found, folder, tables))
    return [folder / file for file in reversed(files)]


def _settings_text(found: Found, folder: Path, tables: Mapping[str, pd.DataFrame]) -> str:
    """`forecast.toml`, with comments on what was found and what can be changed."""
    monthly = found.freq == names.MONTHLY
    periods = ((found.last - found.first).days + 1) // (30 if monthly else 7)
    countries = found.held or tuple(found.countries)
    title = f"Attacks in {' and '.join(countries)}" if 0 < len(countries) < 4 else "Attacks"
    lines = [
        "# Settings of `forecast run`, from what `forecast init` saw; lines that begin with '#' say nothing until you",
        "# take it away. Paths are relative to this file.",
        _line("title", title),
        _line("horizon", 6 if monthly else 8, "periods ahead"),
        _line("seed", 1),
        _line("model", AUTO, 'a pool of four models; see the README for others, such as "quick" or "standard"'),
        "",
        "[data]",
        _line("source", found.source),
        _line("paths", [_relative(file, folder) for file in found.files]),
        *_optional(bool(found.columns), "columns", found.columns, "our names and the file's"),
        *_optional(found.day_first is not None, "day_first", found.day_first),
        *_optional(TACTICS in tables, "tactics", TACTICS, "write accept = true where a proposal is right"),
        "",
        "[places]",
        *_optional(bool(found.gazetteer), "gazetteer", found.gazetteer, found.gazetteer_reason),
        # Names that match nothing may lie anywhere, unless a column tells their country.
        *_optional(bool(found.held and found.countries), "countries", list(found.held), found.gazetteer_reason),
        *_optional(ALIASES in tables, "aliases", ALIASES, "write the province beside each name that you know"),
        "",
        "[panel]",
        _line("freq", found.freq, found.freq_reason),
        "# The days that the data cover; without them, those of the first and the last record:",
        f"# start = {found.first:%Y-%m-%d}",
        f"# end = {found.last:%Y-%m-%d}",
        "",
        "[evaluation]",
        _line("periods", min(6, periods // 4), "the last periods, hidden from the models and then scored"),
    ]
    return "\n".join(lines) + "\n"


def _optional(wanted: bool, key: str, value: object, comment: str = "") -> list[str]:
    return [_line(key, value, comment)] if wanted else []


def _line(key: str, value: object, comment: str = "") -> str:
    """A line of TOML, with tables and lists in it."""
    if isinstance(value, Mapping):
        text = f"{key} = {{ {', '.join(_line(ours, theirs) for ours, theirs in value.items())} }}"
    elif isinstance(value, list):
        text = f"{key} = [{', '.join(_line('x', item).removeprefix('x = ') for item in value)}]"
    else:
        text = tomli_w.dumps({key: value}).strip()
    return f"{text}  # {' '.join(comment.split())}" if comment else text


def _relative(file: Path, folder: Path) -> str:
    """A path as the settings in `folder` give it; in full where no relative path leads there."""
    try:
        path = Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        path = file.resolve().as_posix()
    if not path.isascii() and path.encode("utf-8", "replace").decode() != path:
        raise InputError("has a name that is not UTF-8, which settings cannot hold", source=path, hint="Rename it")
    return path
