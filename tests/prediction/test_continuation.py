"""`predict`: what every model refuses."""

import pytest

from forecast.baselines.naive import Zero
from forecast.errors import InputError
from forecast.inference.dispatch import fit
from forecast.prediction.continuation import predict
from forecast.prediction.futures import hold_last


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "horizon: is a whole number from 1"),
        ({"draws": 0}, "draws: is a whole number from 1"),
        ({"seed": -1}, "seed: is a whole number from 0"),
        ({"futures": {"strikes": hold_last()}}, "no covariates of the panel.*strikes"),
    ],
)
def test_impossible_requests_are_refused(panel, options, message):
    with pytest.raises(InputError, match=message):
        predict(fit(Zero(), panel, seed=1), **{"horizon": 2, "seed": 1, **options})


def test_only_a_fit_can_be_predicted_from(panel):
    with pytest.raises(InputError, match="what `fit` returns"):
        predict(Zero(), 3, seed=1)


def test_only_a_model_can_be_fitted(panel):
    with pytest.raises(InputError, match="cannot be fitted"):
        fit("zero", panel, seed=1)
