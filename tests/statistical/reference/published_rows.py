"""Tables of reports, for tests: single rows, and a simulated zone."""

import numpy as np
import pandas as pd

PROVINCES = ["SY02", "SY04", "SY08", "SY11"]
MONTHS = pd.period_range("2019-01", periods=30, freq="M")
DISPERSION = 2.0


def row(provinces, attacks, month="2021-03", end=None, **more):
    """One published count; `month` and `end` such as 2021-03."""
    last = pd.Period(end or month, "M").end_time.normalize()
    return {
        "period_start": f"{month}-01",
        "period_end": f"{last:%Y-%m-%d}",
        "zone": "northeast",
        "provinces": provinces,
        "tactic": "all",
        "attacks": attacks,
        "definition": "recorded",
        "bound": "exact",
        "publisher": "RIC",
        **more,
    }


def truth(rng):
    """Expected counts and counts (province, month) of a zone of four provinces over 30 months."""
    zone = np.cumsum(rng.normal(0, 0.15, len(MONTHS)))
    own = np.cumsum(rng.normal(0, 0.12, (len(PROVINCES), len(MONTHS))), axis=1)
    expected = np.exp(1.6 + rng.normal(0, 0.6, (len(PROVINCES), 1)) + zone + own)
    # So overdispersed that the shares of a month's total have about twice the SD of a multinomial's.
    return expected, rng.negative_binomial(DISPERSION, DISPERSION / (DISPERSION + expected))


def published(counts, rng):
    """Totals of two months in three; of four in ten of these two provinces by themselves; and the cells in them."""
    rows, known = [], np.zeros(counts.shape, dtype=bool)
    for at in range(len(MONTHS)):
        if rng.random() < 2 / 3:
            rows.append(told(counts, at, [0, 1, 2, 3]))
            if rng.random() < 0.4:
                for number in rng.choice(4, 2, replace=False):
                    rows.append(told(counts, at, [number]))
                    known[number, at] = True
    return pd.DataFrame(rows), known


def told(counts, at, provinces, scale=1.0, **more):
    """A row with the sum over some provinces of a month."""
    codes = "|".join(PROVINCES[number] for number in provinces)
    return row(codes, int(scale * counts[provinces, at].sum()), str(MONTHS[at]), **more)


def of_every_kind(seed):
    """Totals, splits, claimed numbers beside and without them, another publisher, a floor, and a year."""
    rng = np.random.default_rng(seed)
    _, counts = truth(rng)
    table, _ = published(counts, rng)
    every = [0, 1, 2, 3]
    claimed = [told(counts, at, every, 0.6, definition="claimed") for at in range(0, 30, 4)]
    others = [told(counts, at, every, 0.8, publisher="other") for at in range(1, 30, 5)]
    year = row("|".join(PROVINCES), int(counts[:, 12:24].sum()), "2020-01", "2020-12")
    missing = next(at for at in range(30) if str(MONTHS[at]) + "-01" not in set(table["period_start"]))
    floor = told(counts, missing, every, 0.7, bound="at_least")
    return pd.concat([table, pd.DataFrame([*claimed, *others, year, floor])], ignore_index=True)
