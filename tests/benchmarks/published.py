"""Published totals of Syria: months whose numbers by province are hidden, and the totals of the month ahead.

    python tests/benchmarks/published.py hidden
    python tests/benchmarks/published.py ahead --workers 2 --folder FOLDER

Hidden: of each month that has a total and numbers of some of its provinces, these are taken out, and predicted from the
month's total by a fit to the rest; against the average of the other months' shares. Ahead: each month is forecast from
those before it, and the totals of the last 24 published months of each zone are scored, against the last total, the
mean of the last three and exponential smoothing of the same series. Where the fast engine's certificate fails, a fit is
sampled, for minutes; with a folder, a run that was broken off goes on. The tables go to
`tests/statistical/reference/syria_hidden.csv` and `syria_ahead.csv`.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats

import forecast as fc
from forecast import names
from forecast.config import read_settings
from forecast.datasets import data_path
from forecast.files import write_csv
from forecast.inference.likelihood.published import published_parameters
from forecast.inference.likelihood.splits import PSI
from forecast.inference.posterior.bayesian import posterior_draws
from forecast.inference.posterior.labels import eta
from forecast.prediction.report_splits import Split, draw_within, turns_of

HERE = Path(__file__).resolve().parents[1] / "statistical" / "reference"
MONTHS = 24
MEASURED = ["crps", "crps_log", "log_score", "inside_50", "inside_90"]
KEY = ["zone", "definition", "publisher", "period_start"]
SETTINGS = read_settings(data_path("syria_reports.toml"))
MODEL = SETTINGS.built_model()
ENDS = {"central": "2024-11-30"}
# The totals that are scored: what each zone's publisher counts now.
NOW = {
    "central": "central: confirmed, Counter Extremism Project",
    "northeast": "northeast: confirmed, Rojava Information Center",
}


def table():
    """The published record."""
    return pd.read_csv(data_path("syria_reports.csv"))


def hidden_months(reports):
    """Zone, definition, publisher and month with a total and numbers of its provinces: the total's row, and these."""
    months = [pd.to_datetime(reports[end]).dt.to_period("M") for end in ("period_start", "period_end")]
    single = reports[(reports["tactic"] == "all") & (months[0] == months[1])]
    found = []
    for key, rows in single.groupby(KEY):
        size = rows["provinces"].str.count(r"\|") + 1
        parts = rows[size < size.max()]
        if size.max() > 3 and len(parts):
            found.append((dict(zip(KEY, key, strict=True)), rows[size == size.max()].iloc[0], parts))
    return found


def log_mass(shares, counts, concentration=None):
    """Log of the mean probability of counts over draws of shares (draw, part); the last count is what is left.

    Beta-binomials in turn by the concentration of each step, a multinomial where there is none.
    """
    left = np.maximum(1 - shares.sum(axis=1, keepdims=True), 1e-9)
    every = np.concatenate([shares, left], axis=1)
    if concentration is None:
        each = stats.multinomial(counts.sum(), every / every.sum(axis=1, keepdims=True)).logpmf(counts)
    else:
        each = 0.0
        for number, count in enumerate(counts[:-1]):
            p = every[:, number] / every[:, number:].sum(axis=1)
            # Of the last part of all there are, whose share is 1, the concentration is infinite.
            alpha = np.maximum(np.minimum(concentration[:, number], 1e8) * [p, 1 - p], 1e-9)
            each = each + stats.betabinom(counts[number:].sum(), *alpha).logpmf(count)
    return special.logsumexp(each) - np.log(len(shares))


def hidden():
    """A row per hidden number, with the log score of its month's split."""
    reports, rows = table(), []
    found = hidden_months(reports)
    start = fc.fit(MODEL, fc.Panel.from_published(reports), engine="laplace", seed=1)
    for number, (key, total, parts) in enumerate(found):
        panel = fc.Panel.from_published(reports.drop(parts.index))
        fit = fc.fit(MODEL, panel, start=start, seed=number)
        split, turns = split_draws(fit, key, total, parts, number)
        shares = turns.share[:, 1:]
        others = [other for other in found if other[0] != key and other[0]["zone"] == key["zone"]]
        counts = np.append(parts["attacks"], total["attacks"] - parts["attacks"].sum()).astype(int)
        ours = log_mass(shares, counts, turns.concentration[:, 1:])
        theirs = log_mass(usual_shares(parts, others, counts), counts)
        whole = np.full((len(shares), 1 + len(parts)), counts.sum())
        drawn = draw_within(np.random.default_rng(number), whole, [split], turns)[:, 1:]
        for column, own in enumerate(parts["provinces"]):
            count = counts[column]
            rows.append(
                key
                | {"provinces": own, "attacks": count, "total": counts.sum()}
                | {"pit_lower": (drawn[:, column] < count).mean(), "pit_upper": (drawn[:, column] <= count).mean()}
                | {f"inside_{level}": inside(drawn[:, column], count, level / 100) for level in (50, 90)}
                | {"log_score": -ours, "log_score_average": -theirs}
            )
        print(*key.values(), len(parts), f"{-ours:.2f} {-theirs:.2f}", flush=True)
    kept = pd.DataFrame(rows)
    write_csv(HERE / "syria_hidden.csv", kept.round(6))
    return kept


def split_draws(fit, key, total, parts, seed):
    """The split of the month's total, row 0, into the hidden numbers, and draws of what these are drawn by."""
    panel = fit.panel
    month = list(panel.periods).index(pd.Timestamp(key["period_start"]))
    values = posterior_draws(fit, 4000, seed)
    mu = np.exp(eta(fit.bound, values))[:, :, 0, month]
    at = {}
    for code in total["provinces"].split("|"):
        own = f"{code}@{key['zone']}"
        at[code] = panel.provinces.index(own if own in panel.provinces else code)
    cells = [mu[:, [at[code] for code in own.split("|")]] for own in [total["provinces"], *parts["provinces"]]]
    sums = np.stack([each.sum(axis=1) for each in cells], axis=1)
    squares = np.stack([(each**2).sum(axis=1) for each in cells], axis=1)
    size = sums**2 * np.exp(values["log_phi"].reshape(-1, 1)) / squares
    psi = np.exp(values[PSI][:, [published_parameters(fit.bound)[PSI][2].index(key["zone"])]])
    is_complete = sum(each.shape[1] for each in cells[1:]) == cells[0].shape[1]
    split = Split(0, tuple(range(1, len(cells))), is_complete)
    psi = np.broadcast_to(psi, size.shape)
    return split, turns_of([split], sums / sums[:, :1], size, psi, psi)


def inside(drawn, count, level):
    """Whether the central interval, bounds included, holds a count."""
    lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return bool(lower <= count <= upper)


def usual_shares(parts, others, counts):
    """Average shares of the other months, so that they leave half an attack where something is left."""
    usual = np.array([[average(own, others) for own in parts["provinces"]]])
    most = 1 - 0.5 / counts.sum() if counts[-1] else 1.0
    return usual * min(1.0, most / usual.sum())


def average(own, others):
    """Mean share of a set of provinces in the months in which it was published."""
    shares = [
        float(parts["attacks"][parts["provinces"] == own].iloc[0]) / total["attacks"]
        for _, total, parts in others
        if (parts["provinces"] == own).any()
    ]
    return float(np.clip(np.mean(shares), 1e-3, 1 - 1e-3)) if shares else 0.25


def ahead(workers, folder):
    """Scores of the last published totals of each zone, a month ahead."""
    panel = fc.Panel.from_published(table(), zone_ends=ENDS)
    models = {"published": MODEL, "last": fc.Last(), "mean of three": fc.RecentMean(window=3)}
    models |= {"smoothing": fc.ExponentialSmoothing()}
    origins = len(panel.periods) - int(np.searchsorted(panel.periods, first_month(panel)))
    with ProcessPoolExecutor(workers) as pool:
        options = {"horizon": 1, "baselines": False, "draws": 1000, "executor": pool}
        options |= {"folder": folder, "resume": folder is not None}
        done = fc.backtest(models, panel, origins=origins, seed=1, **options)
    print(done, done.failures.to_string())
    scores = done.of("zone")
    kept = []
    for label in NOW.values():
        own = scores[scores[names.PROVINCE] == label]
        last = np.sort(own[names.PERIOD].unique())[-MONTHS:]
        kept.append(own[own[names.PERIOD].isin(last)])
    found = pd.concat(kept, ignore_index=True)
    columns = [*names.SCORE_KEYS, names.OBSERVED, *MEASURED, "pit_lower", "pit_upper"]
    write_csv(HERE / "syria_ahead.csv", found[columns].round(6))
    return found


def first_month(panel):
    """The first of the last 24 published months of any zone."""
    from forecast.panel.zone_totals import totals_panel

    totals = totals_panel(panel).attacks.isel(tactic=0)
    return min(totals.sel(province=label).dropna("period").period.values[-MONTHS] for label in NOW.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["hidden", "ahead"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where months ahead are kept, and gone on with")
    given = parser.parse_args()
    if given.which == "hidden":
        kept = hidden()
        print(kept.groupby("zone")[["inside_50", "inside_90"]].agg(["mean", "count"]))
        months = kept.drop_duplicates(KEY)
        print(months[["log_score", "log_score_average"]].describe())
    else:
        kept = ahead(given.workers, given.folder)
        print(kept.groupby([names.PROVINCE, names.MODEL])[MEASURED].mean())
        print(fc.skill(kept, "last", by=("province",)))


if __name__ == "__main__":
    main()
