"""Expected reports: moments, the same posterior sample throughout, later panels, and fitted counts."""

import numpy as np
import pandas as pd
import pytest
from published_rows import row

import forecast as fc
from forecast.errors import InputError
from forecast.prediction.reports import fitted_totals, report_predictive

MODEL = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.NegativeBinomial(by=None), "m")
ZONE = "SY02|SY08|SY09"
MU, PHI = np.array([5.0, 10.0, 25.0]), 4.0
SIZE = 40**2 / (MU**2 / PHI).sum()
# How much concentrations of parts are below those of cells; the concentration of subsets.
PSI, NU = 0.4, 12.0
ROWS = [
    row(ZONE, 42),
    row("SY09", 29),
    row(ZONE, 30, definition="claimed"),
    row(ZONE, 20, "2021-04"),
    row(ZONE, 9, "2021-04", publisher="other"),
    row("SY08", 3, "2021-05", publisher="local"),
    row(ZONE, 60, "2021-05", "2021-06"),
]
LATER = [
    *ROWS,
    row(ZONE, 44, "2021-07"),
    row("SY09", 24, "2021-07"),
    row("SY08", 12, "2021-07"),
    row("SY02", 8, "2021-07"),
    row(ZONE, 22, "2021-07", definition="claimed"),
    row(ZONE, 50, "2021-08", publisher="new"),
    row(ZONE, 40, "2021-09"),
]


@pytest.fixture(scope="module")
def panel():
    return fc.Panel.from_published(pd.DataFrame(ROWS), days=False)


@pytest.fixture(scope="module")
def made(make_fit, panel):
    """A fit of known expectations: 5, 10 and 25 a month; `other` counts half of them, and half are claimed."""

    def make(**changed):
        values = {"intercept": 0.0, "level_province": np.log(MU), "sigma_level_province": 1.0, "log_phi": np.log(PHI)}
        factors = {"log_factor": [0.0, np.log(0.5)], "logit_share": [0.0]}
        scatter = {"log_psi": [np.log(PSI)], "log_nu": [np.log(NU)]}
        return make_fit(MODEL, panel, {**values, **factors, **scatter, **changed}, draws=1000)

    return make


@pytest.fixture(scope="module")
def fit(made):
    return made()


@pytest.fixture(scope="module")
def forecast(fit):
    return fc.predict(fit, 2, draws=2000, seed=3)


def test_the_next_totals_have_the_moments_of_the_likelihood(fit, forecast):
    table = fc.expected_published(fit, forecast, levels=(0.9,))
    assert list(table.columns[-5:]) == ["mean", "mcse", "median", "lower_90", "upper_90"]
    # `local` never gave a total of the zone.
    keys = [
        ("RIC", "claimed", 0.5, "2021-03"),
        ("RIC", "recorded", 1.0, "2021-04"),
        ("other", "recorded", 0.5, "2021-04"),
    ]
    assert len(table) == 2 * len(keys)
    for number, (publisher, definition, scale, last) in enumerate(keys):
        for step, line in enumerate(table.iloc[2 * number : 2 * number + 2].to_dict("records"), 1):
            assert (line["publisher"], line["definition"], line["horizon"]) == (publisher, definition, step)
            assert (f"{line['last']:%Y-%m}", line["period"]) == (last, forecast.periods[step - 1])
            assert abs(line["mean"] - 40 * scale) < 4.5 * line["mcse"]
            # What is claimed is a subset of what is recorded, and scatters about its share.
            scatter = (1 + 1 / SIZE) / (1 + NU) if definition == "claimed" else 0.0
            variance = 40 * scale + (40 * scale) ** 2 * (1 / SIZE + scatter)
            # The error of a variance of 2,000 draws is some 4 %.
            assert line["mcse"] ** 2 * 2000 == pytest.approx(variance, rel=0.2)
            assert line["lower_90"] < line["median"] < line["upper_90"]


def test_every_draw_is_of_one_posterior_sample(made):
    """Where the factor is the inverse of the level in each sample, what is reported knows nothing of the level."""
    level = np.random.default_rng(1).normal(0.0, 1.0, 2000)
    factor = np.stack([np.zeros(2000), -level], axis=1)
    fit = made(intercept=level, log_factor=factor, log_phi=20.0)
    drawn = fc.published_draws(fit, fc.predict(fit, 1, draws=2000, seed=5))
    other = drawn.values[:, (drawn["publisher"] == "other").values]
    # Poisson around 40: any other pairing has a variance of thousands.
    assert other.var() == pytest.approx(40, rel=0.2)


def test_counts_of_a_later_panel(fit, forecast):
    drawn = fc.published_draws(fit, forecast, fc.Panel.from_published(pd.DataFrame(LATER)))
    labels = (drawn[name].values for name in ("kind", "definition", "lower"))
    counts = [(str(kind), str(definition), int(lower)) for kind, definition, lower in zip(*labels, strict=True)]
    whole, claimed = ("total", "recorded", 44), ("subset", "claimed", 22)
    parts = {("part", "recorded", count): mu for count, mu in zip((8, 12, 24), MU, strict=True)}
    # September lies after the forecast, and nothing is known of `new`.
    assert sorted(counts) == sorted([whole, *parts, claimed])
    by = {key: drawn.values[:, at] for at, key in enumerate(counts)}
    for key, share in ((claimed, 0.5), *((key, mu / 40) for key, mu in parts.items())):
        assert (by[key] <= by[whole]).all()
        assert by[key].sum() / by[whole].sum() == pytest.approx(share, abs=0.02)
    np.testing.assert_array_equal(sum(by[key] for key in parts), by[whole])
    _, mean, size = report_predictive(fit, forecast, fc.Panel.from_published(pd.DataFrame(LATER)))
    for at, key in enumerate(counts):
        # Of 2,000 draws, whose variances have errors of some 5 %.
        variance = mean[:, at].mean() + mean[:, at].mean() ** 2 / size[:, at].mean()
        assert by[key].var() == pytest.approx(variance, rel=0.2)
    np.testing.assert_array_equal(
        drawn, fc.published_draws(fit, forecast, fc.Panel.from_published(pd.DataFrame(LATER)))
    )


def test_what_is_claimed_next_is_among_what_is_recorded_next(fit, forecast):
    drawn = fc.published_draws(fit, forecast)
    claimed, recorded = (
        drawn.values[:, ((drawn["publisher"] == "RIC") & (drawn["definition"] == definition)).values]
        for definition in ("claimed", "recorded")
    )
    assert claimed.shape == recorded.shape == (2000, 2)
    assert (claimed <= recorded).all()
    assert (claimed < recorded).any()


def test_a_zone_that_was_never_split_has_parts_by_the_prior(make_fit):
    """Shares scatter by psi from its prior: more than with psi at its median."""
    panel = fc.Panel.from_published(pd.DataFrame([row(ZONE, 42), row(ZONE, 30, "2021-04")]))
    values = {"intercept": 0.0, "level_province": np.log(MU), "sigma_level_province": 1.0, "log_phi": np.log(PHI)}
    fit = make_fit(MODEL, panel, values, draws=1000)
    later = fc.Panel.from_published(pd.DataFrame([row(ZONE, 42, "2021-05"), row("SY09", 30, "2021-05")]))
    drawn = fc.published_draws(fit, fc.predict(fit, 1, draws=2000, seed=1), later).values
    share = drawn[:, 1][drawn[:, 0] >= 40] / drawn[:, 0][drawn[:, 0] >= 40]
    spread, rest = 25**2 / PHI, (5**2 + 10**2) / PHI
    at_median = 25 * 15 / 40**2 / (1 + 25 * 15 * (spread + rest) / (spread * rest))
    assert share.mean() == pytest.approx(25 / 40, abs=0.05)
    assert 1.2 * at_median < share.var() < 25 * 15 / 40**2


def test_nothing_is_drawn_where_nothing_was_published(fit, forecast):
    rows = [*ROWS, row(ZONE, 40, "2021-09")]
    assert fc.published_draws(fit, forecast, fc.Panel.from_published(pd.DataFrame(rows))).shape == (2000, 0)


def test_counts_of_events_beside_them_are_no_reports(make_fit):
    cells = [("SY08", "all", f"2021-{month:02d}", 9) for month in range(1, 7)]
    cells += [("SY09", "all", f"2021-{month:02d}", 20) for month in range(1, 7)]
    table = pd.DataFrame(cells, columns=["province", "tactic", "period", "attacks"])
    counts = fc.Panel.from_frame(table, days=False)
    rows = [row("SY08|SY09", 15, f"2021-{month:02d}") for month in range(1, 7)]
    panel = counts.with_published(pd.DataFrame(rows), gazetteer=fc.read_gazetteer())
    values = {"intercept": 0.0, "level_province": np.log([10.0, 20.0]), "sigma_level_province": 1.0, "log_phi": 2.0}
    fit = make_fit(MODEL, panel, {**values, "log_factor": [np.log(0.5)]}, draws=200)
    assert fc.fitted_published(fit, 10, seed=1)["mean"].round(6).tolist() == [15.0] * 6
    table = fc.expected_published(fit, fc.predict(fit, 1, draws=300, seed=1))
    assert abs(table["mean"].item() - 15) < 4.5 * table["mcse"].item()


def test_fitted_counts(fit):
    table = fc.fitted_published(fit, 10, seed=1)
    assert len(table) == len(ROWS)
    expected = {("RIC", "recorded", 42): 40, ("RIC", "recorded", 29): 25, ("RIC", "claimed", 30): 20}
    expected |= {("RIC", "recorded", 20): 40, ("other", "recorded", 9): 20, ("local", "recorded", 3): 10}
    expected |= {("RIC", "recorded", 60): 80}
    for line in table.to_dict("records"):
        assert line["mean"] == pytest.approx(expected[line["publisher"], line["definition"], line["lower"]])
        assert line["lower_90"] == pytest.approx(line["upper_90"])
    totals = fitted_totals(fit, 10, seed=1)
    assert len(totals) == 3 * 4
    assert sorted(set(totals["mean"].round(6))) == [20.0, 40.0]


def test_what_does_not_belong_together_is_refused(fit, forecast, make_panel, made):
    other = made(log_phi=0.0)
    with pytest.raises(InputError, match="was not made of this fit"):
        fc.expected_published(other, forecast)
    with pytest.raises(InputError, match="was not made of this fit"):
        fc.expected_published(fit, forecast.aggregate("total"))
    with pytest.raises(InputError, match="fit: is of the wrong type"):
        fc.fitted_published(fc.fit(fc.RecentMean(), make_panel(np.ones((2, 1, 6))), seed=1), seed=1)
