"""The crosswalk of tactics and targets."""

import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.events.tactics import read_crosswalk, read_tactics


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


def test_accepted_tactics_come_before_the_crosswalk_and_others_say_nothing(tmp_path):
    path = tmp_path / "tactics.csv"
    path.write_text(
        "label,rows,proposal,accept\nEngin explosif,9,ied,TRUE\nAmbush,3,small_arms,yes\nVol,2,other,false\nRien,1,,\n"
    )
    crosswalk = read_tactics(path, "plain", read_crosswalk())
    labels = pd.Series(["engin  EXPLOSIF", "ambush", "Vol", "Rien", "Mortar"])
    assert crosswalk.apply(labels, "plain", "tactic").fillna("").tolist() == [
        "ied",
        "small_arms",
        "",
        "",
        "indirect_fire",
    ]
    # Those of other sources stay as they were.
    assert len(crosswalk.table) == len(read_crosswalk().table) + 1
    assert crosswalk.apply(pd.Series(["Engin explosif"]), "acled", "tactic").isna().all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,ied,perhaps\n", "row 2, column accept: is no answer.*found perhaps"),
        ("a,,true\n", "row 2, column proposal: is empty"),
        (",ied,true\n", "row 2, column label: is empty"),
        ("a b,ied,true\nA_B,suicide,true\n", "row 3, column label: stands there twice"),
    ],
)
def test_broken_tables_of_tactics(tmp_path, rows, message):
    path = tmp_path / "tactics.csv"
    path.write_text("label,proposal,accept\n" + rows)
    with pytest.raises(InputError, match=message):
        read_tactics(path, "plain", read_crosswalk())
