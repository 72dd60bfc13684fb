"""A fit on disk: what comes back, what is said of differences, and what is refused."""

import json

import numpy as np
import pytest
import xarray as xr

from forecast.errors import InputError
from forecast.evaluation.checks import posterior_predictive
from forecast.inference.dispatch import fit as fit_model
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior import store
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.labels import assemble
from forecast.inference.posterior.store import load_fit
from forecast.model.families import Poisson
from forecast.model.spec import Model
from forecast.model.terms import Covariate, Intercept, Pooled, Walk
from forecast.panel.netcdf import read_tree, write_tree
from forecast.panel.panel import panel_hash
from forecast.prediction.continuation import predict
from forecast.prediction.simulation import with_predictions


@pytest.fixture
def fit(made_fit, gap_panel):
    return made_fit(Model([Intercept(), Pooled("country"), Walk(by="province")], name="small"), gap_panel, draws=50)


def changed(path, target, attrs=None, edit=lambda groups: None):
    groups, old = read_tree(path, "forecast.BayesianFit")
    edit(groups)
    write_tree(target, groups, {**old, **(attrs or {})})
    return target


def test_round_trip(fit, tmp_path):
    fit.save(tmp_path / "fit.nc")
    back = BayesianFit.load(tmp_path / "fit.nc")
    assert back.model == fit.model
    assert (back.seed, back.engine, back.notes) == (1, "nuts", ("a note",))
    xr.testing.assert_identical(back.panel.dataset, fit.panel.dataset)
    assert set(back.idata.groups()) == {"posterior", "sample_stats"}
    assert set(back.posterior.data_vars) == set(fit.posterior.data_vars)
    for name in fit.posterior.data_vars:
        np.testing.assert_array_equal(back.posterior[name], fit.posterior[name])
        assert back.posterior[name].dims == fit.posterior[name].dims
    assert list(back.posterior["province"].values) == fit.panel.provinces
    assert back.diagnostics.equals(fit.diagnostics)


def test_groups_on_request_are_kept(fit, tmp_path):
    kept = fit.with_group("log_likelihood", fit.log_likelihood(40))
    kept = kept.with_group("posterior_predictive", posterior_predictive(fit, 30, seed=1))
    kept = with_predictions(kept, predict(fit, 2, draws=20, seed=1))
    kept.save(tmp_path / "fit.nc")
    back = BayesianFit.load(tmp_path / "fit.nc")
    assert set(back.idata.groups()) == set(kept.idata.groups())
    for group in ("log_likelihood", "posterior_predictive", "predictions"):
        xr.testing.assert_equal(back.idata[group]["attacks"], kept.idata[group]["attacks"])


def test_only_parameters_enter_a_posterior(fit):
    """Neither the standard normal numbers behind latents, with dims of their own, nor unconstrained forms."""
    sampled = {group: fit.idata[group].copy() for group in ("posterior", "sample_stats")}
    walk = fit.posterior["walk_province"]
    short = walk.isel(period=slice(1, None)).rename(period="walk_province_z_dim")
    sampled["posterior"]["walk_province_z"] = short.assign_coords(walk_province_z_dim=np.arange(7))
    sampled["posterior"]["sigma_walk_province_log__"] = np.log(fit.posterior["sigma_walk_province"])
    groups = assemble(fit.bound, sampled)
    xr.testing.assert_identical(groups["posterior"], fit.posterior)
    observation = groups["observed_data"]["observation"].values
    assert list(observation) == list(fit.log_likelihood(4)["observation"].values)


def test_other_versions_are_noted(fit, tmp_path, monkeypatch):
    fit.save(tmp_path / "fit.nc")
    now = store._versions()
    monkeypatch.setattr(store, "_versions", lambda: {**now, "pymc": "99"})
    notes = load_fit(tmp_path / "fit.nc")["notes"]
    assert notes == ("a note", f"fitted with pymc {now['pymc']}, loaded with 99")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_cut_short_is_refused_by_name(fit, tmp_path, share):
    fit.save(tmp_path / "fit.nc")
    content = (tmp_path / "fit.nc").read_bytes()
    (tmp_path / "half.nc").write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"half\.nc: is no netCDF file, or was cut short"):
        BayesianFit.load(tmp_path / "half.nc")


def test_other_files_are_refused(fit, tmp_path):
    fit.panel.save(tmp_path / "panel.nc")
    with pytest.raises(InputError, match="holds something else"):
        BayesianFit.load(tmp_path / "panel.nc")
    with pytest.raises(InputError, match="no such file"):
        BayesianFit.load(tmp_path / "none.nc")


def test_what_does_not_fit_together_is_refused(fit, tmp_path, make_panel):
    path = tmp_path / "fit.nc"
    fit.save(path)
    with pytest.raises(InputError, match="not the one that was fitted"):
        BayesianFit.load(changed(path, tmp_path / "hash.nc", {"panel_hash": "0"}))
    with pytest.raises(InputError, match="does not belong to the model"):
        model = Model([Intercept(), Pooled("tactic")])
        BayesianFit.load(changed(path, tmp_path / "model.nc", {"model": model.to_toml()}))
    with pytest.raises(InputError, match=r"part\.nc: lacks a part"):
        BayesianFit.load(changed(path, tmp_path / "part.nc", edit=lambda groups: groups.pop("posterior")))
    with pytest.raises(InputError, match="lacks a part"):
        BayesianFit.load(changed(path, tmp_path / "seed.nc", {"seed": "one"}))


def test_the_hash_sees_values_and_labels(gap_panel, make_panel):
    counts = gap_panel.attacks.values.copy()
    same = make_panel(counts, exposure=2.0)
    assert panel_hash(same) == panel_hash(gap_panel)
    counts[0, 0, 0] += 1
    assert panel_hash(make_panel(counts, exposure=2.0)) != panel_hash(gap_panel)
    assert panel_hash(make_panel(gap_panel.attacks.values, exposure=2.0, start="2020-02-01")) != panel_hash(gap_panel)


def test_attributes_are_plain_text(fit, tmp_path):
    fit.save(tmp_path / "fit.nc")
    _, attrs = read_tree(tmp_path / "fit.nc", "forecast.BayesianFit")
    assert json.loads(attrs["versions"])["pymc"]
    assert Model.from_toml(attrs["model"]) == fit.model


def test_a_covariate_whose_name_ends_like_a_hidden_one_is_kept(make_panel, tmp_path):
    """`slope_strikes_z` is a latent, not the standard normal numbers behind one."""
    counts = np.random.default_rng(1).poisson(3.0, (2, 1, 8)).astype(float)
    panel = make_panel(counts)
    strikes = panel.attacks.copy(data=np.arange(16.0).reshape(2, 1, 8))
    panel = panel.with_covariate("strikes_z", strikes)
    options = NutsOptions(draws=20, tune=50, chains=2, progress=False)
    drawn = sample_nuts(Model([Intercept(), Covariate("strikes_z")], Poisson()), panel, options, seed=1)
    assert set(drawn.posterior.data_vars) == {"intercept", "slope_strikes_z"}
    drawn.save(tmp_path / "fit.nc")
    loaded = BayesianFit.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(loaded.posterior["slope_strikes_z"], drawn.posterior["slope_strikes_z"])


@pytest.mark.parametrize("engine", ["laplace", "nuts"])
def test_a_fit_without_a_repeated_term_says_so_forecasts_and_is_kept(engine, make_panel, tmp_path):
    panel = make_panel(np.random.default_rng(3).poisson(4.0, (3, 1, 14)))
    model = Model([Intercept(), Pooled("province"), Pooled("province", "tactic")], Poisson(), "twice")
    if engine == "laplace":
        fit = fit_model(model, panel, engine=engine, seed=1)
    else:
        fit = sample_nuts(model, panel, NutsOptions(draws=50, tune=50, chains=1, progress=False), seed=1)
    assert fit.notes == ("level_province_tactic is left out: on this panel it repeats level_province",)
    assert set(fit.posterior.data_vars) == {"intercept", "level_province", "sigma_level_province"}
    assert "level_province_tactic" in str(fit.model)
    assert "level_province_tactic" not in fit.equation
    fit.save(tmp_path / "fit.nc")
    back = BayesianFit(**load_fit(tmp_path / "fit.nc"))
    assert back.notes == fit.notes
    before, after = (predict(each, 2, draws=20, seed=1) for each in (fit, back))
    np.testing.assert_array_equal(before.draws, after.draws)
    assert fit.notes[0] in before.provenance["notes"]
