"""The crosswalk of tactics and targets."""

import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.tactics import read_crosswalk


def test_shipped_crosswalk_maps_each_source_to_the_common_set():
    crosswalk = read_crosswalk()
    labels = pd.Series(
        ["Remote explosive/landmine/IED", "remote explosive/LANDMINE/ied ", "Armed clash", "Nothing", None]
    )
    assert crosswalk.apply(labels, "acled", "tactic").fillna("").tolist() == ["ied", "ied", "small_arms", "", ""]
    assert crosswalk.apply(pd.Series(["Police"]), "gtd", "target").tolist() == ["security_forces"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("acled,tactic,Armed clash,\n", "row 2, column value"),
        ("acled,tactics,Armed clash,ied\n", "row 2, column field.*found tactics"),
        ("acled,target,Police,heroes\n", "row 2, column value.*found heroes"),
        ("acled,tactic,A b,ied\nacled,tactic,a_B,other\n", "row 3, column label"),
    ],
)
def test_broken_crosswalks(tmp_path, rows, message):
    path = tmp_path / "crosswalk.csv"
    path.write_text("source,field,label,value\n" + rows)
    with pytest.raises(InputError, match=message):
        read_crosswalk(path)


def test_a_users_own_crosswalk(tmp_path):
    path = tmp_path / "crosswalk.csv"
    path.write_text("source,field,label,value\nplain,tactic,Drone,air\n", encoding="utf-8-sig")
    assert read_crosswalk(path).apply(pd.Series(["drone"]), "plain", "tactic").tolist() == ["air"]
