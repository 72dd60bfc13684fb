"""Errors say in one line where, what was found, what was expected, and the way out."""

from forecast.errors import DiagnosticsError, ForecastError, InputError


def test_message_has_all_parts_on_one_line():
    error = InputError("is wrong", source="a.csv", where="row 3", found="x\ny", expected=["1", "2"], hint="Mend it")
    assert str(error) == "a.csv: row 3: is wrong (found x y; expected 1, 2). Mend it"


def test_long_values_are_cut_and_empty_ones_named():
    assert len(str(InputError("is wrong", found="x" * 500))) < 200
    assert str(InputError("is wrong", found="")) == "is wrong (found nothing)"


def test_exit_codes():
    assert (ForecastError.exit_code, InputError.exit_code, DiagnosticsError.exit_code) == (1, 2, 3)
