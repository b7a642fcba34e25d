"""Why a model and its refit disagree: what the agreement would be had one thing not changed.

The agreement that is lost is shared out among causes by Shapley values: each gets what it gives
back when it is restored, on average over the orders in which all of them can be. So the shares of
all causes and what is noise add up to what is lost, and none is counted twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache, lru_cache, partial

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import t, wasserstein_distance

from segmentation.drift import population_stability_index, restore
from segmentation.observations import NOISE_BIN_WIDTH, WeightedObservations
from segmentation.parallel import run_in_threads, use_one_thread
from segmentation.refits import (
    CAP_QUANTILES,
    FrozenModel,
    Recipe,
    agreement_of,
    recipe_of,
    refit,
)

# Resamples of the customers on which every cause is measured anew.
REPEATS = 8
# Ward's tree is grown anew on each of them, so on fewer customers than a model's.
WARD_SAMPLE_SIZE = 1000
# The interval goes from the 5th to the 95th percentile.
_UPPER_QUANTILE = 0.95

# Every customer has more of it each day.
AGEING_FEATURE = "recency_days"
DEPENDENCE, ALL_FEATURES, NOISE = "dependence", "all features", "noise"
TURNOVER, STAYERS = "turnover", "stayers"

CAUSES_SCHEMA = pa.schema(
    [
        ("origin_model_id", pa.string()),
        ("model_id", pa.string()),
        ("feature", pa.string()),
        ("kind", pa.string()),
        ("population_stability_index", pa.float64()),
        ("wasserstein_distance", pa.float64()),
        ("mean_scaled_then", pa.float64()),
        ("mean_scaled_now", pa.float64()),
        ("adjusted_rand_index", pa.float64()),
        ("agreement_given_back", pa.float64()),
        ("agreement_given_back_low", pa.float64()),
        ("agreement_given_back_high", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Composition:
    """The customers of two dates by whether they are known at both.

    Attributes
    ----------
    leavers : WeightedObservations or None
        Known then and no longer, as they were then; None where there are none. So for newcomers.
    stayers_then, stayers_now : WeightedObservations or None
        Known at both dates, as they were at either.
    newcomers : WeightedObservations or None
        Known now only.
    """

    leavers: WeightedObservations | None
    stayers_then: WeightedObservations | None
    stayers_now: WeightedObservations | None
    newcomers: WeightedObservations | None


def compositions_of(parts: pa.Table) -> dict[tuple[str, str], Composition]:
    """Compositions by the ids of origin and model.

    Parameters
    ----------
    parts : pyarrow.Table
        Rows of `champion_compositions`, ordered by pair, part and observation.
    """
    found: dict[tuple[str, str], dict[str, WeightedObservations]] = {}
    columns = [parts[name].to_numpy() for name in ("origin_model_id", "model_id", "part")]
    is_first = np.ones(parts.num_rows, dtype=bool)
    is_first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    starts = np.flatnonzero(is_first)
    for start, stop in zip(starts, np.append(starts[1:], parts.num_rows), strict=False):
        origin, model, part = (str(column[start]) for column in columns)
        observations = WeightedObservations.from_table(parts.slice(start, stop - start))
        found.setdefault((origin, model), {})[part] = observations
    nobody = dict.fromkeys(field.name for field in fields(Composition))
    return {pair: Composition(**(nobody | of_pair)) for pair, of_pair in found.items()}


def explain_pairs(
    pairs: Iterable[Mapping],
    *,
    models: Mapping[str, Mapping],
    customers_of: Callable[[Mapping], pa.Table],
    parts: pa.Table,
    threads: int,
    **settings,
) -> pa.Table:
    """Tell what changed between the fits of two models, and what that does to their agreement.

    Parameters
    ----------
    pairs : iterable of mapping
        With `origin_model_id`, `model_id` and `is_alarming`, those of a model one after the other.
    models : mapping of str to mapping
        Rows of `segmentation.models.MODELS_SCHEMA`, by their ids.
    customers_of : callable
        Gives the customers that a model is fitted on; see
        `segmentation.observations.WeightedObservations.from_table`.
    parts : pyarrow.Table
        See `compositions_of`.
    threads : int
        See `segmentation.parallel.run_in_threads`.
    **settings
        Passed to `explain_pair`.

    Returns
    -------
    pyarrow.Table
        Rows of all pairs, with `CAUSES_SCHEMA`.
    """
    compositions = compositions_of(parts)

    @lru_cache(maxsize=2)  # one pair after the other has the same origin
    def known(model_id: str) -> WeightedObservations:
        return WeightedObservations.from_table(customers_of(models[model_id]))

    tasks = (
        (
            models[pair["origin_model_id"]],
            models[pair["model_id"]],
            known(pair["origin_model_id"]),
            known(pair["model_id"]),
            pair["is_alarming"],
            compositions.get((pair["origin_model_id"], pair["model_id"])),
        )
        for pair in pairs
    )
    found = run_in_threads(partial(explain_pair, **settings), tasks, threads=threads)
    return pa.Table.from_pylist([row for rows in found for row in rows], schema=CAUSES_SCHEMA)


def explain_pair(
    origin: Mapping,
    model: Mapping,
    then: WeightedObservations,
    now: WeightedObservations,
    is_alarming: bool,
    composition: Composition | None = None,
    *,
    repeats: int = REPEATS,
    noise_bin_width: float = NOISE_BIN_WIDTH,
    cap_quantiles: Sequence[float] = CAP_QUANTILES,
    ward_sample_size: int = WARD_SAMPLE_SIZE,
) -> list[dict]:
    """Change of each feature, and what each cause takes from the agreement.

    Parameters
    ----------
    origin, model : mapping
        Rows of `segmentation.models.MODELS_SCHEMA`, of one candidate.
    then, now : WeightedObservations
        The customers that each is fitted on.
    is_alarming : bool
        Whether to measure causes, which takes most of the time.
    composition : Composition, optional
        The same customers by whether they are known at both dates.
    repeats : int
        Resamples of the customers of either date, at least two.
    noise_bin_width : float
        Refits are made on bins; see `segmentation.observations.WeightedObservations.in_bins`.
    cap_quantiles, ward_sample_size
        See `segmentation.models.fit_models`.

    Returns
    -------
    list of dict
        Rows of `CAUSES_SCHEMA`: one per feature and, where causes are measured, one for each other
        cause. Wasserstein distance and means are in the scaled units of the origin.
        `adjusted_rand_index` is that of the origin and a refit on the resampled bins of today, on
        average; `agreement_given_back` the share of a cause in what is missing to 1, with an
        interval. By `kind`:

        - "ageing" and "feature": the feature is distributed as then. Recency, which every customer
          has more of each day, stands for the calendar; any other feature is distributed as then
          among customers of the same rank of recency, so that prices of newcomers that rise are a
          cause of monetary value, although they change how it goes together with recency.
        - "dependence": how features go together otherwise is as then.
        - "noise": what is missing though everything is as then.
        - "all features": the sum of the features'.
        - "composition": the same loss shared out between the turnover (those who left are there,
          those who came are not) and those who stayed (they are as they were then). The sum of both
          differs from the one above by noise. Who left and who came are one cause: in a shop that
          does not change either takes much of the agreement, and gives as much back.
    """
    use_one_thread()
    frozen, refitted = FrozenModel.from_row(origin), FrozenModel.from_row(model)
    rows = _shifts(frozen, then, now)
    if is_alarming:
        recipe = recipe_of(
            model, cap_quantiles=cap_quantiles, n_init=0, ward_sample_size=ward_sample_size
        )
        measure = partial(
            _measure,
            frozen=frozen,
            refitted=refitted,
            recipe=recipe,
            random_state=model["random_state"],
            repeats=repeats,
        )
        names = [scaling.feature for scaling in frozen.scalings]
        draw = partial(
            _draw_features,
            then.in_bins(frozen.scalings, noise_bin_width),
            now.in_bins(refitted.scalings, noise_bin_width),
            names,
        )
        shares = measure([*names, DEPENDENCE], draw)
        if not shares.empty:
            shares[ALL_FEATURES] = shares[names].sum(axis=1)
            rows += [{"feature": name, "kind": name} for name in (DEPENDENCE, ALL_FEATURES, NOISE)]
            rows = [row | _summary(shares, row["feature"]) for row in rows]
        if composition is not None:
            shares = measure([TURNOVER, STAYERS], partial(_draw_composition, composition))
            if not shares.empty:
                rows += [
                    {"feature": name, "kind": "composition"} | _summary(shares, name)
                    for name in (TURNOVER, STAYERS)
                ]
    pair = {"origin_model_id": origin["model_id"], "model_id": model["model_id"]}
    return [pair | row for row in rows]


def _shifts(
    frozen: FrozenModel, then: WeightedObservations, now: WeightedObservations
) -> list[dict]:
    """Tell how far each feature has moved, in rows of `CAUSES_SCHEMA`."""
    rows = []
    for i, scaling in enumerate(frozen.scalings):
        (then_values, customers_then), (now_values, customers_now) = (
            (values.features[:, 0], values.customers)
            for values in (then.distribution(i), now.distribution(i))
        )
        scaled_then, scaled_now = scaling.apply(then_values), scaling.apply(now_values)
        rows.append(
            {
                "feature": scaling.feature,
                "kind": "ageing" if scaling.feature == AGEING_FEATURE else "feature",
                "population_stability_index": population_stability_index(
                    then_values, now_values, customers_then, customers_now
                ),
                "wasserstein_distance": wasserstein_distance(
                    scaled_then, scaled_now, customers_then, customers_now
                ),
                "mean_scaled_then": float(np.average(scaled_then, weights=customers_then)),
                "mean_scaled_now": float(np.average(scaled_now, weights=customers_now)),
            }
        )
    return rows


def _draw_features(
    then: WeightedObservations,
    now: WeightedObservations,
    names: Sequence[str],
    random_state: int,
) -> Callable[[frozenset[str]], WeightedObservations]:
    """Resample the customers of two dates; returns who they are with some causes restored."""
    then, now = then.resampled(random_state), now.resampled(random_state + 1)
    recencies = [i for i, name in enumerate(names) if name.startswith("recency")]
    made: dict = {}

    def customers_with(restored: frozenset[str]) -> WeightedObservations:
        return restore(
            then,
            now,
            [i for i, name in enumerate(names) if name in restored],
            is_dependence_restored=DEPENDENCE in restored,
            given=recencies[0] if recencies else None,
            made=made,
        )

    return customers_with


def _draw_composition(
    composition: Composition, random_state: int
) -> Callable[[frozenset[str]], WeightedObservations]:
    """Likewise, of those who left, stayed and came."""
    leavers, stayers_then, stayers_now, newcomers = (
        None if part is None else part.resampled(random_state + i)
        for i, part in enumerate(getattr(composition, field.name) for field in fields(composition))
    )

    def customers_with(restored: frozenset[str]) -> WeightedObservations:
        parts = [
            stayers_then if STAYERS in restored else stayers_now,
            leavers if TURNOVER in restored else newcomers,
        ]
        parts = [part for part in parts if part is not None]
        return WeightedObservations(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.customers for part in parts]),
        )

    return customers_with


def _measure(
    causes: Sequence[str],
    draw: Callable[[int], Callable[[frozenset[str]], WeightedObservations]],
    *,
    frozen: FrozenModel,
    refitted: FrozenModel,
    recipe: Recipe,
    random_state: int,
    repeats: int,
) -> pd.DataFrame:
    """Share out the agreement that is lost on each of some resamples.

    Returns
    -------
    DataFrame of shape (n_succeeded, n_causes + 2)
        The share of each cause, that of `NOISE`, and `adjusted_rand_index` of today; empty where
        fewer than two resamples have enough different customers for a model.
    """
    rows = []
    for repeat in range(repeats):
        # Far from the seeds that noise is measured with.
        seed = random_state + 10_000 + 10 * repeat
        customers_with = draw(seed)

        def agreement_with(
            restored: frozenset[str], customers_with=customers_with, seed=seed
        ) -> float:
            customers = customers_with(restored)
            # The refit of today has looked for other optima: the centroids of either model, moved
            # to these customers, lead to the one or the other.
            fit = refit(customers, recipe, random_state=seed, warm_starts=[frozen, refitted])
            return agreement_of(frozen, fit, customers, recipe.n_segments)

        order = [*causes[repeat % len(causes) :], *causes[: repeat % len(causes)]]
        with suppress(ValueError):  # few customers: a resample can hold too few different ones
            rows.append(_measured(agreement_with, order))
    return pd.DataFrame(rows if len(rows) > 1 else [])


def _measured(agreement_with: Callable[[frozenset[str]], float], order: Sequence[str]) -> dict:
    value = cache(agreement_with)
    return share_out(value, order) | {
        NOISE: 1 - value(frozenset(order)),
        "adjusted_rand_index": value(frozenset()),
    }


def share_out(value: Callable[[frozenset[str]], float], order: Sequence[str]) -> dict[str, float]:
    """Share out what all causes together give back among them.

    Parameters
    ----------
    value : callable
        What is reached with some of the causes restored.
    order : sequence of str
        The causes, in an order in which they are restored one after the other.

    Returns
    -------
    dict of str to float
        By cause, what it adds in this order and in the reverse one, on average. The shares add up
        to what all causes add. Where causes work together by twos at most they are the Shapley
        values (Shapley 1953): of any two, either comes first once. Where more do, they are the
        nearer to them the more orders are averaged (Castro, Gómez and Tejada 2009).

    Examples
    --------
    Rain or sun alone do nothing, both make a rainbow; wind turns a mill.

    >>> def seen(weather):
    ...     return 2.0 * (weather >= {"rain", "sun"}) + 1.0 * ("wind" in weather)
    >>> share_out(seen, ["rain", "wind", "sun"])
    {'rain': 1.0, 'wind': 1.0, 'sun': 1.0}
    """
    shares = dict.fromkeys(order, 0.0)
    for causes in (order, order[::-1]):
        restored: frozenset[str] = frozenset()
        for cause in causes:
            with_it = restored | {cause}
            shares[cause] += (value(with_it) - value(restored)) / 2
            restored = with_it
    return shares


def _summary(shares: pd.DataFrame, cause: str) -> dict:
    """Mean of a cause's shares over resamples, and the interval in which nine of ten lie.

    Resamples differ as shops do that draw other customers, so their deviation is that of the
    share itself; few of them leave it uncertain, hence Student's t.
    """
    mean, deviation = shares[cause].mean(), shares[cause].std()
    width = deviation * t.ppf(_UPPER_QUANTILE, len(shares) - 1)
    return {
        "adjusted_rand_index": float(shares["adjusted_rand_index"].mean()),
        "agreement_given_back": float(mean),
        "agreement_given_back_low": float(mean - width),
        "agreement_given_back_high": float(mean + width),
    }
