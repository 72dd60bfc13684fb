"""Priority classes of provinces by what is expected of them, and a grade of how well the model did there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.report.backtest import BASELINE, BacktestPart
from forecast.report.figures import Outlook
from forecast.report.wording import model_label

__all__ = ["grades", "priorities", "priority_rule", "with_priorities"]

# A province is of the first class whose share the provinces with more attacks do not reach together.
_SHARES = (0.5, 0.8, 0.95)
_NO_ATTACK = 5


def priorities(expected: "pd.Series[float]") -> "pd.Series[Any]":
    """Classes 1 to 5 of provinces by their expected attacks (medians); equal numbers have equal classes."""
    values = expected.to_numpy(float)
    above = np.array([values[values > value].sum() for value in values]) / max(values.sum(), 1.0)
    classes = 1 + np.searchsorted(_SHARES, above, side="right")
    return pd.Series(np.where(values > 0, classes, _NO_ATTACK), expected.index)


def grades(part: BacktestPart) -> dict[str, str]:
    """'A', 'B' or 'C' of each province that the backtest's test of skill has something to say of."""
    table = part.places
    if table.empty:
        return {}
    tested = table[table["lower"].notna() & table["upper"].notna()]
    letters = np.where(tested["upper"] < 0, "A", np.where(tested["lower"] > 0, "C", "B"))
    return dict(zip(tested[names.PROVINCE], letters.tolist(), strict=True))


def with_priorities(outlook: Outlook, part: BacktestPart | None) -> Outlook:
    """The figures of provinces with the columns `priority`, and `grade` where a backtest tells any."""
    if len(outlook.provinces) < 2:
        return outlook
    provinces = outlook.provinces.assign(priority=priorities(outlook.provinces["sum_median"]))
    known = {} if part is None else grades(part)
    if known:
        provinces = provinces.assign(grade=[known.get(key, "–") for key in provinces[names.PROVINCE]])
    return replace(outlook, provinces=provinces)


def priority_rule(outlook: Outlook) -> str:
    """What the classes and grades mean; '' where there are none."""
    if "priority" not in outlook.provinces:
        return ""
    rule = (
        f"Priority, by attacks expected, {outlook.span}, the most first: 1 are the fewest provinces whose medians make "
        "up half of the sum of all medians, 2 are those up to 80% of it, 3 up to 95%, 4 all others that expect an "
        "attack, and 5 those that expect none."
    )
    if "grade" in outlook.provinces:
        rule += (
            " Grade, by forecast errors at the past dates of the backtest: A where the model was better than "
            f"{model_label(BASELINE)}, C where it was worse, B where the two are not clearly apart (the 95% interval "
            "of the difference holds 0), – where too little is known."
        )
    return rule
