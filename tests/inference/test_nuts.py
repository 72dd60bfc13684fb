"""Sampling for real, on panel small enough for seconds: recovery, seeds, processes, no compiler."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import forecast as fc
from forecast import progress
from forecast.errors import InputError
from forecast.inference.nuts import chains
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.inference.posterior.labels import eta
from forecast.model.families import NegativeBinomial, Poisson
from forecast.model.spec import Model
from forecast.model.terms import Intercept, Pooled

MODEL = Model([Intercept(), Pooled("province")], NegativeBinomial(by=None))
OPTIONS = NutsOptions(draws=300, tune=300, chains=2, progress=False)
LOG_RATE = np.array([-0.5, 0.0, 0.5, 1.0, 1.5])
PHI = 2.0


@pytest.fixture(scope="module")
def panel(make_panel):
    rng = np.random.default_rng(11)
    return make_panel(rng.negative_binomial(PHI, PHI / (PHI + np.exp(LOG_RATE)[:, None, None]), size=(5, 1, 60)))


@pytest.fixture(scope="module")
def sampled(panel) -> BayesianFit:
    return sample_nuts(MODEL, panel, OPTIONS, seed=5)


def test_truth_is_recovered(sampled):
    """Six true values, each within 4 posterior SDs: by chance one fit in 2,500 would fail."""
    drawn = posterior_draws(sampled, 600, seed=1)
    log_rate = eta(sampled.bound, drawn)[:, :, 0, 0]
    assert np.all(np.abs(log_rate.mean(axis=0) - LOG_RATE) < 4 * log_rate.std(axis=0))
    assert np.all(log_rate.std(axis=0) < 0.4)
    log_phi = drawn["log_phi"]
    assert abs(log_phi.mean() - np.log(PHI)) < 4 * log_phi.std()
    assert log_phi.std() < 0.6


def test_groups_names_and_dims(sampled, panel):
    assert set(sampled.idata.groups()) == {"posterior", "sample_stats", "observed_data", "constant_data"}
    posterior = sampled.posterior
    assert dict(posterior.sizes)["chain"] == 2
    assert posterior["level_province"].dims == ("chain", "draw", "province")
    assert list(posterior["province"].values) == panel.provinces
    assert posterior["intercept"].dims == posterior["log_phi"].dims == ("chain", "draw")
    np.testing.assert_allclose(posterior["phi"], np.exp(posterior["log_phi"]))
    assert not [name for name in posterior.data_vars if name.endswith("__")]
    np.testing.assert_array_equal(sampled.idata.observed_data["attacks"], panel.attacks.values.ravel())
    assert sampled.idata.constant_data["exposure"].dims == ("province", "tactic", "period")
    assert sampled.pymc_model["attacks"] is not None
    assert "smallest E-BFMI" in list(sampled.diagnostics["check"])


def test_same_seed_same_draws(sampled, panel):
    again, other = (sample_nuts(MODEL, panel, OPTIONS, seed=seed) for seed in (5, 6))
    assert sampled.posterior.equals(again.posterior)
    assert not sampled.posterior["intercept"].equals(other.posterior["intercept"])


def test_processes_give_the_same_draws(sampled, panel, monkeypatch, capfd):
    """With lines of progress; what libraries print in a process does not stand between its results."""
    monkeypatch.setattr(chains, "_WORTH", 0.0)
    monkeypatch.setattr(progress, "_SHOWN_AFTER", 0.0)
    monkeypatch.setattr(progress, "_BETWEEN_LINES", 0.0)
    shown = replace(OPTIONS, cores=2, progress=True)
    assert sampled.posterior.equals(sample_nuts(MODEL, panel, shown, seed=5).posterior)
    assert "Sampling model: 100 %, about 1 s left" in capfd.readouterr().err


def test_a_process_that_ends_early_is_told(panel, monkeypatch):
    monkeypatch.setattr(chains, "_WORTH", 0.0)
    monkeypatch.setattr(chains, "_PROGRAM", "raise SystemExit('no memory')")
    with pytest.raises(RuntimeError, match="ended early: no memory"):
        sample_nuts(MODEL, panel, replace(OPTIONS, cores=2), seed=5)


class OwnIntercept(Intercept):
    """What a script defines is not known to another interpreter."""


def test_a_model_of_ones_own_script_is_sampled_here(panel, monkeypatch):
    monkeypatch.setattr(chains, "_WORTH", 0.0)
    monkeypatch.setattr(OwnIntercept, "__module__", "__main__")
    monkeypatch.setattr(chains, "_PROGRAM", "raise SystemExit('was sent')")
    few = replace(OPTIONS, draws=20, tune=20, cores=2)
    fit = sample_nuts(Model([OwnIntercept()], Poisson()), panel, few, seed=5)
    assert fit.posterior["intercept"].shape == (2, 20)


def test_wrong_options_are_refused(panel):
    with pytest.raises(InputError, match="unknown engine"):
        fc.fit(MODEL, panel, engine="magic", seed=1)
    with pytest.raises(InputError, match=r"NutsOptions\.draws"):
        NutsOptions(draws=0)
    with pytest.raises(InputError, match="unknown sampler"):
        NutsOptions(sampler="gibbs")
    with pytest.raises(InputError, match="target_accept"):
        NutsOptions(target_accept=1.0)


NO_COMPILER = """
import sys
import forecast as fc
assert not {"pymc", "arviz", "pytensor", "nutpie"} & set(sys.modules)
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.nuts.engine import sample_nuts
from forecast.model.families import Poisson
from forecast.model.spec import Model
from forecast.model.terms import Intercept
panel = fc.simulate_panel(2, 1, 6, seed=1).panel
fit = sample_nuts(Model([Intercept()], Poisson()), panel, NutsOptions(draws=20, tune=20, chains=1), seed=1)
assert not {"pymc", "pytensor"} & set(sys.modules)
by_hand = fit.pymc_model
import nutpie
import pytensor
nutpie.compile_pymc_model(by_hand, backend="numba")
assert pytensor.config.cxx == ""
assert fit.posterior["intercept"].shape == (1, 20)
"""


def test_works_without_a_compiler_and_without_a_word():
    environment = {name: value for name, value in os.environ.items() if name != "PYTENSOR_FLAGS"}
    environment |= {"PATH": os.path.dirname(sys.executable)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_COMPILER], capture_output=True, text=True, env=environment, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
