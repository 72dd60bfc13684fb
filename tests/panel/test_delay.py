"""What share of late periods is known: counted by hand, as was known then, with errors as large as said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import forecast as fc
from forecast import names
from forecast.errors import InputError
from forecast.evaluation.rolling import origin_days
from forecast.events.table import Events
from forecast.events.versions import newest_versions
from forecast.ledger import Ledger
from forecast.panel.build import build_panel
from forecast.panel.delay import known_share, reports_of, told_since
from forecast.panel.panel import Panel


def day(text, place="IQG10", tactic="ied", attacks=1):
    return (text, text, place, tactic, attacks)


def notes(panel):
    return " | ".join(panel.provenance["notes"])


def delayed(make_table, delay, days=400, **columns):
    """An attack a day, known so many days later."""
    dates = pd.date_range("2020-01-01", periods=days)
    table = make_table([day(f"{date:%Y-%m-%d}") for date in dates], **columns)
    return Events(table.assign(reported=table["date"] + pd.to_timedelta(delay, unit="D")))


def shares(reports, until, freq="MS", groups=1, least=0.1, **columns):
    """Shares of the periods from 2020 to a day, of one group unless told."""
    periods = pd.date_range("2020-01-01", until, freq=freq)
    group = columns.get("group", np.zeros(len(reports), dtype=int))
    return known_share(reports, group, groups, periods, freq, pd.Timestamp(until), pd.Timestamp.min, least)


# By hand ----------------------------------------------------------------------------------------------------------


def test_the_known_part_of_the_last_month_is_its_coverage(make_table):
    events = delayed(make_table, 10)
    panel = build_panel(events, as_of="2020-06-30")
    # Of June's 30 days the last ten were not known on its last day; of the three oldest months, ten of each, 91 in all.
    assert panel.attacks.sel(tactic="ied").values[0].tolist() == [31, 29, 31, 30, 31, 20]
    assert panel.dataset["coverage"].values[0, 0].tolist() == pytest.approx([1, 1, 1, 1, 1, 61 / 91])
    assert panel.completed.values[0, 0].tolist() == [31, 29, 31, 30, 31, 30]
    assert panel.outcomes.isnull().values[0, 0].tolist() == [False] * 5 + [True]
    assert "the last month with counts is not complete" in notes(panel)
    assert "67% since 2020-06-01" in notes(panel)
    # The error of a log of 61 of 91; that of a share which was 1 so far is smaller.
    error = np.sqrt((panel.dataset["coverage_error"].values[0, 0] ** 2).sum(axis=-1))
    assert error[-1] == pytest.approx(np.sqrt(30 / 61 / 91), rel=0.05)
    assert (error[:-1] < 0.02).all()


def test_forecasts_are_tried_on_what_is_settled(make_table):
    panel = build_panel(delayed(make_table, 10), as_of="2020-06-30")
    assert panel.settled.origin == pd.Timestamp("2020-05-31")
    assert origin_days(panel, 2) == [pd.Timestamp("2020-03-31"), pd.Timestamp("2020-04-30")]
    pooled = fc.fit(fc.Pool((fc.RecentMean(1), fc.Zero()), origins=1), panel, seed=1)
    assert sum(pooled.weights(3).values()) == pytest.approx(1)


def test_periods_of_which_too_little_is_known_are_not_observed(make_table):
    events = delayed(make_table, 10)
    panel = build_panel(events, as_of="2020-06-30", complete=0.9)
    assert panel.dataset["observed"].values[0, 0].tolist() == [True] * 5 + [False]
    assert "coverage" not in panel.dataset
    assert "the last month is not observed: less than 90% of the records since 2020-06-01" in notes(panel)
    weekly = build_panel(events, as_of="2020-06-28", freq="W")
    # Nothing of the last week, and of the one before the first four days of seven.
    assert weekly.dataset["observed"].values[0, 0, -3:].tolist() == [True, True, False]
    assert weekly.dataset["coverage"].values[0, 0, -3:].tolist() == pytest.approx([1, 4 / 7, 1])
    assert weekly.attacks.values[0, 0, -2] == 4


def test_what_all_is_known_is_observed_and_whole(make_table):
    # On the day of the newest report (2021-02-13) the last record (2021-02-03) is ten days old.
    panel = build_panel(delayed(make_table, 10))
    assert panel.dataset["observed"].all()
    assert "coverage" not in panel.dataset
    assert "not complete" not in notes(panel)


def test_withdrawn_records_count_with_their_sign(make_table):
    # Each day two records, known at once, of which one is withdrawn after 40 days.
    events = delayed(make_table, 0)
    wrong = events.table.assign(event_id=[f"w{number}" for number in range(400)])
    until = wrong["date"] + pd.Timedelta(days=40)
    events = replace(events, older=wrong.assign(until=until))
    # In June twice as many stand as will in the end, and in May those of the last ten days were still doubled.
    panel = build_panel(events, as_of="2020-06-30", start="2020-01-01")
    assert panel.attacks.values[0, 0, -3:].tolist() == [30, 31 + 10, 60]
    assert panel.dataset["coverage"].values[0, 0, -1] == pytest.approx(2.0, rel=0.02)
    assert panel.dataset["coverage"].values[0, 0, -2] == pytest.approx(4 / 3, rel=0.02)
    assert panel.completed.values[0, 0].tolist() == pytest.approx([31, 29, 31, 30, 31, 30], abs=1)


def test_first_reports_count_and_not_edits(make_table):
    events = delayed(make_table, 10)
    older = events.table.assign(reported=events.table["date"] + pd.Timedelta(days=3))
    edited = Events(events.table.assign(reported=pd.Timestamp("2023-01-01")), older=older)
    reports = reports_of(edited.table, edited.older, None)
    assert (reports["first"] - reports["date_end"] == pd.Timedelta(days=3)).all()
    assert told_since(reports, edited.older) == pd.Timestamp.min
    panel = build_panel(edited, as_of="2020-06-30")
    assert panel.attacks.values[0, 0].tolist() == [31, 29, 31, 30, 31, 27]


def test_days_of_edits_are_not_taken_for_delays(make_table):
    events = delayed(make_table, 10)
    fresh = Events(events.table.assign(reported=pd.Timestamp("2023-01-01")))
    panel = build_panel(fresh, as_of="2020-06-30")
    assert panel.attacks.sum() == 31 + 29 + 31 + 30 + 31 + 30
    assert panel.dataset["observed"].all()
    assert "are those of later edits" in notes(panel)


def test_several_downloads_tell_what_days_of_edits_do_not(make_table):
    """Downloads at the end of each month of two years, each with the days of its last edits; ten days of delay."""
    table = delayed(make_table, 10, days=760).table
    downloads = pd.date_range("2020-12-31", "2021-12-31", freq="ME")
    drafts = []
    for number, day in enumerate(downloads):
        known = table[table["reported"] <= day]
        # What the first download held had been edited in the month before, and a few records are edited ever since.
        edited = np.where(known["reported"] <= downloads[0], downloads[0] - pd.Timedelta(days=5), known["reported"])
        for earlier in range(number + 1):
            edited[(known.index % 50 == earlier) & (known["reported"] <= downloads[earlier])] = downloads[earlier]
        drafts.append(known.assign(reported=pd.to_datetime(edited), tactic_label="x"))
    standing, past, _ = newest_versions(drafts, [f"{day:%Y-%m}" for day in downloads], Ledger())
    events = Events(standing[list(names.EVENT_COLUMNS)], older=past)
    reports = reports_of(events.table, events.older, None)
    since = told_since(reports, events.older)
    assert downloads[0] < since <= downloads[1]
    assert told_since(reports, None) is None
    panel = build_panel(events, start="2020-01-01", end="2021-12-31")
    # 21 of 31 days of December are known, and as many of each month before had been at its end.
    assert panel.attacks.values[0, 0, -2:].tolist() == [30, 21]
    assert panel.dataset["coverage"].values[0, 0, -2:].tolist() == pytest.approx([1, 0.67], abs=0.02)
    assert "edits" not in notes(panel)
    # What was known at a day before cannot be told from days of edits.
    assert "coverage" not in build_panel(events, as_of="2021-10-31").dataset


def test_days_of_acled_are_never_taken_for_first_reports(make_table):
    """Not of a young file either, in which all edits are of late."""
    table = delayed(make_table, 10, days=200).table
    young = Events(table[table["reported"] <= "2020-06-30"])
    assert build_panel(young, end="2020-06-30").dataset["coverage"].values[0, 0, -1] < 0.7
    acled = replace(young, table=young.table.assign(source="acled"))
    assert "coverage" not in build_panel(acled, end="2020-06-30").dataset


def test_stated_shares_serve_where_records_do_not_tell(make_table, tmp_path):
    events = Events(delayed(make_table, 0).table.assign(reported=pd.NaT))
    panel = build_panel(events, end="2020-12-31", known_shares=[0.6, 0.9])
    assert panel.dataset["coverage"].values[0, 0, -3:].tolist() == [1.0, 0.9, 0.6]
    assert panel.dataset["coverage_error"].shape[-1] == 0
    panel.save(tmp_path / "panel.nc")
    assert Panel.load(tmp_path / "panel.nc").dataset.equals(panel.dataset)
    assert [term.label for term, _ in fc.quick_model().bind(panel).terms][-1] != "coverage_error"
    # Of a day in the past final data are used, which are complete.
    assert "coverage" not in build_panel(events, as_of="2020-06-30", known_shares=[0.6, 0.9]).dataset
    with pytest.raises(InputError, match="known_shares"):
        build_panel(events, known_shares=[0.6, 1.4])


# Properties -------------------------------------------------------------------------------------------------------


def late_records(seed, mean, months=48, per_month=200.0, scatter=0.0):
    """Records of 2020 on whose delays are exponential around a mean that differs between months by `scatter` (log)."""
    rng = np.random.default_rng(seed)
    starts = pd.date_range("2020-01-01", periods=months, freq="MS")
    number = rng.poisson(per_month, months)
    month = np.repeat(np.arange(months), number)
    date = starts[month] + pd.to_timedelta(rng.integers(0, 28, len(month)), unit="D")
    means = mean * np.exp(rng.normal(0, scatter, months))
    delay = np.ceil(rng.exponential(means[month]))
    table = {"event_id": [f"e{n}" for n in range(len(month))], "date_end": date, "province": "A", "tactic": "t"}
    reported = date + pd.to_timedelta(delay, unit="D")
    return pd.DataFrame({**table, "first": reported, "until": pd.NaT}), number, starts


def known_on(records, until):
    return records[records["first"] <= pd.Timestamp(until)]


def test_what_becomes_known_later_is_not_looked_at():
    records, _, _ = late_records(1, 40.0)
    until = "2022-12-31"
    then = shares(known_on(records, until), until)
    assert 0.1 < then.share[0, -1] < 0.6
    assert (np.diff(then.share[0, -5:]) < 0).all()
    events = records.rename(columns={"first": "reported"})
    changed = events.assign(
        reported=events["reported"].where(events["reported"] <= until, events["reported"] + pd.Timedelta(days=99))
    )
    for table in (events, changed):
        seen = reports_of(table, None, pd.Timestamp(until))
        assert np.array_equal(shares(seen, until).share, then.share)


def test_order_and_names_do_not_matter():
    records, _, _ = late_records(2, 30.0)
    known = known_on(records, "2022-12-31")
    group = np.random.default_rng(0).integers(0, 2, len(known))
    first = shares(known, "2022-12-31", groups=2, group=group)
    mixed = np.random.default_rng(1).permutation(len(known))
    other = shares(known.iloc[mixed], "2022-12-31", groups=2, group=1 - group[mixed])
    assert first.share == pytest.approx(other.share[::-1])
    variance = (first.error**2).sum(axis=-1)
    assert variance == pytest.approx((other.error[::-1] ** 2).sum(axis=-1))


def test_few_records_are_drawn_towards_the_others():
    slow, fast = late_records(3, 60.0)[0], late_records(4, 10.0, per_month=1.0)[0]
    until = "2022-12-31"
    both = pd.concat([known_on(slow, until), known_on(fast, until)])
    group = np.repeat([0, 1], [len(known_on(slow, until)), len(known_on(fast, until))])
    together = shares(both, until, groups=2, group=group).share[:, -1]
    alone = [shares(known_on(records, until), until).share[0, -1] for records in (slow, fast)]
    assert together[0] == pytest.approx(alone[0], abs=0.02)
    assert alone[0] + 0.02 < together[1] < alone[1]
    errors = np.sqrt((shares(both, until, groups=2, group=group).error[:, -1] ** 2).sum(axis=-1))
    assert errors[1] > 1.5 * errors[0]


@pytest.mark.parametrize("scatter", [0.0, 0.4])
def test_errors_are_as_large_as_said(scatter):
    """Scores of the last months' shares have mean 0, and 90 % intervals hold as many, within error."""
    scores = []
    for seed in range(100):
        records, number, starts = late_records(seed, 40.0, per_month=120.0, scatter=scatter)
        until = "2022-12-31"
        at = starts.get_loc("2022-12-01")
        known = known_on(records, until)
        known_shares = shares(known, until)
        months = known["date_end"].dt.to_period("M").dt.to_timestamp()
        so_far = np.array([(months == starts[at - back]).sum() for back in range(3)])
        true = so_far / number[at - np.arange(3)]
        share = known_shares.share[0, -1:-4:-1]
        # Records of a month are themselves a sample, which the counts' likelihood knows.
        sampling = (1 - share) / share / number[at - np.arange(3)]
        variance = (known_shares.error[0, -1:-4:-1] ** 2).sum(axis=-1)
        scores.append((np.log(true) - np.log(share)) / np.sqrt(variance + sampling))
    scores = np.array(scores)
    assert np.abs(scores.mean(axis=0)).max() < 4 / np.sqrt(len(scores))
    # Logs of shares near 1 are skewed where months differ, so that it is not the SD that is asked for.
    inside = (np.abs(scores) < stats.norm.ppf(0.95)).mean(axis=0)
    assert np.abs(inside - 0.9).max() < 3 * np.sqrt(0.9 * 0.1 / len(scores)), inside
