"""Tables of people: names are matched as those of records are, and what is wrong is told by file, row and column."""

import re

import pytest

from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.places import read_gazetteer
from forecast.events.population import read_population


@pytest.fixture
def read(tmp_path):
    def make(text, gazetteer=None, aliases=None):
        (tmp_path / "people.csv").write_text(text, encoding="utf-8")
        return read_population(tmp_path / "people.csv", gazetteer or read_gazetteer(), aliases)

    return make


def test_names_keys_and_aliases_lead_to_provinces(read):
    population = read(
        "Governorate;Population\nDeir-ez-Zor;1.200.000\nSY02;3.400.000\nThe port;900.000\nHoms;\nNowhere;5.000\n",
        aliases={"port": "Latakia", "the port": "Latakia"},
    )
    assert population.people.to_dict() == {"SY09": 1_200_000, "SY02": 3_400_000, "SY06": 900_000}
    assert len(population.unmatched) == 1
    assert population.unmatched[0].startswith("Nowhere (nearest: ")


def test_a_country_tells_provinces_of_one_name_apart(read, tmp_path):
    places = "province,country,province_name,latitude,longitude\nA1,Ruritania,North,,\nB1,Zenda,North,,\n"
    (tmp_path / "places.csv").write_text(places)
    gazetteer = read_gazetteer(tmp_path / "places.csv")
    population = read("country,province,population\nZenda,North,7\nRuritania,North,8\n", gazetteer)
    assert population.people.to_dict() == {"B1": 7, "A1": 8}
    with pytest.raises(InputError, match="names no known province"):
        read("province,population\nNorth,7\n", gazetteer)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("province,people\nHoms,5\n", r"header: lacks columns.*people.*province, population"),
        ("province,population\nHoms,many\n", r"people\.csv.*row 2, column population.*no number of people.*many"),
        ("province,population\nAleppo,5\nHoms,0\n", r"row 3, column population.*no number of people"),
        ("province,population\nHoms,-3\n", r"row 2, column population.*no number of people"),
        ("province,population\nHoms,5\nHims,6\n", r"row 3, column province.*stands there twice.*Hims"),
        ("province,population\n,5\nHoms,6\n", r"row 2, column province.*is empty"),
        ("province,population\nHomz,5\n", r"names no known province.*Homz.*Homs"),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column(read, text, message):
    with pytest.raises(InputError) as told:
        read(text)
    assert re.search(message, str(told.value)), str(told.value)


def test_a_divided_province_needs_a_row_for_each_part(read):
    gazetteer = read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))
    with pytest.raises(InputError, match=r"is divided into parts.*SY09@"):
        read("province,population\nDeir ez-Zor,5\n", gazetteer)
    part = next(key for key in gazetteer.table.index if key.startswith("SY09@"))
    assert read(f"province,population\n{part},5\n", gazetteer).people.to_dict() == {part: 5}
