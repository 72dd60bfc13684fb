"""Countries under any of their names."""

import logging

import pytest

from forecast.events.countries import country_key


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        ("YEM", ["Yemen", "YEMEN", "Yemen (North Yemen)", "Republic of Yemen", "YE", "YEM", "yem", "887"]),
        ("COD", ["DR Congo (Zaire)", "Democratic Republic of Congo", "DRC", "Zaïre", "Congo, Dem. Rep.", "COD"]),
        ("COG", ["Congo", "Republic of Congo", "Congo-Brazzaville"]),
        ("SYR", ["Syria", "Syrian Arab Republic", "SYR"]),
        ("RUS", ["Russia (Soviet Union)", "Russian Federation"]),
        ("MMR", ["Myanmar (Burma)", "Burma", "Myanmar"]),
        ("TUR", ["Turkey", "Türkiye", "TÜRKİYE", "Turkiye"]),
        ("MEX", ["México", "mexico"]),
        ("CIV", ["Côte d’Ivoire", "Cote d'Ivoire", "Ivory Coast"]),
        ("NAM", ["NA", "Namibia"]),
        ("SDN", ["Sudan"]),
        ("SSD", ["South Sudan", "South_Sudan"]),
        ("NGA", ["Nigeria", "Federal Republic of Nigeria"]),
        ("NER", ["Niger", "Niger (the)"]),
        ("SRB", ["Serbia (Yugoslavia)"]),
        ("ZWE", ["Zimbabwe (Rhodesia)"]),
        ("BIH", ["Bosnia-Herzegovina"]),
    ],
)
def test_names_codes_and_former_names(code, spellings):
    assert {spelling: country_key(spelling) for spelling in spellings} == dict.fromkeys(spellings, code)


def test_no_country_and_several_countries_are_names_like_others(caplog):
    with caplog.at_level(logging.DEBUG):
        assert country_key("Atlantis") == country_key("  ATLANTIS ") == "atlantis"
        assert country_key("Iraq and Syria") == "iraq and syria"
        assert country_key("") == country_key(" ") == ""
    assert not caplog.records
