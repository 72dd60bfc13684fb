"""`Model`: plain data that print, go through TOML and are bound to a panel."""

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_rows import row

import forecast as fc
from forecast.errors import InputError
from forecast.model.families import (
    FAMILIES,
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from forecast.model.library import quick_model, standard_model
from forecast.model.priors import Beta, HalfNormal, LogNormal, Normal, Prior, TruncatedNormal
from forecast.model.spec import Model
from forecast.model.terms import (
    TERMS,
    Covariate,
    Excitation,
    Intercept,
    Pooled,
    Season,
    Shock,
    Spatial,
    Spillover,
    Step,
    Walk,
)

above = st.floats(0.01, 20)
normals = st.builds(Normal, st.floats(-5, 5), above)
scales = st.one_of(st.builds(HalfNormal, above), st.builds(LogNormal, above, above))
slopes = st.builds(
    lambda mean, sd, low: TruncatedNormal(mean, sd, low, 1.0), st.floats(-1, 1), above, st.floats(-1, 0.5)
)
space = st.sampled_from(["province", "country", "zone", "pcode"])
labels = st.none() | space | st.just("tactic")
# A year below 1000 is not printed in four digits everywhere.
days = st.dates(date(1900, 1, 1), date(2200, 1, 1))
levels = st.sampled_from([("province",), ("tactic",), ("country", "tactic"), ("zone",)])
TERM = {
    "Intercept": st.builds(Intercept, st.none() | st.floats(-5, 5), above),
    "Pooled": st.builds(lambda by, sigma: Pooled(*by, sigma=sigma), levels, scales),
    "Walk": st.builds(
        Walk, st.just(()) | levels, st.sampled_from(["learned", 1]), st.builds(HalfNormal, above), scales
    ),
    "Shock": st.builds(Shock, st.just(()) | levels, st.builds(HalfNormal, above)),
    "Season": st.builds(Season, st.integers(1, 6), labels, scales),
    "Step": st.builds(Step, days.map(lambda day: f"{day:%Y-%m-%d}"), labels, normals, scales),
    "Spatial": st.builds(Spatial, scales, st.builds(Beta, above, above)),
    "Covariate": st.builds(Covariate, st.text("abc_é", min_size=1), labels, st.integers(0, 12), normals, scales),
    "Excitation": st.builds(Excitation, st.integers(1, 6), slopes, st.sampled_from(["", "mean"])),
    "Spillover": st.builds(Spillover, st.integers(1, 6), slopes, st.sampled_from(["", "mean"])),
}
by = st.sampled_from(["tactic", None])
FAMILY = {
    "Poisson": st.just(Poisson()),
    "NegativeBinomial": st.builds(NegativeBinomial, by, normals),
    "ZeroInflatedNegativeBinomial": st.builds(ZeroInflatedNegativeBinomial, by, normals, normals),
    "HurdleNegativeBinomial": st.builds(HurdleNegativeBinomial, by, normals, normals, normals),
}


def priors_in(part):
    return [getattr(part, option.name) for option in fields(part) if isinstance(getattr(part, option.name), Prior)]


def test_every_term_and_family_is_tried():
    assert TERM.keys() == TERMS.keys()
    assert FAMILY.keys() == FAMILIES.keys()


@pytest.mark.parametrize("name", TERM)
@given(data=st.data())
def test_toml_brings_every_term_back(name, data):
    model = Model([data.draw(TERM[name])], Poisson(), "one")
    assert Model.from_toml(model.to_toml()) == model


@pytest.mark.parametrize("name", FAMILY)
@given(data=st.data())
def test_toml_brings_every_family_back(name, data):
    model = Model([Intercept()], data.draw(FAMILY[name]))
    assert Model.from_toml(model.to_toml()) == model


@pytest.mark.parametrize("model", [standard_model()])
def test_defaults_are_left_out_of_the_toml(model):
    text = model.to_toml()
    assert Model.from_toml(text) == model
    assert "prior" not in text
    assert 'name = "standard"' in text


def test_every_prior_of_every_term_is_printed(full_model):
    text = str(full_model)
    for part in (*full_model.terms, full_model.family):
        if getattr(part, "by", "x") is None:
            continue
        for prior in priors_in(part):
            # A random walk has no half-life, and a walk without breaks no kappa.
            is_unused = isinstance(part, Walk) and (
                (part.damping == 1 and isinstance(prior, LogNormal)) or (not part.breaks and prior is part.kappa)
            )
            assert is_unused or str(prior) in part.equation()
        assert part.equation() in text


@pytest.mark.parametrize("name", FAMILY)
@given(data=st.data())
def test_every_prior_of_a_family_is_printed(name, data):
    family = data.draw(FAMILY[name])
    for prior in priors_in(family):
        assert str(prior) in str(Model([Intercept()], family))


def test_the_printout_has_one_line_per_term_and_is_escaped_in_pages(full_model):
    lines = str(full_model).splitlines()
    assert lines[0].startswith("attacks ~ NegativeBinomial")
    assert lines[1] == "mu = exposure · exp(eta)"
    assert len(lines) == 2 + len(full_model.terms)
    assert repr(full_model).startswith("Model full\n")
    assert "<b>" not in Model([Covariate("<b>")])._repr_html_()


def test_the_models_that_stand_ready():
    labels = [term.label for term in standard_model().terms]
    assert labels == [
        "intercept",
        "level_province",
        "level_tactic",
        "level_province_tactic",
        "walk_province",
        "walk_tactic",
        "walk_country",
        "walk_province_tactic",
    ]
    assert standard_model().family == NegativeBinomial(by="tactic")
    assert quick_model().terms == standard_model().terms[:6]
    assert (quick_model().family, quick_model().name) == (standard_model().family, "quick")


@pytest.mark.parametrize(
    ("text", "where", "shown"),
    [
        ("terms = [", "model", "TOML"),
        ("name = 'x'", "model", "no terms"),
        ("terms = []\nlevel = 1", "model", "level"),
        ("terms = []", "terms", "none"),
        ("[[terms]]\nterm = 'Trend'", "terms.0", "Trend"),
        ("[[terms]]\nterm = 'Intercept'\n[[terms]]\nkind = 'Walk'", "terms.1", "None"),
        ("[[terms]]\nterm = 'Walk'\nspeed = 1", "terms.0 (Walk)", "speed"),
        ("[[terms]]\nterm = 'Step'", "terms.0 (Step)", "date"),
        ("[[terms]]\nterm = 'Season'\nharmonics = 1.5", "terms.0.harmonics", "int"),
        ("[[terms]]\nterm = 'Season'\nharmonics = 'two'", "terms.0.harmonics", "two"),
        ("[[terms]]\nterm = 'Pooled'\nby = 5", "terms.0.by", "5"),
        ("[[terms]]\nterm = 'Pooled'\nby = 'region'", "Pooled", "region"),
        ("[[terms]]\nterm = 'Pooled'\nsigma = 0.5", "terms.0.sigma", "0.5"),
        ("[[terms]]\nterm = 'Pooled'\nsigma = {prior = 'Cauchy'}", "terms.0.sigma", "Cauchy"),
        ("[[terms]]\nterm = 'Pooled'\nsigma = {prior = 'HalfNormal', sd = 1}", "terms.0.sigma", "sd"),
        ("[[terms]]\nterm = 'Pooled'\nsigma = {prior = 'Normal'}", "terms.0.sigma", "HalfNormal"),
        ("[[terms]]\nterm = 'Walk'\nsigma = {prior = 'LogNormal'}", "terms.0.sigma", "HalfNormal"),
        ("[[terms]]\nterm = 'Excitation'\nslope = {prior = 'Normal'}", "terms.0.slope", "TruncatedNormal"),
        ("[[terms]]\nterm = 'Intercept'\n[family]\nfamily = 'Binomial'", "family", "Binomial"),
        ("[[terms]]\nterm = 'Intercept'\n[family]\nfamily = 'Poisson'\nphi = 1", "family (Poisson)", "phi"),
        ("[[terms]]\nterm = 'Spatial'\n[[terms]]\nterm = 'Spatial'", "terms", "spatial"),
    ],
)
def test_what_is_wrong_in_the_toml_is_named_with_its_place(text, where, shown):
    with pytest.raises(InputError) as caught:
        Model.from_toml(text)
    assert caught.value.where == where
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Model([Pooled(sigma=Normal())]), "level_province.sigma"),
        (lambda: Model([Walk(half_life=Normal(24.0, 1.0))]), "walk_province.half_life"),
        (lambda: Model([Intercept()], NegativeBinomial(log_phi=HalfNormal())), "NegativeBinomial.log_phi"),
        (lambda: Model([Excitation(slope=Normal())]), "excitation.slope"),
    ],
)
def test_a_prior_of_the_wrong_kind_is_refused_in_python_too(make, where):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.where == where


def test_a_user_may_write_short_forms():
    text = """
[[terms]]
term = "Pooled"
by = "tactic"
[[terms]]
term = "Walk"
by = "tactic"
[[terms]]
term = "Step"
date = 2016-03-01
[[terms]]
term = "Intercept"
centre = 1
"""
    assert Model.from_toml(text) == Model([Pooled("tactic"), Walk(by="tactic"), Step("2016-03-01"), Intercept(1.0)])


# Bound to a panel ------------------------------------------------------------------------------------------


def test_the_first_lags_and_gaps_stay_out_of_the_likelihood(panel, with_gaps):
    gap = with_gaps(panel, (1, 0, 10), (5, 2, 39))
    bound = Model([Intercept(), Covariate("capability", lag=3)], Poisson()).bind(gap)
    assert bound.model.lags == 3
    used = np.zeros(bound.grid, dtype=bool)
    used.ravel()[bound.cells] = True
    expected = gap.dataset["observed"].values & (np.arange(40) >= 3)
    np.testing.assert_array_equal(used, expected)
    np.testing.assert_array_equal(bound.counts.value, gap.dataset["attacks"].values[expected])
    np.testing.assert_array_equal(bound.counts.tactic, np.nonzero(expected)[1])


def test_covariates_are_named_once():
    terms = [Intercept(), Covariate("b"), Covariate("a", lag=1), Covariate("a")]
    assert Model(terms).covariates == ["b", "a"]


@pytest.fixture(scope="module")
def published():
    """Totals of three provinces from March to May, of which the second is of two months."""
    rows = [row("SY02|SY08|SY09", 42), row("SY02|SY08|SY09", 50, "2021-04", "2021-05")]
    return fc.Panel.from_published(pd.DataFrame(rows))


@pytest.mark.parametrize("family", [ZeroInflatedNegativeBinomial(), HurdleNegativeBinomial()])
def test_published_counts_are_refused_by_families_that_have_no_sums(family, published):
    with pytest.raises(InputError, match=f"{type(family).__name__}.*no sums"):
        Model([Intercept()], family).bind(published)


@pytest.mark.parametrize("family", [Poisson(), NegativeBinomial()])
def test_published_counts_are_observations_of_the_others(family, published):
    bound = Model([Intercept()], family).bind(published)
    assert bound.is_published
    assert len(bound.rows) == 2
    assert len(bound.cells) == 9


def test_a_published_count_that_reaches_into_the_first_lags_is_left_out(published):
    bound = Model([Intercept(), Covariate("ramadan", lag=1)], Poisson()).bind(published)
    np.testing.assert_array_equal(bound.rows, [1])


@pytest.mark.parametrize(
    ("terms", "dropped"),
    [
        ([Walk(by="province"), Walk(by=("province", "tactic"))], {"walk_province_tactic": "walk_province"}),
        ([Walk(by=()), Walk(by="country")], {"walk_country": "walk"}),
        ([Walk(by="tactic"), Walk(by=())], {"walk": "walk_tactic"}),
        ([Pooled("province"), Pooled("province", "tactic")], {"level_province_tactic": "level_province"}),
        ([Pooled("tactic"), Pooled("province")], {"level_tactic": "intercept"}),
        ([Season(1), Season(1, by="tactic")], {"season_tactic": "season"}),
        # Other settings, other terms: priors differ, or what they do.
        ([Walk(by=()), Walk(by="country", damping=1)], {}),
        ([Walk(by="province"), Walk(by=("province", "tactic"), sigma=HalfNormal(0.1))], {}),
        ([Pooled("province"), Pooled("province", "tactic", sigma=HalfNormal(0.1))], {}),
        ([Season(1), Season(2, by="tactic")], {}),
        ([Pooled("province"), Spatial()], {}),
        ([Walk(by=()), Walk(by="province")], {}),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_terms_that_repeat_another_on_the_panel_are_left_out_with_a_note(terms, dropped, first, one_tactic):
    """The intercept stands first or last: a level with one label repeats it in any case."""
    model = Model([Intercept(), *terms] if first else [*terms, Intercept()])
    bound = model.bind(one_tactic)
    notes = tuple(f"{label} is left out: on this panel it repeats {other}" for label, other in dropped.items())
    assert bound.dropped == notes
    labels = [term.label for term in model.terms if term.label not in dropped]
    assert [term.label for term, _ in bound.terms] == labels
    assert [block.name for block in bound.blocks] == labels
    assert not {name for name in bound.hyperparameters if name.removeprefix("sigma_") in dropped}


def test_without_an_intercept_a_level_with_one_label_stays(one_tactic):
    bound = Model([Pooled("tactic"), Pooled("country")]).bind(one_tactic)
    assert [block.name for block in bound.blocks] == ["level_tactic"]
    assert len(bound.dropped) == 1


def test_where_labels_differ_every_term_stays(full_model, panel):
    bound = full_model.bind(panel)
    assert bound.dropped == ()
    assert [term for term, _ in bound.terms] == list(full_model.terms)


@pytest.fixture(scope="module")
def one_tactic():
    """4 provinces with neighbours in one country, one tactic, 24 months."""
    panel = fc.simulate_panel(4, 1, 24, seed=1).panel
    country = (panel.dataset["country"].dims, ["Iraq"] * 4)
    return replace(panel, dataset=panel.dataset.assign_coords(country=country))
