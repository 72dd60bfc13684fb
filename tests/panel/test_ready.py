"""Ready counts as people have them: names of columns, separators, gaps, and blank exposures."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.panel.panel import Panel
from forecast.panel.ready import checked_counts, read_counts


def table(**columns):
    months = ["2024-01", "2024-02", "2024-03", "2024-04"]
    return pd.DataFrame({"province": "Homs", "tactic": "ied", "period": months, "attacks": ["900"] * 4, **columns})


def test_thousands_are_read_and_what_is_no_count_is_a_gap():
    panel = Panel.from_frame(table(attacks=["900", "1,203", "<5", ""]))
    assert panel.dataset["attacks"].values.ravel().tolist() == [900, 1203, 0, 0]
    assert panel.dataset["observed"].values.ravel().tolist() == [True, True, False, False]
    assert panel.ledger.rows("attacks not a number") == panel.ledger.rows("thousands separators") == 1


def test_numbers_of_a_table_in_memory_need_no_reading():
    panel = Panel.from_frame(table(attacks=[1.0, 2.0, None, 1203.0], exposure=[1.203, 1.203, 2.115, 2.115]))
    assert panel.attacks.values.ravel()[[0, 1, 3]].tolist() == [1, 2, 1203]
    assert panel.dataset["exposure"].values.ravel().tolist() == [1.203, 1.203, 2.115, 2.115]


def test_a_row_of_totals_is_refused():
    with pytest.raises(InputError, match=r"row 4, column province: is a row of totals \(found Total"):
        Panel.from_frame(table(province=["Homs", "Homs", "Homs", "Total"]))


def test_a_blank_exposure_among_others_is_a_gap():
    panel = Panel.from_frame(table(exposure=["1000", "", "n/a", "4000"]))
    assert panel.dataset["observed"].values.ravel().tolist() == [True, False, False, True]
    assert panel.dataset["exposure"].values.ravel().tolist() == [1000, 1000, 1000, 4000]
    assert panel.ledger.rows("cells without an exposure") == 2
    none = Panel.from_frame(table(exposure=None), days=False)
    assert none.dataset["exposure"].values.ravel().tolist() == [1, 1, 1, 1]


def test_months_have_the_exposure_of_their_days_unless_the_table_gives_one():
    panel = Panel.from_frame(table())
    days = np.broadcast_to(panel.periods.days_in_month, panel.attacks.shape)
    np.testing.assert_allclose(panel.dataset["exposure"], days * 12 / 365.25)
    assert (Panel.from_frame(table(exposure=2.0)).dataset["exposure"] == 2.0).all()


def test_coverage_is_a_share_and_1_where_it_is_blank():
    panel = Panel.from_frame(table(coverage=["0.5", "", "1", "0.25"], exposure=4.0))
    assert panel.dataset["coverage"].values.ravel().tolist() == [0.5, 1, 1, 0.25]
    assert panel.recorded_exposure.values.ravel().tolist() == [2, 4, 4, 1]
    np.testing.assert_allclose(panel.rates, panel.attacks / panel.recorded_exposure)
    again = Panel.from_frame(panel.to_frame())
    np.testing.assert_array_equal(again.dataset["coverage"], panel.dataset["coverage"])
    for wrong in ("0", "1.5", "-0.1"):
        with pytest.raises(InputError, match=r"row 2, column coverage.*a share above 0, up to 1"):
            Panel.from_frame(table(coverage=["1", wrong, "1", "1"]))


def test_a_cell_without_a_row_has_the_exposure_of_its_province():
    rows = pd.concat([table(exposure=7.0), table(province="Hama", exposure=3.0).iloc[:2]])
    panel = Panel.from_frame(rows, missing="zero")
    assert panel.dataset["exposure"].sel(province="Hama").values.ravel().tolist() == [3, 3, 3, 3]
    assert panel.dataset["observed"].values.all()


@pytest.mark.parametrize(
    "header",
    [
        "Region,Event type,Month,Count",
        "ADM1_EN,Tipo,Fecha,Incidents",
        "Governorate,Type of incident,Date,No. of attacks",
    ],
)
def test_columns_are_found_by_common_names(tmp_path, header):
    (tmp_path / "a.csv").write_text(f"{header}\nHoms,ied,2024-01-01,7\n")
    clean, _, ledger = checked_counts(read_counts(tmp_path / "a.csv", {}), "MS")
    assert clean.iloc[0].tolist() == ["Homs", "ied", pd.Timestamp("2024-01-01"), 7]
    assert ledger.rows("columns by synonyms") == 1


def test_year_and_month_give_the_period_and_swapped_names_are_swapped(tmp_path):
    (tmp_path / "a.csv").write_text("tactic,province,Year,Month,attacks,note\nHoms,ied,2024,Febrero,7,x\n")
    raw = read_counts(tmp_path / "a.csv", {"province": "tactic", "tactic": "province"})
    clean, _, ledger = checked_counts(raw, "MS")
    assert clean.iloc[0].tolist() == ["Homs", "ied", pd.Timestamp("2024-02-01"), 7]
    assert ledger.rows("unused column") == 1


def test_a_month_is_no_week():
    with pytest.raises(InputError, match=r"row 1, column period: .*found 2024-01; expected a day or a week"):
        Panel.from_frame(table(), freq="W")
