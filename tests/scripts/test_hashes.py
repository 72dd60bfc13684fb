"""Hashes of forecasts: the same in another process, others for another seed or other data."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "hashes.py"
# The quickest of them; the script prints all.
QUICK = "many_zeros"


@pytest.fixture(scope="module")
def hashes(script):
    return script("scripts/hashes.py")


def test_another_process_gives_the_same_hashes_and_another_seed_others(hashes):
    code = f"import hashes; print(hashes.of_forecast({QUICK!r}, 1))"
    run = subprocess.run([sys.executable, "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True, check=True)
    first, second = (hashes.of_forecast(QUICK, seed) for seed in (1, 2))
    assert run.stdout.strip() == first
    assert first != second


def test_every_kind_of_term_stands_in_a_case(hashes):
    from forecast.model.terms import TERMS

    _, model = hashes.every_term()
    assert {type(term).__name__ for term in model.terms} == set(TERMS)


def test_events_have_hashes_of_their_own(hashes):
    assert len({hashes.of_events(name) for name in hashes.FILES}) == len(hashes.FILES)
