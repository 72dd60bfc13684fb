"""Every record's unit: by its name, then by its coordinates; what cannot be placed is listed in the ledger."""

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.boundaries import DOUBTFUL, MARGIN_KM, Boundaries, is_drawn, locate
from forecast.events.places import Gazetteer
from forecast.events.unmatched import listed_countries, listed_provinces, note_resemblances
from forecast.ledger import Action, Ledger

__all__ = ["nothing_left", "place"]

# Rules of the ledger on records whose country is known and whose province is not.
_UNLOCATED = ("imprecise place", "no province")
_COUNTED = "counted in the totals of their country"
# What to do where a rule of the ledger has dropped everything.
_WAYS_OUT = {
    "country": "Give the gazetteer of these countries, or choose other countries",
    "unknown province": "Correct the names, or give a gazetteer that holds them",
    "no place": "Check the coordinates; where they are right, give a gazetteer that holds these provinces",
    "no polygons": "Give polygons (boundaries), or agree to the nearest representative point (nearest = true)",
    "no province": "Give every record a province, or coordinates",
    "too far": "Check the coordinates, or raise max_distance_km",
    "divided province": "Give coordinates, or leave the provinces whole",
    "future dates": "Check the year, and the order of day and month",
}


def place(
    draft: pd.DataFrame,
    ledger: Ledger,
    gazetteer: Gazetteer,
    boundaries: Boundaries | None,
    nearest_km: float | None,
) -> tuple[pd.DataFrame, Ledger]:
    """Give every record its unit: by name first, then by coordinates; what cannot be placed is dropped and listed."""
    countries = draft[names.COUNTRY].dropna().unique()
    foreign = draft[names.COUNTRY].isin([country for country in countries if not gazetteer.countries_of(country)])
    shown = listed_countries(draft.loc[foreign, names.COUNTRY])
    action: Action = "excluded" if gazetteer.is_selected else "dropped"
    reason = f"outside the {'chosen countries' if gazetteer.is_selected else 'countries of the gazetteer'}"
    ledger = ledger.add("country", foreign.sum(), action, reason, shown, limit=None)
    draft = draft[~foreign]
    draft, unlocated, ledger = _without_province(draft, ledger, gazetteer)
    units = gazetteer.match(draft["place_label"], draft[names.COUNTRY])
    placed = _by_coordinates(draft[units.isna()], gazetteer, boundaries, nearest_km)
    units = units.fillna(placed[names.PROVINCE])
    ledger = _note_coordinates(
        draft.join(placed[["how", "distance_km", "doubtful"]], how="right"), ledger, gazetteer, boundaries
    )
    ledger = _note_unplaced(draft[units.isna()], ledger, gazetteer, boundaries, nearest_km)
    ledger = note_resemblances(ledger, draft[units.isna() & draft["place_label"].notna()], units, gazetteer)
    draft = draft[units.notna()].assign(**{names.PROVINCE: units.dropna()})
    draft, ledger = _choose_units(draft, ledger, gazetteer, boundaries)
    country = gazetteer.table[names.COUNTRY].reindex(draft[names.PROVINCE]).to_numpy()
    draft = draft.assign(**{names.COUNTRY: country})
    return pd.concat([draft, unlocated]) if len(unlocated) else draft, ledger


def _without_province(
    draft: pd.DataFrame, ledger: Ledger, gazetteer: Gazetteer
) -> tuple[pd.DataFrame, pd.DataFrame, Ledger]:
    """Records that may be placed, and those of which no more than the country is known; with the ledger."""
    whole = gazetteer.table[names.COUNTRY].unique()
    only = str(whole[0]) if len(whole) == 1 else None
    named = {name: gazetteer.countries_of(str(name))[0] for name in draft[names.COUNTRY].dropna().unique()}
    country = draft[names.COUNTRY].map(named).astype("object").fillna(only)
    nowhere = draft["place_label"].isna() & (draft[names.LATITUDE].isna() | draft[names.LONGITUDE].isna())
    # Nobody could mend these: the source says that it does not know more.
    vague = draft["place_precision"].isin(["country", "unknown"]) & ~nowhere
    larger = "known only to an area larger than a province"
    counts = country.notna() & draft[names.ATTACKS].notna()
    draft, ledger = _drop(draft, ledger, vague & ~counts, _UNLOCATED[0], larger, "event_id", action="excluded")
    country, vague, nowhere = (part.reindex(draft.index) for part in (country, vague, nowhere & counts))
    nothing = "have neither a province name nor coordinates"
    for rule, rows, reason in zip(_UNLOCATED, (vague, nowhere), (larger, nothing), strict=True):
        reason = f"{reason}: {_COUNTED}"
        ledger = ledger.add(rule, int(rows.sum()), "noted", reason, draft["event_id"][rows])
    both = vague | nowhere
    blank = {names.PROVINCE: None, names.LATITUDE: np.nan, names.LONGITUDE: np.nan, "place_precision": "country"}
    return draft[~both], draft[both].assign(**blank, **{names.COUNTRY: country[both]}), ledger


def _by_coordinates(
    rows: pd.DataFrame, gazetteer: Gazetteer, boundaries: Boundaries | None, nearest_km: float | None
) -> pd.DataFrame:
    """What `locate` says of records; of those that name a country, with its provinces only.

    A name that matches nothing may be that of a province abroad, if no country is named: then only a polygon that
    covers the point overrules it. The nearest representative point never does.
    """
    placed = []
    for country, group in rows.groupby(rows[names.COUNTRY].fillna(""), sort=False):
        places = gazetteer.select([str(country)]) if country else gazetteer
        polygons = boundaries.of(places) if boundaries is not None and country else boundaries
        located = locate(
            group[names.LATITUDE],
            group[names.LONGITUDE],
            places,
            polygons,
            nearest=nearest_km is not None,
            max_distance_km=nearest_km or 0.0,
        )
        sure = ["polygon", "margin"] if country else ["polygon"]
        named = group["place_label"].notna() & ~located["how"].isin(sure)
        placed.append(located.assign(province=located[names.PROVINCE].mask(named), how=located["how"].mask(named, "")))
    return pd.concat(placed) if placed else locate(rows[names.LATITUDE], rows[names.LONGITUDE], gazetteer)


def _note_coordinates(
    rows: pd.DataFrame, ledger: Ledger, gazetteer: Gazetteer, boundaries: Boundaries | None
) -> Ledger:
    """Ledger lines on records that were placed by their coordinates, by how."""
    named = rows["place_label"].notna() & rows["how"].ne("")
    by_polygon = f"placed by coordinates in {boundaries.source or 'the given polygons'}" if boundaries else ""
    reason, shown = f"{by_polygon} instead", listed_provinces(rows[named], gazetteer)
    ledger = ledger.add("name not matched", named.sum(), "changed", reason, shown, limit=None)
    nameless = rows[~named]
    inside = nameless[nameless["how"] == "polygon"]
    reason = f"{by_polygon}, since they have no province name"
    ledger = ledger.add("no province name", len(inside), "noted", reason, inside["event_id"])
    outside = rows[rows["how"] == "margin"]
    reason = f"given to the nearest polygon within {MARGIN_KM:g} km, {_farthest(outside)}"
    ledger = ledger.add("outside all polygons", len(outside), "changed", reason, outside["event_id"])
    return _note_nearest(nameless[nameless["how"] == "nearest"], ledger, "province")


def _note_nearest(rows: pd.DataFrame, ledger: Ledger, unit: str) -> Ledger:
    """Ledger lines on records that went to the nearest representative point, and on the doubtful ones among them."""
    reason = f"given to the {unit} whose representative point is nearest, {_farthest(rows)}"
    ledger = ledger.add(f"nearest {unit}", len(rows), "changed", reason, rows["event_id"])
    doubtful = rows[rows["doubtful"]]
    reason = f"the two nearest points are within {DOUBTFUL:.0%} of each other: the {unit} may be another"
    return ledger.add(f"doubtful {unit}", len(doubtful), "noted", reason, doubtful["event_id"])


def _farthest(rows: pd.DataFrame) -> str:
    return f"the farthest at {rows['distance_km'].max():.1f} km"


def _note_unplaced(
    rows: pd.DataFrame,
    ledger: Ledger,
    gazetteer: Gazetteer,
    boundaries: Boundaries | None,
    nearest_km: float | None,
) -> Ledger:
    """Ledger lines on records that neither a name nor coordinates could place."""
    named = rows["place_label"].notna()
    located = ~named & rows[names.LATITUDE].notna() & rows[names.LONGITUDE].notna()
    if is_drawn(gazetteer, boundaries):
        rule, reason = "no place", f"lie more than {MARGIN_KM:g} km outside the polygon of every province"
    elif nearest_km is not None:
        rule, reason = "too far", f"lie more than {nearest_km:g} km from the point of every province"
    else:
        rule, reason = "no polygons", "have coordinates only, and not all provinces have polygons that could place them"
    ledger = ledger.add(rule, located.sum(), "dropped", reason, rows["event_id"][located])
    nowhere = ~named & ~located
    reason = "have neither a province name nor coordinates"
    ledger = ledger.add("no place", nowhere.sum(), "dropped", reason, rows["event_id"][nowhere])
    reason, shown = "the name is no province of the gazetteer", listed_provinces(rows[named], gazetteer)
    return ledger.add("unknown province", named.sum(), "dropped", reason, shown, limit=None)


def nothing_left(file: str, ledger: Ledger) -> InputError:
    """What dropped most of the records, with an example, and the way out; what is no attack is named last."""
    gone = [entry for entry in ledger if entry.action in ("dropped", "excluded") or entry.rule in _UNLOCATED]
    gone.sort(key=lambda entry: (entry.action == "excluded" and entry.rule != "country", -entry.rows))
    main, *others = gone
    example = f", such as {main.examples[0]}" if main.examples else ""
    problem = f"no record is left; dropped were {main.rows:,} ({main.rule}: {main.reason}{example})"
    problem += "".join(f", {entry.rows:,} ({entry.rule})" for entry in others)
    return InputError(problem, source=file, hint=_WAYS_OUT.get(main.rule, ""))


def _choose_units(
    draft: pd.DataFrame, ledger: Ledger, gazetteer: Gazetteer, boundaries: Boundaries | None
) -> tuple[pd.DataFrame, Ledger]:
    """Within a divided province, coordinates decide which part a record belongs to."""
    divided = ~draft[names.PROVINCE].isin(gazetteer.units)
    if not divided.any():
        return draft, ledger
    rows = draft[divided]
    part = locate(rows[names.LATITUDE], rows[names.LONGITUDE], gazetteer, boundaries, among=rows[names.PROVINCE])
    ledger = _note_nearest(
        rows.join(part[["how", "distance_km", "doubtful"]])[part["how"] == "nearest"], ledger, "part"
    )
    draft = draft.assign(**{names.PROVINCE: draft[names.PROVINCE].mask(divided, part[names.PROVINCE])})
    lost = draft[names.PROVINCE].isna()
    return _drop(
        draft,
        ledger,
        lost,
        "divided province",
        "no coordinates that tell which part it belongs to",
        "event_id",
    )


def _drop(
    draft: pd.DataFrame,
    ledger: Ledger,
    rows: pd.Series,
    rule: str,
    reason: str,
    example: str,
    action: Action = "dropped",
) -> tuple[pd.DataFrame, Ledger]:
    if not rows.any():
        return draft, ledger
    return draft[~rows], ledger.add(rule, int(rows.sum()), action, reason, draft[example][rows].drop_duplicates())
