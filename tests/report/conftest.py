"""What the tests of the report are made from: small panels, forecasts and contents."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.baselines.naive import RecentMean, Zero
from forecast.capability.capability import measure_capability
from forecast.capability.indicators import Indicators
from forecast.dated import DatedEvent
from forecast.evaluation.rolling import backtest
from forecast.evaluation.scores import score
from forecast.evaluation.triggers import HISTORY, Trigger
from forecast.events.places import read_gazetteer
from forecast.ledger import Ledger
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.backtest import backtest_part
from forecast.report.capability import CapabilityPart
from forecast.report.content import ReportContent
from forecast.report.population import PopulationPart
from forecast.report.previous import previous_part
from forecast.report.triggers import TriggersPart, triggers_part

TACTICS = ("ied", "small_arms")


def with_provenance(panel: Panel, **more) -> Panel:
    """The panel with more in its provenance."""
    text = json.dumps({**panel.provenance, **more})
    return replace(panel, dataset=panel.dataset.assign_attrs(provenance=text))


@pytest.fixture(scope="session")
def gazetteer_panel():
    """Panel of the shipped gazetteer's provinces with Poisson counts."""

    def make(*, countries=("Iraq", "Syria"), tactics=TACTICS, periods=30, freq="MS", simulated=False, seed=1) -> Panel:
        rng = np.random.default_rng(seed)
        gazetteer = read_gazetteer()
        keys = list(gazetteer.table.index[gazetteer.table["country"].isin(countries)])
        level = rng.gamma(1.0, 2.0, size=(len(keys), len(tactics), 1))
        counts = rng.poisson(level, size=(len(keys), len(tactics), periods))
        first = "2022-01-01" if freq == "MS" else "2022-01-03"
        index = pd.MultiIndex.from_product([keys, tactics, pd.date_range(first, periods=periods, freq=freq)])
        table = pd.DataFrame({"attacks": counts.ravel()}, index.set_names(["province", "tactic", "period"]))
        panel = Panel.from_frame(table.reset_index(), freq=freq, gazetteer=gazetteer)
        return with_provenance(panel, simulated=simulated)

    return make


@pytest.fixture(scope="session")
def make_forecast():
    """Forecast of a panel: Poisson draws around each cell's mean."""

    def make(panel: Panel, horizon=3, model="regression", draws=200, seed=2) -> Forecast:
        mean = np.nan_to_num(panel.attacks.mean("period").values)
        values = np.random.default_rng(seed).poisson(mean[None, ..., None], size=(draws, *mean.shape, horizon))
        return Forecast.from_draws(panel, values.astype(np.int64), model=model, seed=seed)

    return make


@pytest.fixture(scope="session")
def make_content(gazetteer_panel, make_forecast):
    """Content of a report of the shipped gazetteer's provinces."""

    def make(*, evaluated=True, **panel_options) -> ReportContent:
        panel = gazetteer_panel(**panel_options)
        past = panel.between(end=panel.periods[-3] - pd.Timedelta(days=1))
        scores = []
        for number, model in enumerate(("regression", "zero") if evaluated else ()):
            tried = make_forecast(past, model=model, seed=number)
            totals = score(tried.aggregate("total", tactics=True), panel)
            scores += [score(tried, panel).assign(level="cell"), totals.assign(level="total")]
        ledger = Ledger().add("duplicate id", 2, "dropped", "the same event_id stands there twice", ["A1"], "plain")
        return ReportContent(
            title="Forecast of attacks",
            panel=panel,
            forecasts={"regression": make_forecast(panel), "zero": make_forecast(panel, model="zero", seed=3)},
            scores=pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(),
            ledger=ledger,
            settings={"horizon": 3, "data": {"source": "plain"}},
            provenance={
                "versions": {"numpy": "2.4.0"},
                "inputs": [{"path": "events.csv", "sha256": "ab" * 32, "rows": 1234, "source": "plain"}],
                "seed": 1,
                "origin": f"{panel.origin:%Y-%m-%d}",
            },
        )

    return make


@pytest.fixture(scope="session")
def capability_part():
    """What a report says of capability: two forces, two indicators, slopes, a scenario and a strong pull."""

    def make(
        forces=("ISF", "SDF"), indicators=("own_share", "rating"), scenario="SDF weakens", periods=24
    ) -> CapabilityPart:
        months = pd.date_range("2022-01-01", periods=periods, freq="MS")
        rng, rows = np.random.default_rng(5), []
        for force in forces:
            path = np.cumsum(rng.normal(0, 0.3, periods))
            for indicator in indicators:
                table = pd.DataFrame({"period_start": months, "value": path + rng.normal(0, 0.5, periods)})
                rows.append(table.assign(force=force, indicator=indicator))
        table = pd.concat(rows).assign(scale="index", direction=1)
        table["period_end"] = table["period_start"] + pd.offsets.MonthEnd(1)
        capability = measure_capability(Indicators.from_frame(table), draws=50, seed=1)
        bounds = {"lower": -30.0, "upper": -5.0}
        slopes = [
            {"force": force, "tactic": tactic, "percent": -20.0, **bounds, "probability_below_0": 0.99}
            for force in (*forces, "all")
            for tactic in ("ied", "small_arms", "all")
        ]
        contrasted = {"base": 100.0, "scenario": 120.0, "difference": 20.0, "ratio": 1.2, "ratio_lower": 1.05}
        contrasted |= {"ratio_upper": 1.4, "probability_rise": 0.98, "scenario_name": scenario}
        places = [("total", "all", "all"), ("province", "IQG10", "Diyala"), ("tactic", "ied", "ied")]
        scenarios = [{"level": level, "label": label, "name": name, **contrasted} for level, label, name in places]
        parts = [
            {"part": part, "percent": 5.0, "lower": -10.0, "upper": 20.0} for part in ("trend", "capability", "all")
        ]
        pull = [{"force": force, "period": "2023-05-01", "pull": 1.4} for force in forces]
        return CapabilityPart(capability, *map(pd.DataFrame, (slopes, parts, scenarios, pull)))

    return make


@pytest.fixture(scope="session")
def tried(gazetteer_panel):
    """A backtest of two baselines at four origins."""
    panel = gazetteer_panel(countries=("Syria",), periods=20, seed=4)
    options = {"origins": 4, "horizon": 2, "draws": 100, "baselines": False, "seed": 1}
    return backtest([RecentMean(), Zero()], panel, **options)


@pytest.fixture(scope="session")
def previous(gazetteer_panel, make_forecast):
    """What a report says of the last one, three months earlier: one province and tactic broke, a count was revised."""

    def make(countries=("Syria",), tactics=TACTICS, *, come=2, broken=40, revised=4, horizon=4, last=None):
        panel = gazetteer_panel(countries=countries, tactics=tactics, periods=30)
        before = panel.between(end=panel.periods[-come - 1] + pd.offsets.MonthEnd(0))
        earlier = make_forecast(before, horizon=horizon, draws=400)
        attacks = panel.dataset["attacks"].copy(deep=True)
        attacks[2, 0, -1] += broken if come else 0
        attacks[1, 1, 3] += revised
        now = replace(panel, dataset=panel.dataset.assign(attacks=attacks))
        return previous_part(earlier, before, now, make_forecast(now, horizon=horizon), last=last)

    return make


@pytest.fixture(scope="session")
def watched():
    """What a report says of two triggers, one of which fires, after twelve past dates."""

    def make(forecast: Forecast) -> TriggersPart:
        keys, days = tuple(forecast.provinces), pd.date_range("2023-01-31", periods=12, freq="ME")
        triggers = [
            Trigger("more than ever in the north", keys[:4], TACTICS, 1, 2, 0.9),
            Trigger("none", keys[:1], TACTICS[:1], 900, 1, 0.1),
        ]
        rows = [(trigger.name, day, 0.9, day.month % 2, 3, day.month % 3) for trigger in triggers for day in days]
        where = {triggers[0].name: "the north", "none": "the first"}
        return triggers_part(triggers, where, forecast, pd.DataFrame(rows, columns=list(HISTORY)))

    return make


HOSTILE = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=2</script>",
    "<img src=x onerror=window.hacked=3>",
    '"><svg onload=window.hacked=4>',
    "=cmd|' /C calc'!A0",
    "' + (window.hacked=5) + '",
    "${window.hacked=6}{{ 7 * 7 }}",
    "https://example.org/a.js",
)


@pytest.fixture(scope="session")
def hostile_content(make_content, make_forecast, capability_part, tried, previous):
    """Content in which every text from outside is markup, script, a formula or an address."""
    content = make_content(countries=("Syria",), tactics=HOSTILE[:3])
    names = [HOSTILE[row % len(HOSTILE)] + str(row) for row in range(len(content.panel.provinces))]
    dataset = content.panel.dataset.assign_coords(
        province_name=("province", names), country=("province", [HOSTILE[row % 2] for row in range(len(names))])
    )
    sources = [{"path": HOSTILE[0], "source": HOSTILE[1], "rows": 1, "sha256": HOSTILE[2]}]
    panel = with_provenance(
        replace(content.panel, dataset=dataset), sources=sources, notes=[HOSTILE[2]], filters={"actor": HOSTILE[3]}
    )
    scores = tried.scores.assign(model=tried.scores["model"].replace("zero", HOSTILE[1]))
    part = backtest_part(replace(tried, scores=scores), HOSTILE[1])
    part = replace(part, provinces=part.provinces.assign(province=HOSTILE[: len(part.provinces)]))
    last, ledger = previous(tactics=HOSTILE[:2]), Ledger()
    for text in HOSTILE:
        ledger = ledger.add(text, 1, "dropped", text, [text], text)
    return replace(
        content,
        title=HOSTILE[1],
        panel=panel,
        forecasts={HOSTILE[0]: make_forecast(panel, model=HOSTILE[1]), "b": make_forecast(panel, model=HOSTILE[2])},
        ledger=ledger,
        settings={HOSTILE[0]: {"a": HOSTILE[1]}, "b": list(HOSTILE)},
        provenance={"versions": {HOSTILE[0]: HOSTILE[1]}, "inputs": sources, HOSTILE[3]: HOSTILE[2]},
        zones={HOSTILE[2]: panel.provinces[:3]},
        notes=(HOSTILE[0],),
        banner=HOSTILE[1],
        contact=HOSTILE[3],
        issued="2026-01-02",
        population=PopulationPart(
            HOSTILE[0], pd.DataFrame({"province": panel.provinces, "population": 1000.0 * len(names)})
        ),
        capability=capability_part(HOSTILE[:2], HOSTILE[2:4], HOSTILE[1]),
        backtest=part,
        triggers=TriggersPart(
            "MS",
            pd.DataFrame(
                {
                    "name": [HOSTILE[0]],
                    "where": [HOSTILE[1]],
                    "tactic": [HOSTILE[2]],
                    "span": [HOSTILE[3]],
                    "threshold": [3],
                    "probability": [0.5],
                    "chance": [0.6],
                    "fires": [True],
                }
            ),
        ),
        events=[
            DatedEvent(HOSTILE[number], "2024-03-01", "2024-05-01", HOSTILE[1], (panel.provinces[0],))
            for number in range(8)
        ],
        previous=replace(
            last, series=last.series.assign(name=HOSTILE[1]), outlook=last.outlook.assign(name=HOSTILE[2])
        ),
        scores=content.scores.assign(model=content.scores["model"].replace("zero", HOSTILE[0])),
    )
