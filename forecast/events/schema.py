"""The final types of an events table, checked."""

import pandas as pd

from forecast import names
from forecast.errors import InputError

__all__ = ["validated"]

_TEXT = (
    names.COUNTRY,
    names.PROVINCE,
    names.TACTIC,
    "actor",
    "opponent",
    "target",
    "source",
    "place_precision",
    "date_precision",
)


def validated(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """The table with its final types, checked against the schema of the events table."""
    import pandera.pandas as pa

    text = {column: pa.Column("category", nullable=column in ("actor", "opponent", names.PROVINCE)) for column in _TEXT}
    closed = {
        "target": names.TARGETS,
        "place_precision": names.PLACE_PRECISIONS,
        "date_precision": names.DATE_PRECISIONS,
    }
    for column, allowed in closed.items():
        text[column] = pa.Column("category", pa.Check.isin(list(allowed)))
    moment = "datetime64[ns]"
    schema = pa.DataFrameSchema(
        {
            "event_id": pa.Column("str", unique=True),
            "date": pa.Column(moment),
            "date_end": pa.Column(moment),
            names.ATTACKS: pa.Column("int64", pa.Check.ge(1)),
            names.LATITUDE: pa.Column("float64", pa.Check.in_range(-90, 90), nullable=True),
            names.LONGITUDE: pa.Column("float64", pa.Check.in_range(-180, 180), nullable=True),
            "fatalities": pa.Column("Int64", pa.Check.ge(0), nullable=True),
            "reported": pa.Column(moment, nullable=True),
            **text,
        },
        checks=pa.Check(lambda t: t["date_end"] >= t["date"], error="date_end before date"),
        strict=True,
    )
    kinds = dict.fromkeys(_TEXT, "category") | {
        "event_id": "str",
        "fatalities": "Int64",
        names.ATTACKS: "int64",
    }
    kinds |= dict.fromkeys(("date", "date_end", "reported"), moment)
    try:
        return schema.validate(table.astype(kinds), lazy=True)
    except pa.errors.SchemaErrors as error:
        case = error.failure_cases.iloc[0]
        row = "" if pd.isna(case["index"]) else f"row {int(case['index'])} of the events table, "
        raise InputError(
            "is not valid",
            source=file,
            where=f"{row}column {case['column']}",
            found=str(case["failure_case"]),
            expected=str(case["check"]),
        ) from error
