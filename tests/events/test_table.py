"""`Events`: choices among records, and how they are shown and written."""

import pytest

from forecast.errors import InputError
from forecast.events.reading import read_events


def test_select_looks_at_both_sides(write):
    events = read_events(
        write(
            "a1,2020-03-04,Iraq,Diyala,IED,IS,ISF,,,",
            "a2,2020-03-04,Iraq,Diyala,IED,ISF,IS,Police,,",
            "a3,2020-03-04,Iraq,Diyala,IED,PKK,ISF,,,",
        ),
        source="plain",
    )
    assert len(events.select(actor="is")) == 2
    assert len(events.select(actor=["P*"])) == 1
    assert events.select(target="security_forces").table["event_id"].tolist() == ["a2"]
    assert events.select(actor="is").ledger.rows("actor not chosen") == 1
    with pytest.raises(InputError, match=r"no record has this actor.*ISF"):
        events.select(actor="Nusra")


def test_repr_plot_and_files(write, tmp_path):
    events = read_events(write("a1,2020-03-04,Iraq,Diyala,IED,=IS(),<script>,,,"), source="plain", simulated=True)
    assert "1 SIMULATED attacks in 1 rows" in repr(events)
    assert "<script>" not in events._repr_html_()
    assert events.plot().to_dict()["title"] == "SIMULATED DATA"
    events.save(tmp_path / "out")
    assert "'=IS()" in (tmp_path / "out" / "events.csv").read_text()
    assert (tmp_path / "out" / "ledger.csv").exists()
    assert events.to_frame() is not events.table
