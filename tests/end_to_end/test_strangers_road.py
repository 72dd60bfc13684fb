"""The road of somebody who knows nothing of the package: a file of one's own, `init`, `check`, `run`, and a report."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import cli

DAYS = pd.date_range("2022-01-01", "2023-12-31")
SYRIA = ["Deir Ezzor", "Al-Hasakeh"]
IRAQ = ["Ninewa", "Salah Al Deen"]
# No name of the gazetteer: nothing may be counted for it, and it must be said.
UNKNOWN = "Salahdine"
ENGLISH = ["IED", "Roadside bomb against a patrol", "armed attack", "Mortar fire", "kidnap of a farmer", ""]
MALI = {
    "Ségou": (13.4, -6.3),
    "Tombouctou": (16.8, -3.0),
    "Gao": (16.3, 0.0),
    "Mopti": (14.5, -4.2),
    "Kidal": (18.4, 1.4),
}
FRENCH = ["Engin explosif", "Attaque armée", "Tirs d'obus", "Enlèvement", "Embuscade", ""]


@pytest.fixture
def command(monkeypatch, capsys):
    """A command in this process, which has loaded everything: its exit code, and what it wrote to either stream."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forecast", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return (int(stop.value.code or 0), *capsys.readouterr())

    return run


def _days(rng: np.random.Generator, number: int) -> pd.Series:
    """Days of incidents, with one on the first and one on the last day, so that all months are complete."""
    return pd.Series([DAYS[0], *DAYS[rng.integers(0, len(DAYS), number - 2)], DAYS[-1]])


def _iraq_and_syria(path: Path) -> pd.DataFrame:
    rng = np.random.default_rng(20)
    number = 500
    places = rng.choice([*SYRIA, *IRAQ, UNKNOWN], number, p=[0.3, 0.2, 0.28, 0.2, 0.02])
    table = pd.DataFrame(
        {
            "Date": _days(rng, number).dt.strftime("%d/%m/%Y"),
            "Country": ["Syria" if place in SYRIA else "Iraq" for place in places],
            "Governorate": np.where(rng.random(number) < 0.01, "", places),
            "Type of incident": rng.choice(ENGLISH, number),
            "Killed": np.where(rng.random(number) < 0.3, "", rng.integers(0, 5, number).astype(str)),
        }
    )
    table.to_csv(path, index=False)
    with path.open("a") as stream:
        stream.write(",,,,\n")  # as spreadsheets leave them
    return table


def _mali(path: Path) -> pd.DataFrame:
    rng = np.random.default_rng(21)
    number = 500
    places = rng.choice(list(MALI), number)
    points = np.array([MALI[place] for place in places]) + rng.normal(0, 0.3, (number, 2))
    table = pd.DataFrame(
        {
            "Date de l'incident": _days(rng, number).dt.strftime("%d/%m/%Y"),
            "Pays": "Mali",
            # Accents are lost in some rows, and names come in capitals.
            "Région": [
                ["Segou", "SÉGOU", "Ségou"][n % 3] if place == "Ségou" else place for n, place in enumerate(places)
            ],
            "Type d'incident": rng.choice(FRENCH, number),
            "Tués": rng.integers(0, 5, number),
            "Latitude": points[:, 0].round(4),
            "Longitude": points[:, 1].round(4),
        }
    )
    table.to_csv(path, index=False, sep=";", encoding="cp1252")
    return table


def _road(command, folder: Path, file: Path, model: str = "auto") -> tuple[str, fc.Panel]:
    """What `init` said, and the panel of the run; nothing that it wrote is edited, but the model where that is told."""
    settings = folder / "forecast.toml"
    code, seen, error = command("init", file, "--output", folder)
    assert code == 0, error
    text = settings.read_text(encoding="utf-8")
    assert 'model = "auto"' in text
    settings.write_text(text.replace('model = "auto"', f'model = "{model}"'), encoding="utf-8")
    for words in (("check", settings), ("run", settings, "--output", folder / "out")):
        code, _, error = command(*words)
        assert code == 0, error
    report = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "How the data were cleaned" in report
    return seen, fc.Panel.load(folder / "out" / "panel.nc")


def _counts(panel: fc.Panel, *dims: str) -> dict:
    """Attacks by name of province, and by other dims, without the zeros."""
    attacks = panel.attacks.assign_coords(province=panel.dataset["province_name"].values)
    sums = attacks.sum([dim for dim in attacks.dims if dim not in dims]).to_series()
    return sums[sums > 0].to_dict()


def test_iraq_and_syria(tmp_path, command):
    table = _iraq_and_syria(tmp_path / "incidents.csv")
    said, panel = _road(command, tmp_path, tmp_path / "incidents.csv")

    placed = table[~table["Governorate"].isin(["", UNKNOWN]) & table["Type of incident"].ne("")]
    shipped = {
        "Deir Ezzor": "Deir ez-Zor",
        "Al-Hasakeh": "Hasakah",
        "Ninewa": "Nineveh",
        "Salah Al Deen": "Salah al-Din",
    }
    by_hand = placed.groupby(placed["Governorate"].replace(shipped)).size()
    assert _counts(panel, "province") == by_hand.to_dict()
    days = pd.to_datetime(placed["Date"], format="%d/%m/%Y")
    by_month = placed.groupby(days.dt.to_period("M").dt.to_timestamp()).size()
    assert _counts(panel, "period") == by_month.to_dict()
    own = {"IED": "ied", "Mortar fire": "indirect_fire"}
    kept = placed["Type of incident"].map(lambda label: own.get(label, label.lower().replace(" ", "_")))
    assert _counts(panel, "tactic") == kept.value_counts().to_dict()

    # All that was guessed is said, with its rows.
    assert "date: read with the day first" in said
    assert f"{(table['Governorate'] == 'Deir Ezzor').sum()} rows  Deir Ezzor = Deir ez-Zor" in said
    assert f"{(table['Governorate'] == UNKNOWN).sum()} rows  {UNKNOWN}: Salah al-Din | " in said
    assert panel.ledger.rows("unknown province") == (table["Governorate"] == UNKNOWN).sum() > 0
    aliases = pd.read_csv(tmp_path / "aliases.csv", keep_default_na=False)
    assert aliases[["name", "province"]].to_numpy().tolist() == [[UNKNOWN, ""]]
    tactics = pd.read_csv(tmp_path / "tactics.csv", index_col="label")
    assert tactics["proposal"].to_dict() == {
        "Roadside bomb against a patrol": "ied",
        "armed attack": "small_arms",
        "kidnap of a farmer": "kidnapping",
    }
    assert not tactics["accept"].any()


def test_mali(tmp_path, command):
    table = _mali(tmp_path / "incidents.csv")
    said, panel = _road(command, tmp_path, tmp_path / "incidents.csv", "recent_mean")

    # Those without a kind count in the totals of their provinces.
    assert abs(float(panel.completed.sum()) / len(table) - 1) < 0.05
    assert panel.ledger.rows("no tactic") == table["Type d'incident"].eq("").sum() > 0
    table = table[table["Type d'incident"].ne("")]
    # The five regions are told apart by their first letter, which has no accent.
    by_hand = table.groupby(table["Région"].str[0]).size()
    assert {str(name)[0].upper(): count for name, count in _counts(panel, "province").items()} == by_hand.to_dict()
    assert sorted(by_hand.index) == ["G", "K", "M", "S", "T"]
    assert len(panel.provinces) == 5
    days = pd.to_datetime(table["Date de l'incident"], format="%d/%m/%Y")
    assert _counts(panel, "period") == table.groupby(days.dt.to_period("M").dt.to_timestamp()).size().to_dict()

    for guess in ("read as Windows-1252", "semicolons", "read with the day first", "made from the data"):
        assert guess in said
    tactics = pd.read_csv(tmp_path / "tactics.csv", index_col="label")
    assert tactics["proposal"].to_dict() == {
        "Engin explosif": "ied",
        "Attaque armée": "small_arms",
        "Tirs d'obus": "indirect_fire",
        "Enlèvement": "kidnapping",
        "Embuscade": "complex_attack",
    }
    assert not tactics["accept"].any()


@pytest.mark.parametrize("again", [(), ("--force",)])
def test_init_overwrites_only_by_force(tmp_path, command, again):
    _iraq_and_syria(tmp_path / "incidents.csv")
    (tmp_path / "forecast.toml").write_text("mine")
    code, _, error = command("init", tmp_path / "incidents.csv", "--output", tmp_path, *again)
    assert code == (0 if again else 2)
    assert ((tmp_path / "forecast.toml").read_text() == "mine") is not bool(again)
    assert again or "is there already" in error
