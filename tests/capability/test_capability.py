"""Capability measured from indicators: recovery of known paths, signs, periods of all lengths, probits, storage."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import forecast as fc
from forecast.capability import posterior
from forecast.capability.measurement import on_working_scale
from forecast.capability.parameters import Layout
from forecast.capability.state_space import Force, _cumulators, _probit
from forecast.errors import InputError
from forecast.simulate.processes import unit_autoregression

PERIODS = pd.date_range("2020-01-01", periods=48, freq="MS")


def simulated(rng, forces=("A",), *, monthly=True, noise=0.5):
    """Truth by force, and indicators: a share with its total, a count, an index that falls, a quarterly rating."""
    paths, rows = unit_autoregression(rng, len(forces), len(PERIODS), half_life=12.0, freq="MS"), []
    truth = dict(zip(forces, paths, strict=True))
    for force, own in truth.items():
        for number, start in enumerate(PERIODS):
            month = (start, start + pd.offsets.MonthEnd(1))
            chance = 1 / (1 + np.exp(-(0.8 * own[number] + noise * rng.standard_normal())))
            values = {
                "own_share": (rng.binomial(60, chance) / 60, "share", 1, 60),
                "partnered": (
                    rng.poisson(np.exp(3 + 0.5 * own[number] + 0.3 * rng.standard_normal())),
                    "count",
                    1,
                    None,
                ),
                "reliance": (-0.8 * own[number] + noise * rng.standard_normal(), "index", -1, None),
            }
            rows += [(force, name, *month, *value) for name, value in values.items() if monthly]
            if number % 3 == 2:
                signal = 1.2 * own[number - 2 : number + 1].mean() + rng.standard_normal()
                level = 1 + int(np.searchsorted([-1.5, -0.5, 0.5, 1.5], signal))
                rows.append((force, "rating", PERIODS[number - 2], month[1], level, "ordinal 1-5", 1, None))
    columns = ["force", "indicator", "period_start", "period_end", "value", "scale", "direction", "total"]
    return truth, fc.Indicators.from_frame(pd.DataFrame(rows, columns=columns), simulated=True)


@pytest.fixture(scope="module")
def measured():
    truth, indicators = simulated(np.random.default_rng(1), ("A", "B"))
    return truth, fc.measure_capability(indicators, draws=200, seed=1)


def test_the_path_is_found(measured):
    truth, capability = measured
    assert capability.forces == ["A", "B"]
    frame = capability.to_frame()
    for force, own in truth.items():
        rows = frame[frame["force"] == force]
        assert np.corrcoef(rows["mean"], own)[0, 1] > 0.8
        assert ((rows["lower"].to_numpy() <= own) & (own <= rows["upper"].to_numpy())).mean() > 0.7
    assert set(np.sign(capability.loadings.set_index("indicator")["loading"]["reliance"])) == {-1}
    assert (capability.loadings["lower"] * capability.loadings["upper"] > 0).all()
    np.testing.assert_allclose(np.diagonal(capability.covariance, axis1=1, axis2=2), capability.sd**2, rtol=1e-9)


def test_text_plot_and_storage(measured, tmp_path):
    _, capability = measured
    assert "SIMULATED" in repr(capability)
    assert "<table" in capability._repr_html_()
    assert len(capability.plot().to_dict()["vconcat"]) == 2
    capability.save(tmp_path / "capability.nc")
    again = fc.Capability.load(tmp_path / "capability.nc")
    assert again.dataset.equals(capability.dataset)
    pd.testing.assert_frame_equal(again.indicators.table, capability.indicators.table)
    with pytest.raises(InputError):
        fc.Capability.load(tmp_path / "nothing.nc")


def test_the_same_seed_gives_the_same_draws_and_later_reports_change_none():
    _, indicators = simulated(np.random.default_rng(2), monthly=False)
    made = fc.measure_capability(indicators, draws=50, seed=3, known="2023-06-30", end="2023-12-31")
    table = indicators.to_frame()
    late = table["period_end"] > "2023-06-30"
    table.loc[late, "value"] = 5
    other = fc.measure_capability(
        fc.Indicators.from_frame(table), draws=50, seed=3, known="2023-06-30", end="2023-12-31"
    )
    assert late.any()
    assert made.dataset.equals(other.dataset)


def test_few_ratings_say_little_and_nothing_beyond_the_data_says_nothing():
    _, indicators = simulated(np.random.default_rng(4), monthly=False)
    capability = fc.measure_capability(indicators, draws=200, seed=1, end="2033-12-31")
    spread = capability.sd.values[0]
    assert spread[:48].mean() > 0.5
    assert spread[-1] == pytest.approx(1.0, abs=0.15)
    assert "little" in repr(capability) or "hardly anything" in repr(capability)


def test_a_rating_can_be_scored():
    _, indicators = simulated(np.random.default_rng(4), monthly=False)
    scored = fc.measure_capability(indicators, prior=fc.Measurement(ordinal="scored"), draws=100, seed=1)
    probit = fc.measure_capability(indicators, draws=100, seed=1)
    assert np.corrcoef(scored.mean.values[0], probit.mean.values[0])[0, 1] > 0.9
    with pytest.raises(InputError, match="probit or scored"):
        fc.Measurement(ordinal="logit")


def test_weeks():
    truth, indicators = simulated(np.random.default_rng(5))
    capability = fc.measure_capability(indicators, draws=50, seed=1, freq="W")
    assert capability.dataset.attrs["freq"] == "W-MON"
    middle = capability.mean.sel(period=PERIODS + pd.Timedelta(days=14), method="nearest").values[0]
    assert np.corrcoef(middle, truth["A"])[0, 1] > 0.8


def test_wrong_requests():
    _, indicators = simulated(np.random.default_rng(4), monthly=False)
    for arguments, found in (
        ({"draws": 1}, "draws"),
        ({"seed": -1}, "seed"),
        ({"end": "2019-01-01", "start": "2020-01-01"}, "end"),
    ):
        with pytest.raises(InputError, match=found):
            fc.measure_capability(indicators, **{"seed": 1, **arguments})
    with pytest.raises(InputError, match="no indicator with a direction"):
        fc.measure_capability(indicators.with_direction("rating", 0), seed=1)


# The parts -----------------------------------------------------------------------------------------------------------


def test_likelihood_and_draws_are_those_of_the_joint_normal():
    """Monthly and quarterly values of one force, some missing: against the path and all values as one normal vector."""
    rng = np.random.default_rng(6)
    rows = [("A", "x", month, month, rng.standard_normal(), "index", 1) for month in range(12) if month != 4]
    rows += [("A", "q", first, first + 2, rng.standard_normal(), "index", -1) for first in (0, 3, 6)]
    rows += [("A", "q", 1, 6, 0.3, "index", -1)]
    table = pd.DataFrame(rows, columns=["force", "indicator", "first", "last", "value", "scale", "direction"])
    table = table.assign(working=table["value"], sampling=0.0)
    layout = Layout.of(table, 1.0, fc.Measurement())
    vector = rng.standard_normal(layout.size)
    damping = layout.damping(vector)
    path_covariance = damping ** np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    read, loading, noise = np.zeros((len(table), 12)), layout.loading(vector, 0), layout.noise(vector)
    of = np.array([layout.indicators.index(name) for name in table["indicator"]])
    for row, (first, last) in enumerate(zip(table["first"], table["last"], strict=True)):
        read[row, first : last + 1] = loading[of[row]] / (last - first + 1)
    covariance = read @ path_covariance @ read.T + np.diag(noise[of] ** 2) + 25.0 * (of[:, None] == of)
    expected = stats.multivariate_normal(np.zeros(len(table)), covariance).logpdf(table["working"])
    force = Force(layout, 0, table, 12)
    assert force.log_likelihood(vector) == pytest.approx(expected, abs=1e-6)
    gain = path_covariance @ read.T @ np.linalg.inv(covariance)
    mean, spread = gain @ table["working"], np.sqrt(np.diag(path_covariance - gain @ read @ path_covariance))
    drawn = force.drawn(vector, 4000, rng)
    # Errors of 4,000 draws: 0.016 SDs and 1.1 %.
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.07 * spread.max())
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=0.05)


def test_one_rating_against_quadrature():
    table = pd.DataFrame({"force": ["A"], "indicator": ["r"], "value": [4], "scale": ["ordinal 1-5"], "direction": [1]})
    table = table.assign(first=0, last=0, working=4.0, sampling=0.0)
    layout = Layout.of(table, 1.0, fc.Measurement(level=fc.Normal(0.0, 0.5)))
    vector = np.linspace(-0.5, 0.5, layout.size)
    cuts, spread = layout.cuts(vector, 0), np.hypot(layout.loading(vector, 0)[0], 0.5)
    mass = lambda at: stats.norm.cdf(cuts[4] - at) - stats.norm.cdf(cuts[3] - at)  # noqa: E731
    exact = integrate.quad(lambda at: mass(at) * stats.norm.pdf(at, scale=spread), -8, 8)[0]
    assert Force(layout, 0, table, 1).log_likelihood(vector) == pytest.approx(np.log(exact), abs=0.03)


def test_the_probit_has_its_derivatives_also_in_the_tails():
    signal, step = np.array([-9.0, -1.0, 0.3, 2.0, 12.0, 0.0]), 1e-4
    lower = np.array([-1.0, -np.inf, -0.5, 1.0, -1.0, 0.2])
    upper = np.array([0.5, -0.3, 0.5, np.inf, 0.5, 0.3])
    mass, slope, weight = _probit(signal, lower, upper)
    up, down = (_probit(signal + sign * step, lower, upper) for sign in (1, -1))
    np.testing.assert_allclose(slope, (up[0] - down[0]) / (2 * step), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weight, -(up[1] - down[1]) / (2 * step), rtol=1e-4, atol=1e-6)
    middle = slice(1, 4)
    expected = np.log(stats.norm.cdf(upper - signal) - stats.norm.cdf(lower - signal))
    np.testing.assert_allclose(mass[middle], expected[middle])


def test_spans_share_a_cumulator_where_they_do_not_overlap():
    state, cumulators = _cumulators([(0, 2), (1, 6), (2, 2), (3, 5), (7, 8)])
    assert state == {(0, 2): 1, (1, 6): 2, (2, 2): 0, (3, 5): 1, (7, 8): 1}
    assert cumulators == [[(0, 2), (3, 5), (7, 8)], [(1, 6)]]


def test_working_scales():
    table = pd.DataFrame(
        {
            "force": "A",
            "indicator": ["s", "s", "c", "c", "r", "r"],
            "value": [0.0, 0.5, 3, 0, 2, 4],
            "scale": ["share", "share", "count", "count", "ordinal 1-5", "ordinal 1-5"],
            "total": [20.0, 20.0, np.nan, np.nan, np.nan, np.nan],
            "first": 0,
            "last": [0, 0, 2, 0, 0, 0],
        }
    )
    scaled = on_working_scale(table, "probit")
    low = np.log(0.5 / 20.5)
    sd = abs(low) / 2
    np.testing.assert_allclose(scaled["working"][:2], [low / 2 / sd, -low / 2 / sd])
    assert scaled["sampling"][1] == pytest.approx(1 / (20 * 0.25) / sd**2)
    assert scaled["working"][2] - scaled["working"][3] == pytest.approx(2.0)
    assert scaled["working"].tolist()[4:] == [2, 4]
    assert on_working_scale(table, "scored")["working"].tolist()[4:] == [-1, 1]


def test_measuring_has_an_end_and_says_it(monkeypatch):
    monkeypatch.setattr(posterior, "_MOST_SECONDS", 1e-9)
    _, indicators = simulated(np.random.default_rng(1))
    with pytest.raises(InputError, match=r"takes too long to measure .found 4 indicators; expected at most 1e-09"):
        fc.measure_capability(indicators, draws=10, seed=1)
