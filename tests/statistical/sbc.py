"""Simulation-based calibration (Talts et al. 2018): truths from the prior, data from truths, ranks of truths in fits.

    python tests/statistical/sbc.py --full --workers 2   # 200 replicates of the quick model, 60 of each other
    python tests/statistical/sbc.py --models season --replicates 20
    python tests/statistical/sbc.py --engine laplace --models standard --replicates 1000 --workers 2 --save

The prior of the test is narrow, because the default ones with a lag explode; the centres that a fit takes from its data
(of the intercept, of past counts) are fixed numbers, so that truths and fits share one prior. Ranks are judged by the
simultaneous band of Säilynoja et al. (2022), simulated. With --full or --save the result goes to reference/sbc.csv; a
model with a quantity outside the band is run again on a fresh seed with five times as many replicates and longer
chains, and both runs stay in the file:

    python tests/statistical/sbc.py --models spatial --replicates 300 --seed 2 --draws 504 --save
"""

import argparse
from collections.abc import Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import forecast as fc
from forecast.files import write_csv
from forecast.inference.laplace.engine import LaplaceOptions, approximate
from forecast.inference.likelihood.counts import pointwise
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.labels import eta
from forecast.model.families import (
    Family,
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from forecast.model.priors import Beta, HalfNormal, LogNormal, Normal, TruncatedNormal
from forecast.model.spec import BoundModel, Model
from forecast.model.terms import (
    Covariate,
    Excitation,
    Intercept,
    Pooled,
    Season,
    Shock,
    Spatial,
    Spillover,
    Step,
    Term,
    Walk,
)
from forecast.panel.panel import Panel
from forecast.prediction.prior import prior_draws
from forecast.prediction.recursion import simulate_counts

HERE = Path(__file__).parent / "reference"
REFERENCES = {"nuts": HERE / "sbc.csv", "laplace": HERE / "sbc_laplace.csv"}
REPLICATES = {"quick": 200}
OTHERS = 60
# Kept of each fit, evenly spaced: about independent where the effective size is well above it (it is reported).
RANKS = 63
# The fast engine's draws repeat some hyperparameters: so many for each that is ranked.
DISTINCT = 8
OPTIONS = NutsOptions(draws=252, tune=150, chains=1, target_accept=0.75, cores=1, progress=False)
CELLS = ((0, 0, 5), (3, 1, 20), (7, 2, 39))
LEVEL = 0.999
# log(1 + a typical count) of the test prior.
CENTRE = 0.8


class CentredExcitation(Excitation):
    """Its centre does not come from the data."""

    def _centre(self, panel: Panel) -> float:
        return CENTRE


class CentredSpillover(Spillover):
    """Its centre does not come from the data."""

    def _centre(self, panel: Panel) -> float:
        return CENTRE


LOG_PHI = Normal(1.0, 0.5)
LEVELS = HalfNormal(0.4)
SLOPE = TruncatedNormal(0.0, 0.15, -0.4, 0.4)
LEVEL_TERM = Intercept(centre=0.5, sd=0.3)
PROVINCE = Pooled("province", sigma=LEVELS)


def _walk(*by: str) -> Walk:
    return Walk(by=by, sigma=HalfNormal(0.1), half_life=LogNormal(12.0, 0.5))


def _with(*terms: Term, family: Family | None = None) -> Model:
    return Model([LEVEL_TERM, PROVINCE, *terms], family or NegativeBinomial(log_phi=LOG_PHI))


MODELS: dict[str, Model] = {
    "quick": Model(
        [
            LEVEL_TERM,
            PROVINCE,
            Pooled("tactic", sigma=LEVELS),
            Pooled("province", "tactic", sigma=LEVELS),
            _walk("province"),
            _walk("tactic"),
        ],
        NegativeBinomial(log_phi=LOG_PHI),
    ),
    "walk": _with(_walk("tactic")),
    "random_walk": _with(Walk(by="tactic", damping=1, sigma=HalfNormal(0.1))),
    "shock": _with(Shock(by=(), sigma=HalfNormal(0.3)), _walk("tactic")),
    "season": _with(Season(2, by="tactic", sigma=HalfNormal(0.3))),
    "step": _with(Step("2016-06-01", by="province", effect=Normal(0.0, 0.5), sigma=HalfNormal(0.3))),
    "spatial": Model(
        [LEVEL_TERM, Spatial(sigma=HalfNormal(0.5), mixing=Beta(2.0, 2.0))], NegativeBinomial(log_phi=LOG_PHI)
    ),
    "covariate": _with(Covariate("capability", by="tactic", lag=1, slope=Normal(0.0, 0.4), sigma=HalfNormal(0.3))),
    "excitation": _with(CentredExcitation(slope=SLOPE)),
    "spillover": _with(CentredSpillover(slope=SLOPE)),
    "poisson": _with(Pooled("tactic", sigma=LEVELS), family=Poisson()),
    "shared_dispersion": _with(Pooled("tactic", sigma=LEVELS), family=NegativeBinomial(by=None, log_phi=LOG_PHI)),
    "zero_inflated": _with(
        Pooled("tactic", sigma=LEVELS),
        family=ZeroInflatedNegativeBinomial(log_phi=LOG_PHI, logit_pi=Normal(-1.5, 0.5)),
    ),
    "hurdle": _with(
        Pooled("tactic", sigma=LEVELS),
        family=HurdleNegativeBinomial(log_phi=LOG_PHI, a=Normal(0.0, 0.5), b=Normal(1.0, 0.3)),
    ),
}


# For the fast engine alone: the sampler takes a minute for each replicate of the standard model.
STANDARD = Model(
    [*MODELS["quick"].terms, _walk("country"), _walk("province", "tactic")], NegativeBinomial(log_phi=LOG_PHI)
)
BREAKS = _with(replace(_walk("tactic"), breaks="2016-06-01", kappa=HalfNormal(2.0)))
# Of a panel whose last periods are known in part.
RECORDING = Model([LEVEL_TERM, PROVINCE, _walk("tactic")], NegativeBinomial(log_phi=LOG_PHI), "recording")
EVERY = MODELS | {"standard": STANDARD, "breaks": BREAKS, "recording": RECORDING}


@dataclass(frozen=True)
class Ranks:
    """Ranks of truths among `RANKS` draws: one row per replicate, one column per quantity; and how the fits went."""

    table: pd.DataFrame
    smallest_size: np.ndarray
    divergences: np.ndarray


def template() -> Panel:
    """8 provinces, 3 tactics, 40 months, with a covariate; its counts give the periods that a model conditions on."""
    return fc.simulate_panel(8, 3, 40, seed=20, capability_slope=-0.2).panel


def known_in_part(panel: Panel, shares: tuple[float, ...] = (0.4, 0.7, 0.9), error: float = 0.3) -> Panel:
    """A panel of whose last periods a share is known, the last one first, with an error of its log common to them."""
    dataset = panel.dataset
    coverage, errors = np.ones(dataset["attacks"].shape), np.zeros((*dataset["attacks"].shape, 1))
    for back, share in enumerate(shares, start=1):
        coverage[..., -back], errors[..., -back, 0] = share, error
    dims = dataset["attacks"].dims
    added = {"coverage": (dims, coverage), "coverage_error": ((*dims, "coverage_component"), errors)}
    return replace(panel, dataset=dataset.assign(added))


def simulated(model: Model, seed: int) -> tuple[dict[str, np.ndarray], Panel]:
    """A truth from the prior (with a sample axis of 1), and the template with counts from it."""
    parameters, counts = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    panel = known_in_part(template()) if model == RECORDING else template()
    bound, start = model.bind(panel), model.lags
    truth = prior_draws(bound, 1, parameters)
    static = np.zeros((1, *bound.grid)) + bound.log_exposure
    for term, blocks in bound.terms:
        for block in () if term.feeds_back else blocks:
            static += block.added(truth)
    drawn = simulate_counts(bound, static[..., start:], truth, start, 1e6, counts)
    if drawn.cut.any():
        raise RuntimeError("the test prior explodes: make it narrower")
    dataset = bound.panel.dataset
    attacks = dataset["attacks"].values.copy()
    attacks[..., start:] = drawn.counts[0]
    return truth, replace(bound.panel, dataset=dataset.assign(attacks=(dataset["attacks"].dims, attacks)))


def quantities(bound: BoundModel, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is ranked, each over samples: hyperparameters, the family's, slopes, three etas, the log-likelihood."""
    found: dict[str, np.ndarray] = {}
    scalars = [block.name for block in bound.blocks if not block.dims or block.name == "coverage_error"]
    for name in (*bound.hyperparameters, *bound.model.family.parameters(), *scalars):
        values = np.asarray(draws[name])
        for column in range(values[0].size):
            label = name if values.ndim == 1 else f"{name}[{column}]"
            found[label] = values.reshape(len(values), -1)[:, column]
    grid = eta(bound, draws)
    found.update({f"eta{list(cell)}": grid[(slice(None), *cell)] for cell in CELLS})
    found["log_likelihood"] = pointwise(bound, grid, draws).sum(axis=1)
    return found


def fitted_by(engine: str, model: Model, panel: Panel, seed: int, draws: int | None) -> BayesianFit:
    """A fit by either engine. A failed certificate does not take a replicate out: that would choose among truths."""
    if engine == "laplace":
        return approximate(model, panel, LaplaceOptions(draws=DISTINCT * RANKS), seed=seed)
    return sample_nuts(model, panel, replace(OPTIONS, draws=draws or OPTIONS.draws), seed=seed)


def replicate(
    model: Model,
    seed: int,
    *,
    source: Model | None = None,
    factor: int = 1,
    engine: str = "nuts",
    draws: int | None = None,
) -> tuple[dict[str, int], float, int]:
    """Ranks of one truth's quantities, the smallest effective size in its fit, and the divergences.

    `source` is another model that truths come from, and `factor` multiplies the counts: then the ranks must not be
    uniform.
    """
    import arviz

    truth, panel = simulated(source or model, seed)
    attacks = panel.dataset["attacks"]
    panel = replace(panel, dataset=panel.dataset.assign(attacks=attacks * factor))
    fit = fitted_by(engine, model, panel, seed, draws)
    names = [name for name in fit.posterior.data_vars if name in truth]
    held = {name: fit.posterior[name].transpose("chain", "draw", ...).values for name in names}
    size = held[names[0]].shape[:2]
    kept = np.linspace(0, size[0] * size[1] - 1, RANKS).round().astype(int)
    drawn = {name: values.reshape(-1, *values.shape[2:]) for name, values in held.items()}
    true, fitted = quantities(fit.bound, truth), quantities(fit.bound, drawn)
    smallest = min(float(arviz.ess(values.reshape(size))) for values in fitted.values())
    ranks = {name: int((values[kept] < true[name][0]).sum()) for name, values in fitted.items()}
    stats_of = fit.groups.get("sample_stats")
    return ranks, smallest, 0 if stats_of is None else int(stats_of["diverging"].sum())


def ranks_of(
    model: Model,
    replicates: int,
    *,
    seed: int = 0,
    source: Model | None = None,
    factor: int = 1,
    engine: str = "nuts",
    draws: int | None = None,
    pool: Executor | None = None,
) -> Ranks:
    """Ranks over replicates, each with a seed of its own: the same in any number of processes."""
    seeds = [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(replicates)]
    one = partial(replicate, model, source=source, factor=factor, engine=engine, draws=draws)
    results = list(map(one, seeds) if pool is None else pool.map(one, seeds))
    table = pd.DataFrame([ranks for ranks, _, _ in results])
    return Ranks(table, np.array([size for _, size, _ in results]), np.array([count for _, _, count in results]))


# Judgement -------------------------------------------------------------------------------------------------


def rarest(ranks: np.ndarray) -> np.ndarray:
    """Smallest pointwise two-sided probability of the ECDF of ranks (…, replicate), under uniform ranks."""
    replicates, inner = ranks.shape[-1], np.arange(RANKS)
    counts = (ranks[..., None, :] <= inner[:, None]).sum(axis=-1)
    share = (inner + 1) / (RANKS + 1)
    below, above = stats.binom.cdf(counts, replicates, share), stats.binom.sf(counts - 1, replicates, share)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(below, above)).min(axis=-1))


def band(replicates: int, *, simulations: int = 20_000, seed: int = 1) -> float:
    """The pointwise probability that an ECDF must not go below to stay inside the simultaneous band."""
    rng = np.random.default_rng(seed)
    smallest = [rarest(rng.integers(0, RANKS + 1, (500, replicates))) for _ in range(simulations // 500)]
    return float(np.quantile(np.concatenate(smallest), 1 - LEVEL))


def judged(name: str, ranks: Ranks) -> pd.DataFrame:
    """One row per quantity: inside the band or not, mean normal score of ranks, and coverage of central intervals."""
    limit, rows = band(len(ranks.table)), []
    for quantity, column in ranks.table.items():
        probability = float(rarest(column.to_numpy()))
        # Of RANKS + 1 ranks, the middle ones; a share of exactly the nominal level is not always possible.
        inside = {level: (RANKS + 1) * (1 - level) / 2 for level in (0.5, 0.75, 0.875)}
        coverage = {
            f"coverage_{level:g}": float(column.between(edge, RANKS - edge).mean()) for level, edge in inside.items()
        }
        rows.append(
            {
                "model": name,
                "quantity": quantity,
                "replicates": len(column),
                "pointwise_probability": probability,
                "limit": limit,
                "inside_band": probability >= limit,
                "mean_score": float(stats.norm.ppf((column + 0.5) / (RANKS + 1)).mean()),
                **coverage,
                "smallest_ess": float(ranks.smallest_size.min()),
                "divergences": int(ranks.divergences.sum()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="all models, all replicates; writes the reference file")
    parser.add_argument("--save", action="store_true", help="adds the result to the reference file")
    parser.add_argument("--models", nargs="+", choices=list(EVERY), default=list(MODELS))
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("nuts", "laplace"), default="nuts")
    parser.add_argument("--draws", type=int, default=OPTIONS.draws, help="length of the sampler's chain")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    given = parser.parse_args()
    tables = []
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
        for name in MODELS if given.full else given.models:
            count = REPLICATES.get(name, OTHERS) if given.full else given.replicates
            ranks = ranks_of(EVERY[name], count, seed=given.seed, engine=given.engine, draws=given.draws, pool=pool)
            tables.append(judged(name, ranks).assign(seed=given.seed, draws=given.draws))
            print(tables[-1].round(4).to_string(index=False), flush=True)
    whole = pd.concat(tables)
    print(f"{int(whole['inside_band'].sum())} of {len(whole)} quantities inside the {LEVEL:.1%} band")
    if given.full or given.save:
        path = REFERENCES[given.engine]
        if given.save and path.is_file():
            whole = pd.concat([pd.read_csv(path), whole])
        write_csv(path, whole.round(5))


if __name__ == "__main__":
    main()
