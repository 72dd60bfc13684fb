"""The rows of the simulated raw file: one per attack, with the noise that real records of attacks have."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.events.places import Gazetteer
from forecast.simulate.processes import Texts

__all__ = ["ACTOR", "MISSPELT", "make_records"]

ACTOR = "Islamic State (simulated)"
# Spellings that no alias holds: a reader must list them and not guess.
MISSPELT = {
    "IQG10": "Dyaila",
    "IQG16": "Salahedeen",
    "IQG13": "Kerkok",
    "IQG01": "Anbbar",
    "IQG15": "Nenvah",
    "SY04": "Homss",
    "SY09": "Der Azzur",
    "SY02": "Allepo",
}
_ACCENTED = {
    "IQG10": "Diyālá",
    "IQG01": "Al-Anbār",
    "IQG13": "Kirkūk",
    "SY04": "Ḥimṣ",
    "SY11": "Ar-Raqqah",
    "SY02": "Ḥalab",
}
_TACTIC_LABELS = {
    "ied": ("IED", "roadside bomb", "explosion", "VBIED"),
    "small_arms": ("small arms fire", "SAF", "shooting", "Armed clash"),
    "indirect_fire": ("indirect fire", "mortar", "rocket"),
    "assassination": ("assassination", "targeted killing"),
    "complex_attack": ("complex attack", "ambush"),
    "kidnapping": ("kidnapping", "abduction"),
}
# Targets, and how often each tactic is turned on them.
_TARGETS = ("army", "police", "mukhtar", "civilians", "farmers", "electricity pylon", "unknown")
_TARGET_SHARES = {
    "ied": (0.42, 0.22, 0.03, 0.14, 0.05, 0.10, 0.04),
    "small_arms": (0.45, 0.30, 0.03, 0.10, 0.08, 0.01, 0.03),
    "indirect_fire": (0.45, 0.15, 0.01, 0.27, 0.05, 0.02, 0.05),
    "assassination": (0.15, 0.20, 0.35, 0.25, 0.02, 0.00, 0.03),
    "complex_attack": (0.62, 0.28, 0.02, 0.05, 0.01, 0.01, 0.01),
    "kidnapping": (0.05, 0.07, 0.10, 0.42, 0.33, 0.00, 0.03),
}
_DEATHS = {
    "ied": 0.8,
    "small_arms": 0.9,
    "indirect_fire": 0.3,
    "assassination": 1.1,
    "complex_attack": 2.6,
    "kidnapping": 0.2,
}
_SOURCES = ("simulated daily report", "simulated local media", "simulated monitor")
_OPPONENTS = {
    "ISF": "Iraqi security forces",
    "KSF": "Kurdistan security forces",
    "SDF": "Syrian Democratic Forces",
    "": "Syrian government or local forces",
}

# How often the noise strikes, as shares of the attacks.
_DUPLICATES, _NO_DATE, _MULTIDAY, _WHOLE_MONTH = 0.015, 0.004, 0.02, 0.004
_NO_PLACE, _POINT_ONLY, _MISSPELT_SHARE, _NO_FATALITIES = 0.003, 0.006, 0.012, 0.03
_SCATTER_DEGREES = 0.12


def make_records(rng: np.random.Generator, attacks: xr.DataArray, gazetteer: Gazetteer) -> pd.DataFrame:
    """Rows of a raw file of source 'plain', all text ('' where empty), for counts over (province, tactic, period).

    Columns as in the events table, `province` with the label as a report would spell it.
    """
    rows = _one_row_per_attack(rng, attacks)
    table = gazetteer.table.loc[rows[names.PROVINCE]]
    places = _places(rng, rows, table)
    dates = _dates(rng, rows)
    tactic = rows[names.TACTIC].to_numpy(str)
    raw = pd.DataFrame(
        {
            "event_id": [f"SIM-{number:06}" for number in range(1, len(rows) + 1)],
            "date": dates["date"],
            "date_end": dates["date_end"],
            names.COUNTRY: table[names.COUNTRY].to_numpy(),
            names.PROVINCE: places["label"],
            names.TACTIC: _choices(rng, tactic, _TACTIC_LABELS),
            "actor": ACTOR,
            "opponent": "",
            "target": _choices(rng, tactic, dict.fromkeys(_TARGET_SHARES, _TARGETS), _TARGET_SHARES),
            names.ATTACKS: "1",
            names.LATITUDE: places["latitude"],
            names.LONGITUDE: places["longitude"],
            "fatalities": _fatalities(rng, tactic),
            "source": rng.choice(_SOURCES, size=len(rows), p=(0.5, 0.3, 0.2)),
            "place_precision": places["precision"],
            "date_precision": dates["precision"],
            "reported": dates["reported"],
        }
    )
    raw["opponent"] = _opponents(raw["target"], table)
    raw.loc[rng.random(len(raw)) < _NO_DATE, ["date", "date_end"]] = ""
    return _with_duplicates(rng, raw)


def _one_row_per_attack(rng: np.random.Generator, attacks: xr.DataArray) -> pd.DataFrame:
    """Province key, tactic and day of every attack, in order of days."""
    cells = attacks.transpose(names.PERIOD, names.PROVINCE, names.TACTIC).to_series()
    rows = cells.index.repeat(cells.to_numpy()).to_frame(index=False)
    days = rows[names.PERIOD].dt.days_in_month.to_numpy()
    rows["day"] = rows[names.PERIOD] + pd.to_timedelta(rng.integers(days), unit="D")
    return rows.sort_values("day", kind="stable", ignore_index=True)


def _dates(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """First and last day, precision and the day on which the record became known, as text."""
    first, last = rows["day"].copy(), rows["day"].copy()
    chance = rng.random(len(rows))
    several = chance < _MULTIDAY
    last[several] += pd.to_timedelta(rng.integers(1, 10, several.sum()), unit="D")
    month = (chance >= _MULTIDAY) & (chance < _MULTIDAY + _WHOLE_MONTH)
    first[month] = rows[names.PERIOD][month]
    last[month] = first[month] + pd.offsets.MonthEnd(1)
    last = last.clip(upper=rows[names.PERIOD].max() + pd.offsets.MonthEnd(1))
    lag = rng.geometric(0.25, len(rows)) + np.where(rng.random(len(rows)) < 0.03, rng.integers(20, 150, len(rows)), 0)
    return pd.DataFrame(
        {
            "date": first.dt.strftime("%Y-%m-%d"),
            "date_end": last.dt.strftime("%Y-%m-%d"),
            "precision": np.select([month, several], ["month", "week"], "day"),
            "reported": (last + pd.to_timedelta(lag, unit="D")).dt.strftime("%Y-%m-%d"),
        }
    )


def _places(rng: np.random.Generator, rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Label, point and precision: scattered around the representative point, some at it, some without."""
    n = len(rows)
    precision = rng.choice(["exact", "district", "province"], size=n, p=(0.68, 0.24, 0.08))
    scatter = rng.normal(scale=_SCATTER_DEGREES, size=(n, 2)).clip(-0.3, 0.3) * (precision != "province")[:, None]
    points = table[[names.LATITUDE, names.LONGITUDE]].to_numpy(float) + scatter
    chance = rng.random(n)
    nowhere, unnamed = chance < _NO_PLACE, (chance >= _NO_PLACE) & (chance < _NO_PLACE + _POINT_ONLY)
    precision = np.where(nowhere, "country", np.where(unnamed, "exact", precision))
    shown = np.where(nowhere[:, None], "", np.char.mod("%.3f", points))
    label = _spellings(rng, rows[names.PROVINCE], table)
    return pd.DataFrame(
        {
            "label": np.where(nowhere | unnamed, "", label),
            names.LATITUDE: shown[:, 0],
            names.LONGITUDE: shown[:, 1],
            "precision": precision,
        }
    )


def _spellings(rng: np.random.Generator, keys: pd.Series, table: pd.DataFrame) -> list[str]:
    """A spelling of each province: its name, an alias, another case, accents, and now and then a wrong one."""
    chance, which = rng.random(len(keys)), rng.random(len(keys))
    spelt = []
    places = zip(keys, table[names.PROVINCE_NAME], table["aliases"], chance, which, strict=True)
    for key, name, aliases, c, w in places:
        if c < _MISSPELT_SHARE:
            spelt.append(MISSPELT.get(key, name))
        elif c < 0.05:
            spelt.append(_ACCENTED.get(key, name))
        elif c < 0.10:
            spelt.append(name.upper())
        elif c < 0.14:
            spelt.append(f"{name} Governorate")
        elif c < 0.35 and aliases:
            spelt.append(aliases[int(w * len(aliases))])
        else:
            spelt.append(name)
    return spelt


def _choices(
    rng: np.random.Generator,
    tactic: Texts,
    options: Mapping[str, Sequence[str]],
    shares: Mapping[str, Sequence[float]] | None = None,
) -> npt.NDArray[np.object_]:
    chosen = np.full(len(tactic), "", dtype=object)
    for name, labels in options.items():
        rows = tactic == name
        # The first spelling is the common one.
        weights = np.array(shares[name] if shares else 1 / np.arange(1, len(labels) + 1) ** 2)
        chosen[rows] = rng.choice(np.array(labels), size=rows.sum(), p=weights / weights.sum())
    return chosen


def _opponents(target: pd.Series, table: pd.DataFrame) -> npt.NDArray[np.object_]:
    forces = table["partner_force"].map(_OPPONENTS).to_numpy(object)
    nobody = target.isin(["unknown", "electricity pylon"])
    return np.select([nobody, target.isin(["army", "police"])], ["", forces], "civilians")


def _fatalities(rng: np.random.Generator, tactic: Texts) -> list[str]:
    deaths = rng.poisson(np.array([_DEATHS[name] for name in tactic]) * rng.gamma(1.5, 1 / 1.5, len(tactic)))
    missing = rng.random(len(tactic)) < _NO_FATALITIES
    return ["" if gone else str(count) for count, gone in zip(deaths, missing, strict=True)]


def _with_duplicates(rng: np.random.Generator, raw: pd.DataFrame) -> pd.DataFrame:
    """Some attacks reported again under the same id, later and by another source."""
    again = raw[rng.random(len(raw)) < _DUPLICATES].copy()
    later = pd.to_datetime(again["reported"]) + pd.to_timedelta(rng.integers(1, 21, len(again)), unit="D")
    again["reported"] = later.dt.strftime("%Y-%m-%d")
    again["source"] = again["source"].map(dict(zip(_SOURCES, _SOURCES[1:] + _SOURCES[:1], strict=True)))
    return pd.concat([raw, again]).sort_index(kind="stable", ignore_index=True)
