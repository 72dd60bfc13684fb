"""Published totals: what they say of cells that nobody published.

Months are alike in the truth, whatever their days. Four provinces of a zone over 30 months, of which a third is
published, mostly as totals (`published_rows`). Intervals of the expected counts of all other cells must cover at
their rate and be narrower than without the totals; unknown cells that are taken for 0 must fail.
"""

import numpy as np
import pandas as pd
import pytest
from published_rows import MONTHS, PROVINCES, published, truth

import forecast as fc
from forecast.inference.laplace.engine import LaplaceOptions, approximate
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.bayesian import posterior_draws
from forecast.inference.posterior.labels import eta

LEVELS = (fc.Intercept(), fc.Pooled("province"), fc.Walk(by="zone"), fc.Walk(by="province"))
MODEL = fc.Model(LEVELS, fc.NegativeBinomial(by=None), "published")
OPTIONS = NutsOptions(draws=400, tune=400, chains=2, progress=False)


def expected_draws(panel, seed):
    """Draws of the expected counts (sample, province, month); sampled where the certificate fails."""
    fit = approximate(MODEL, panel, LaplaceOptions(draws=400), seed=seed)
    if not fit.diagnostics["passed"].all():
        fit = sample_nuts(MODEL, panel, OPTIONS, seed=seed)
    return np.exp(eta(fit.bound, posterior_draws(fit, 400, seed)))[:, :, 0]


@pytest.mark.slow
def test_cells_that_nobody_published_are_covered_and_totals_help(full):
    replicates, inside, wide, narrow = (12 if full else 1), [], [], []
    for seed in range(replicates):
        rng = np.random.default_rng(seed)
        expected, counts = truth(rng)
        table, known = published(counts, rng)
        panel = fc.Panel.from_published(table, days=False)
        # The first and last months may be unpublished: the panel then is shorter.
        first = list(MONTHS.to_timestamp()).index(panel.periods[0])
        months = slice(first, first + len(panel.periods))
        hidden = ~known[:, months]
        draws = expected_draws(panel, seed)
        lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
        inside.append(((lower <= expected[:, months]) & (expected[:, months] <= upper))[hidden].mean())
        narrow.append(np.log(upper / lower)[hidden].mean())
        parts = table[~table["provinces"].str.contains("|", regex=False)]
        alone = fc.Panel.from_published(parts, days=False)
        lower, upper = np.quantile(expected_draws(alone, seed), [0.05, 0.95], axis=0)
        wide.append(np.log(upper / lower).mean())
    print(f"coverage {np.mean(inside):.3f}, widths {np.mean(narrow):.3f} and {np.mean(wide):.3f}")
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04 if full else 0.12)
    assert np.mean(narrow) < 0.9 * np.mean(wide)


@pytest.mark.slow
def test_unknown_cells_taken_for_zero_fail(full):
    inside = []
    for seed in range(6 if full else 1):
        rng = np.random.default_rng(seed)
        expected, counts = truth(rng)
        _, known = published(counts, rng)
        cells = pd.DataFrame(
            [
                (province, "all", month.start_time, counts[row, at] if known[row, at] else 0)
                for row, province in enumerate(PROVINCES)
                for at, month in enumerate(MONTHS)
            ],
            columns=["province", "tactic", "period", "attacks"],
        )
        panel = fc.Panel.from_frame(cells, days=False)
        model = fc.Model([fc.Intercept(), fc.Pooled("province"), fc.Walk(by="province")], MODEL.family, "zeros")
        fit = fc.fit(model, panel, engine="laplace", seed=seed)
        draws = np.exp(eta(fit.bound, posterior_draws(fit, 400, seed)))[:, :, 0]
        lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
        inside.append(((lower <= expected) & (expected <= upper))[~known].mean())
    assert np.mean(inside) < 0.5
