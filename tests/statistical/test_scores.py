"""Scores against those of R's surveillance, on the same predictive distributions."""

from pathlib import Path

import numpy as np
import pandas as pd

import forecast as fc

REFERENCE = Path(__file__).parent / "reference" / "surveillance_scores.csv"


def test_log_score_and_crps_are_surveillances_logs_and_rps(make_panel):
    """A cell per row; the log score by the mass function, the ranked probability score from draws."""
    theirs = pd.read_csv(REFERENCE)
    cells = len(theirs)
    counts = np.zeros((cells, 1, 2))
    counts[:, 0, 1] = theirs["observed"]
    actual = make_panel(counts)
    past = actual.between(end=actual.dataset["period_end"].values[0])
    mu, phi = theirs["mu"].to_numpy(), theirs["size"].to_numpy()
    rng, batches = np.random.default_rng(1), []
    for batch in range(20):
        draws = rng.negative_binomial(phi, phi / (phi + mu), (10_000, cells)).astype(np.int64)[..., None, None]
        forecast = fc.Forecast.from_draws(past, draws, model="theirs", seed=batch)
        batches.append(fc.score(forecast, actual).set_index("province").loc[forecast.provinces, "crps"].to_numpy())
    error = np.std(batches, axis=0, ddof=1) / np.sqrt(len(batches))
    apart = (np.mean(batches, axis=0) - theirs["rps"]) / np.maximum(error, 1e-12)
    assert abs(apart).max() < 4.5
    assert np.median(error / theirs["rps"]) < 0.01
    for row, size in enumerate(phi):
        one = np.full((2, cells, 1, 1), 1.0) * mu[:, None, None]
        forecast = fc.Forecast.from_draws(
            past, np.ones(one.shape, np.int64), model="m", seed=1, mu=one, phi=np.array([size])
        )
        scores = fc.score(forecast, actual).set_index("province").loc[forecast.provinces, "log_score"]
        np.testing.assert_allclose(scores.iloc[row], theirs["logs"].iloc[row], rtol=1e-6)
