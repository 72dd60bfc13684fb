import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import forecast as fc
from forecast import names
from forecast.counts import draw_counts
from forecast.datasets import data_path
from forecast.events.places import read_gazetteer
from forecast.events.reading import read_events
from forecast.panel.build import build_panel
from forecast.simulate import simulate_events, simulate_panel
from forecast.simulate.processes import autoregression, unit_autoregression
from forecast.simulate.records import ACTOR, MISSPELT

IRAQ_ORDER = ["IQG10", "IQG16", "IQG13", "IQG01", "IQG15"]
SYRIA_ORDER = [["SY04", "SY09"], ["SY02"], ["SY07"], ["SY11"], ["SY08"]]


@pytest.fixture(scope="module")
def panel():
    return simulate_panel(seed=1)


@pytest.fixture(scope="module")
def events():
    return simulate_events(seed=1)


def z_scores(attacks, mu, phi, axis):
    """Sums of counts against their expectation, in standard deviations of negative binomial counts."""
    variance = (mu + mu**2 / phi).sum(axis=axis)
    return (attacks - mu).sum(axis=axis) / np.sqrt(variance)


def assert_calibrated(z):
    """Independent z scores: their sum of squares is chi-squared; bounds hold for 99.8 % of seeds."""
    z = np.ravel(z)
    low, high = stats.chi2.ppf([0.001, 0.999], len(z))
    assert low < (z**2).sum() < high


def poisson_slope(counts, offset, covariate):
    """Maximum likelihood slope of one covariate given the rest of log mu, and its robust standard error."""
    counts, offset, covariate = (np.ravel(values) for values in (counts, offset, covariate))
    slope = optimize.brentq(lambda b: (covariate * (counts - np.exp(offset + b * covariate))).sum(), -3, 3)
    mu = np.exp(offset + slope * covariate)
    error = np.sqrt(((covariate * (counts - mu)) ** 2).sum()) / (covariate**2 * mu).sum()
    return slope, error


def test_panel_has_the_shape_and_names_of_a_panel(panel):
    assert panel.panel.dataset.sizes == {"province": 33, "tactic": 6, "period": 120, "neighbour": 33}
    assert panel.panel.tactics == list(names.TACTICS[:6])
    assert panel.panel.simulated
    assert "SIMULATED" in repr(panel.panel)
    assert panel.panel.covariates == []
    with pytest.raises(dataclasses.FrozenInstanceError):
        panel.panel = None


def test_same_seed_same_panel_and_another_seed_another(panel):
    again, other = simulate_panel(seed=1), simulate_panel(seed=2)
    assert again.truth.identical(panel.truth)
    assert again.panel.dataset.identical(panel.panel.dataset)
    assert not other.panel.attacks.equals(panel.panel.attacks)


def test_neighbours_are_symmetric_and_no_province_is_its_own(panel):
    adjacency = panel.panel.dataset[names.ADJACENCY].values
    assert (adjacency == adjacency.T).all()
    assert not adjacency.diagonal().any()
    assert adjacency.any(axis=1).all()


def test_weeks_begin_on_mondays():
    weekly = simulate_panel(4, 2, 30, freq="W", seed=3, start="2020-01-01").panel
    assert weekly.freq == names.WEEKLY
    assert set(weekly.periods.day_of_week) == {0}
    assert weekly.periods[0] == pd.Timestamp("2019-12-30")


@pytest.mark.parametrize(("sizes", "extra"), [((1, 1, 1), {}), ((2, 9, 3), {}), ((3, 2, 5), {"n_forces": 1})])
def test_small_and_odd_sizes_work(sizes, extra):
    assert simulate_panel(*sizes, seed=0, **extra).panel.attacks.shape == sizes


def test_eta_is_the_sum_of_its_pieces():
    truth = simulate_panel(8, 3, 40, seed=5, capability_slope=-0.3, excitation=0.2).truth
    pieces = ["intercept", "province_level", "tactic_level", "cell_level", "province_walk", "tactic_walk"]
    total = sum(truth[name] for name in [*pieces, "season", "capability_effect", "excitation_effect"])
    np.testing.assert_allclose(total.transpose(*names.CELL_DIMS), truth["eta"], atol=1e-12)
    np.testing.assert_allclose(truth[names.MU], np.exp(truth["eta"]))


def test_counts_agree_with_the_expected_counts_by_province(panel):
    attacks, mu = panel.panel.attacks.values, panel.truth[names.MU].values
    phi = panel.truth[names.PHI].values[None, :, None]
    assert_calibrated(z_scores(attacks, mu, phi, axis=(1, 2)))


def test_dispersion_is_as_declared(panel):
    """The mean squared standardised residual is 1; its Monte-Carlo error comes from the residuals themselves."""
    attacks, mu = panel.panel.attacks.values, panel.truth[names.MU].values
    for phi, right in ((panel.truth[names.PHI].values[None, :, None], True), (np.inf, False)):
        squared = (attacks - mu) ** 2 / (mu + mu**2 / phi)
        error = squared.std() / np.sqrt(squared.size)
        assert (abs(squared.mean() - 1) < 4 * error) == right


def test_infinite_dispersion_gives_poisson_counts():
    counts = draw_counts(np.random.default_rng(1), np.full(20_000, 4.0), np.inf)
    # The variance of a sample variance of Poisson(4) counts is (4 + 2 · 4²) / n.
    assert abs(counts.var() - 4) < 4 * np.sqrt(36 / 20_000)


@pytest.mark.parametrize("freq", ["MS", "W-MON"])
def test_unit_paths_have_a_stationary_sd_of_one(freq):
    paths = unit_autoregression(np.random.default_rng(4), 4000, 30, half_life=6.0, freq=freq)
    assert np.all(np.abs(paths[:, [0, 29]].std(axis=0) - 1) < 4 / np.sqrt(8000))


@pytest.mark.parametrize(("freq", "periods_per_month"), [("MS", 1.0), ("W-MON", 365.25 / 84)])
def test_walks_are_stationary_with_the_half_life_asked_for(freq, periods_per_month):
    """SD and correlation across 4,000 independent paths; tolerances are four standard errors."""
    n, half_life, sd = 4000, 6.0, 0.2
    paths = autoregression(np.random.default_rng(2), n, 60, sd=sd, half_life=half_life, freq=freq)
    step = 1 / periods_per_month
    expected = sd * np.sqrt(step / (1 - 2 ** (-2 * step / half_life)))
    for period in (0, 59):
        assert abs(paths[:, period].std() / expected - 1) < 4 / np.sqrt(2 * n)
    lag = round(half_life * periods_per_month)
    correlation = np.corrcoef(paths[:, 59 - lag], paths[:, 59])[0, 1]
    assert abs(correlation - 2 ** (-lag * step / half_life)) < 4 * (1 - correlation**2) / np.sqrt(n)


def test_capability_slope_is_recovered_per_tactic():
    simulated = simulate_panel(seed=7, capability_slope=-0.4)
    truth, felt = simulated.truth, simulated.panel.covariate("capability").fillna(0)
    for tactic in simulated.panel.tactics:
        offset = (truth["eta"] - truth["capability_effect"]).sel(tactic=tactic)
        slope, error = poisson_slope(simulated.panel.attacks.sel(tactic=tactic), offset, felt.sel(tactic=tactic))
        assert abs(slope - float(truth["slope"].sel(tactic=tactic))) < 4 * error
        assert slope + 4 * error < 0


def test_excitation_is_recovered():
    simulated = simulate_panel(seed=8, excitation=0.3)
    truth, attacks = simulated.truth, simulated.panel.attacks
    past = (np.log1p(attacks.shift(period=1)) - truth["excitation_centre"]).isel(period=slice(1, None))
    offset = (truth["eta"] - truth["excitation_effect"]).isel(period=slice(1, None))
    slope, error = poisson_slope(attacks.isel(period=slice(1, None)), offset, past)
    assert abs(slope - 0.3) < 4 * error
    assert slope - 4 * error > 0


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"n_provinces": 0}, "n_provinces"),
        ({"n_periods": -1}, "n_periods"),
        ({"dispersion": 0.0}, "dispersion"),
        ({"mean": float("nan")}, "mean"),
        ({"excitation": 1.0}, "excitation"),
        ({"freq": "D"}, "freq"),
    ],
)
def test_wrong_options_are_named(options, where):
    with pytest.raises(fc.InputError, match=where):
        simulate_panel(seed=0, **options)


def test_expected_totals_are_the_published_ones_and_keep_the_published_order(events):
    mu = events.truth[names.MU]
    iraq = mu.sel(province=[key for key in mu.province.values if key.startswith("IQ")])
    in_2019 = float(iraq.sel(period="2019").sum())
    published = pd.read_csv(data_path("oir_attack_totals.csv")).query("area == 'Iraq' and start == '2019-01-01'")
    assert in_2019 == pytest.approx(published["attacks"].item(), rel=1e-6)
    yearly = iraq.sum(["province", "tactic"]).groupby("period.year").sum()
    assert (yearly.diff("year").sel(year=slice(2021, None)) < 0).all()
    syria = mu.sum("tactic").sum("province").groupby("period.year").sum() - yearly
    assert float(syria.sel(year=2024)) > 1.5 * float(syria.sel(year=2023))
    assert_published_order(mu.sum(["tactic", "period"]).to_series())


def test_recorded_totals_keep_the_published_order(events):
    assert_published_order(events.truth[names.ATTACKS].sum(["tactic", "period"]).to_series())


def assert_published_order(totals):
    iraq, syria = totals[totals.index.str.startswith("IQ")], totals[totals.index.str.startswith("SY")]
    assert list(iraq.sort_values(ascending=False).index[:5]) == IRAQ_ORDER
    ranked = list(syria.sort_values(ascending=False).index)
    assert [sorted(ranked[:2]), *([key] for key in ranked[2:6])] == SYRIA_ORDER


@pytest.mark.parametrize("seed", [1, 2])
def test_attacks_agree_with_the_expected_attacks_by_province(seed):
    truth = simulate_events(seed=seed).truth
    phi = truth[names.PHI].values[None, :, None]
    assert_calibrated(z_scores(truth[names.ATTACKS].values, truth[names.MU].values, phi, axis=(1, 2)))


def test_capability_lowers_attacks_by_the_known_slope(events):
    truth = events.truth
    assert (truth["slope"] < 0).all()
    felt = truth["capability_effect"] / truth["slope"]
    offset = truth["eta"] - truth["capability_effect"]
    for tactic in truth[names.TACTIC].values:
        cell = truth.sel(tactic=tactic)
        slope, error = poisson_slope(cell[names.ATTACKS], offset.sel(tactic=tactic), felt.sel(tactic=tactic))
        assert abs(slope - float(cell["slope"])) < 4 * error
    slope, error = poisson_slope(*(a.transpose(*names.CELL_DIMS) for a in (truth[names.ATTACKS], offset, felt)))
    assert float(truth["slope"].min()) < slope < float(truth["slope"].max())
    assert slope + 10 * error < 0


def test_capability_is_standardised_and_felt_only_where_a_force_is(events):
    capability = events.truth["capability"]
    assert list(capability[names.FORCE].values) == ["ISF", "KSF", "SDF"]
    np.testing.assert_allclose(capability.mean(names.PERIOD), 0, atol=1e-12)
    np.testing.assert_allclose(capability.std(names.PERIOD), 1)
    partners = read_gazetteer().table["partner_force"]
    effect = np.abs(events.truth["capability_effect"]).sum([names.TACTIC, names.PERIOD]).to_series()
    assert (effect[partners[partners == ""].index] == 0).all()
    assert (effect[partners[partners != ""].index] > 0).all()


def test_file_has_the_columns_of_the_events_table_as_text(events):
    raw = events.events
    assert list(raw.columns) == list(names.EVENT_COLUMNS)
    assert raw.map(lambda value: isinstance(value, str)).to_numpy().all()
    assert set(raw["actor"]) == {ACTOR}
    assert "simulated" in ACTOR
    assert raw["source"].str.contains("simulated").all()
    assert set(raw["place_precision"]) <= set(names.PLACE_PRECISIONS)
    assert set(raw["date_precision"]) <= set(names.DATE_PRECISIONS)
    assert raw["event_id"].nunique() == int(events.truth[names.ATTACKS].sum())


def test_dates_are_in_order_and_the_days_within_the_month_vary(events):
    raw = events.events[events.events["date"] != ""]
    date, last, reported = (pd.to_datetime(raw[column]) for column in ("date", "date_end", "reported"))
    assert (date <= last).all()
    assert (last < reported).all()
    assert date.min() >= pd.Timestamp("2019-01-01")
    assert last.max() <= pd.Timestamp("2024-12-31")
    assert set(date.dt.day) == set(range(1, 32))


@pytest.mark.parametrize(
    ("share", "spoilt"),
    [
        (0.015, lambda raw: raw["event_id"].duplicated()),
        (0.004, lambda raw: raw["date"].eq("")),
        (0.003, lambda raw: raw["place_precision"].eq("country")),
        (0.006, lambda raw: raw["province"].eq("") & raw["latitude"].ne("")),
        (0.004, lambda raw: raw["date_precision"].eq("month")),
        (0.02, lambda raw: raw["date_precision"].eq("week")),
    ],
)
def test_noise_comes_as_often_as_declared(events, share, spoilt):
    """Counts of noisy rows are binomial; four standard deviations."""
    n = events.events["event_id"].nunique()
    assert abs(spoilt(events.events).sum() - n * share) < 4 * np.sqrt(n * share)


def test_duplicates_tell_of_the_same_attack_later(events):
    raw = events.events[events.events["event_id"].duplicated(keep=False)]
    first, again = raw.groupby("event_id").nth(0), raw.groupby("event_id").nth(1)
    same = ["event_id", "date", "date_end", "province", "tactic", "latitude", "target"]
    pd.testing.assert_frame_equal(first[same].reset_index(drop=True), again[same].reset_index(drop=True))
    assert (first["reported"].to_numpy() < again["reported"].to_numpy()).all()
    assert (first["source"].to_numpy() != again["source"].to_numpy()).all()


def test_every_spelling_matches_its_province_but_the_wrong_ones(events):
    gazetteer = read_gazetteer()
    raw = events.events[events.events["province"] != ""]
    wrong = raw["province"].isin(MISSPELT.values())
    match = gazetteer.match(raw["province"], raw["country"])
    assert wrong.sum() > 30
    assert match[wrong].isna().all()
    assert match[~wrong].notna().all()
    name = gazetteer.table[names.PROVINCE_NAME]
    assert match[raw["province"].isin(["Diyālá", "DIYALA", "Diala"])].eq("IQG10").all()
    assert raw["province"].nunique() > 2 * name.nunique()


def test_points_lie_near_the_representative_point(events):
    gazetteer = read_gazetteer()
    raw = events.events[events.events["latitude"] != ""]
    key = gazetteer.match(raw["province"], raw["country"])
    raw, key = raw[key.notna()], key.dropna()
    centre = gazetteer.table.loc[key, [names.LATITUDE, names.LONGITUDE]].to_numpy()
    apart = np.abs(raw[[names.LATITUDE, names.LONGITUDE]].to_numpy(float) - centre).max(axis=1)
    assert apart.max() <= 0.3006
    at_centre = raw["place_precision"].eq("province")
    assert (apart[at_centre] < 0.006).all()
    assert np.median(apart[~at_centre]) > 0.05


def test_reading_the_file_gives_back_all_attacks_but_the_spoilt_ones(events, tmp_path):
    path = tmp_path / "simulated.csv"
    events.events.to_csv(path, index=False)
    read = read_events(path, source="plain", simulated=True)
    raw = events.events.drop_duplicates("event_id")
    # A misspelt name is placed by its coordinates in the polygons that ship.
    nowhere = raw["province"].isin(MISSPELT.values()) & raw["latitude"].astype(str).isin(["", "nan"])
    spoilt = raw["date"].eq("") | raw["place_precision"].eq("country") | nowhere
    assert set(read.table["event_id"]) == set(raw["event_id"][~spoilt])
    panel = build_panel(read, start="2019-01-01", end="2024-12-31", multiday="first")
    assert panel.simulated
    assert int(panel.attacks.sum()) == (~spoilt).sum()
    truth = events.truth[names.ATTACKS].sel(province=panel.provinces, tactic=panel.tactics)
    assert panel.attacks.shape == truth.shape
    # Only spoilt records are missing from a cell, and an event of several days still begins in its month.
    assert (panel.attacks.values <= truth.values).all()


def test_same_seed_same_events_and_scale_multiplies(events):
    again = simulate_events(seed=1)
    pd.testing.assert_frame_equal(again.events, events.events)
    assert again.truth.identical(events.truth)
    small = simulate_events(seed=1, scale=0.1)
    np.testing.assert_allclose(small.truth[names.MU] * 10, events.truth[names.MU], rtol=1e-9)
    assert len(small.events) < 0.2 * len(events.events)


def test_other_spans_and_fewer_provinces():
    gazetteer = read_gazetteer()
    iraq = dataclasses.replace(gazetteer, table=gazetteer.table[gazetteer.table[names.COUNTRY] == "Iraq"])
    short = simulate_events(iraq, seed=1, start="2018-06-15", end="2025-02-10")
    assert short.truth.sizes[names.PERIOD] == 79
    assert set(short.events["country"]) == {"Iraq"}
    month = simulate_events(seed=1, start="2020-05-01", end="2020-05-31")
    assert month.truth[names.MU].notnull().all()
    assert set(month.events["date"].str[:7]) <= {"2020-05", ""}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "scale"),
        ({"start": "2020-01-02", "end": "2020-01-31"}, "whole month"),
    ],
)
def test_wrong_event_options_are_named(options, message):
    with pytest.raises(fc.InputError, match=message):
        simulate_events(seed=1, **options)


def test_other_gazetteers_are_refused():
    gazetteer = read_gazetteer()
    renamed = dataclasses.replace(gazetteer, table=gazetteer.table.rename(index={"IQG10": "XX01"}))
    with pytest.raises(fc.InputError, match="XX01"):
        simulate_events(renamed, seed=1)


def test_truth_file_tells_the_truth():
    truth = pd.read_csv(data_path("demo_truth_simulated.csv.gz"), keep_default_na=False, na_values={"capability": [""]})
    raw = pd.read_csv(data_path("demo_events_simulated.csv.gz"), dtype=str, keep_default_na=False)
    capability = pd.read_csv(data_path("demo_capability_simulated.csv"))
    assert len(truth) == 32 * 6 * 72
    assert truth["attacks"].sum() == raw["event_id"].nunique()
    assert (truth["force"].eq("") == truth["capability"].isna()).all()
    merged = truth[truth["force"] != ""].merge(capability, on=["force", "period"], suffixes=("", "_series"))
    assert len(merged) == (truth["force"] != "").sum()
    assert (merged["capability"] == merged["capability_series"]).all()
    sums = truth.groupby("province")[["attacks", "expected"]].sum()
    variance = (truth["expected"] + truth["expected"] ** 2 / truth["dispersion"]).groupby(truth["province"]).sum()
    assert_calibrated((sums["attacks"] - sums["expected"]) / np.sqrt(variance))
