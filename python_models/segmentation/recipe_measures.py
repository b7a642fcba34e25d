"""Whether the recipe of a model still fits: number and places of its segments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from segmentation.observations import NOISE_BIN_WIDTH, WeightedObservations
from segmentation.parallel import run_in_threads, use_one_thread
from segmentation.refits import (
    CAP_QUANTILES,
    N_INIT,
    SAMPLE_SIZE,
    FrozenModel,
    Recipe,
    recipe_of,
    refit,
)
from segmentation.validity import distances_between, silhouettes

# Share of the customers at the fit whose distance to the nearest centroid is usual.
USUAL_SHARE = 0.99
# Customers of whom silhouettes of several numbers of segments are taken: all pairs of them.
SILHOUETTE_SAMPLE_SIZE = 1000

RECIPE_SCHEMA = pa.schema(
    [
        ("origin_model_id", pa.string()),
        ("model_id", pa.string()),
        ("measure", pa.string()),
        ("subject", pa.string()),
        ("customers", pa.int64()),
        ("measured_value", pa.float64()),
        ("sampling_error", pa.float64()),
    ]
)


def measure_recipes(
    pairs: Iterable[tuple[Mapping, Mapping, WeightedObservations, WeightedObservations]],
    *,
    threads: int,
    **settings,
) -> pa.Table:
    """Measure whether the recipe of a model fits the customers of later dates.

    Parameters
    ----------
    pairs : iterable of (origin, model, then, now)
        As `measure_recipe` takes them.
    threads : int
        See `segmentation.parallel.run_in_threads`.
    **settings
        Passed to `measure_recipe`.

    Returns
    -------
    pyarrow.Table
        The rows of `measure_recipe`, with `RECIPE_SCHEMA`.
    """
    found = run_in_threads(partial(measure_recipe, **settings), pairs, threads=threads)
    return pa.Table.from_pylist([row for rows in found for row in rows], schema=RECIPE_SCHEMA)


def measure_recipe(
    origin: Mapping,
    model: Mapping,
    then: WeightedObservations,
    now: WeightedObservations,
    *,
    noise_bin_width: float = NOISE_BIN_WIDTH,
    silhouette_sample_size: int = SILHOUETTE_SAMPLE_SIZE,
    cap_quantiles: Sequence[float] = CAP_QUANTILES,
    n_init: int = N_INIT,
    ward_sample_size: int = SAMPLE_SIZE,
) -> list[dict]:
    """Measure whether the recipe of a model fits the customers of a later date.

    Customers are measured under the scaling of their own date, as `structural_agreement` does it:
    ageing, which moves all of them alike, is taken out.

    Parameters
    ----------
    origin, model : mapping
        Rows of `segmentation.models.MODELS_SCHEMA`, of one candidate; may be one and the same.
    then, now : WeightedObservations
        The customers that each is fitted on.
    noise_bin_width, cap_quantiles, n_init, ward_sample_size
        Other numbers of segments are fitted on bins; see `segmentation.noise.noise_of_model`.
    silhouette_sample_size : int
        Customers of whom silhouettes are taken.

    Returns
    -------
    list of dict
        Rows of `RECIPE_SCHEMA`:

        - `far`: share of the customers of now who are farther from every centroid of the origin
          than 99 % were at its fit;
        - `shift`, by cluster of the origin (`subject`): distance of the mean of its customers of
          now to its centroid, in scaled units; none for a cluster without customers;
        - `silhouette`: by how much the mean silhouette of one segment more or one fewer
          (`subject`, the better of the two) is above that of the model's own number of segments,
          both fitted on now; none where neither can be fitted.

        Errors are standard errors by sampling.
    """
    use_one_thread()
    frozen, refitted = FrozenModel.from_row(origin), FrozenModel.from_row(model)
    centroids = frozen.clustering.centroids
    nearest_then, _ = _nearest(then.scaled(frozen.scalings), centroids)
    usual = np.quantile(nearest_then, USUAL_SHARE, weights=then.customers, method="inverted_cdf")
    scaled = now.scaled(refitted.scalings)
    nearest, labels = _nearest(scaled, centroids)
    far = now.customers[nearest > usual].sum()
    share = (far + 1) / (now.n_customers + 2)
    rows = [
        {
            "measure": "far",
            "subject": "all segments",
            "customers": now.n_customers,
            "measured_value": far / now.n_customers,
            "sampling_error": np.sqrt(share * (1 - share) / now.n_customers),
        },
        *_shifts(scaled, labels, now.customers, centroids),
        *_silhouette_gains(
            now,
            recipe_of(
                model,
                cap_quantiles=cap_quantiles,
                n_init=n_init,
                ward_sample_size=ward_sample_size,
            ),
            refitted,
            random_state=model["random_state"],
            bin_width=noise_bin_width,
            sample_size=silhouette_sample_size,
        ),
    ]
    pair = {"origin_model_id": origin["model_id"], "model_id": model["model_id"]}
    return [pair | row for row in rows]


def _nearest(scaled: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each observation to the nearest centroid, and the number of that one."""
    distances = distances_between(scaled, centroids)
    return distances.min(axis=1), distances.argmin(axis=1)


def _shifts(
    scaled: np.ndarray, labels: np.ndarray, customers: np.ndarray, centroids: np.ndarray
) -> Iterable[dict]:
    """Tell how far the mean of each cluster is from its centroid."""
    for cluster, centroid in enumerate(centroids):
        is_member = labels == cluster
        n = customers[is_member].sum()
        if n == 0:
            continue
        mean = np.average(scaled[is_member], axis=0, weights=customers[is_member])
        variance = np.average((scaled[is_member] - mean) ** 2, axis=0, weights=customers[is_member])
        yield {
            "measure": "shift",
            "subject": str(cluster),
            "customers": round(n),
            "measured_value": float(np.linalg.norm(mean - centroid)),
            "sampling_error": float(np.sqrt(variance.sum() / n)),
        }


def _silhouette_gains(
    now: WeightedObservations,
    recipe: Recipe,
    refitted: FrozenModel,
    *,
    random_state: int,
    bin_width: float,
    sample_size: int,
) -> Iterable[dict]:
    """Tell what one segment more or fewer would gain, in the mean silhouette of a sample."""
    bins = now.in_bins(refitted.scalings, bin_width)
    sample = now.sample(sample_size, random_state)
    places = now.scaled(refitted.scalings)[sample]
    distances = distances_between(places, places)
    sampled = WeightedObservations(now.features[sample], np.ones(len(sample)))
    own = silhouettes(distances, refitted.label(sampled))
    gains = {}
    for n_segments in (recipe.n_segments - 1, recipe.n_segments + 1):
        if n_segments < 2:
            continue
        try:
            other = refit(bins, replace(recipe, n_segments=n_segments), random_state=random_state)
        except ValueError:  # fewer different customers than segments
            continue
        gains[n_segments] = silhouettes(distances, other.label(sampled)) - own
    gains = {n: gain[~np.isnan(gain)] for n, gain in gains.items()}
    gains = {n: gain for n, gain in gains.items() if len(gain) > 1}
    if gains:
        best = max(gains, key=lambda n: gains[n].mean())
        yield {
            "measure": "silhouette",
            "subject": f"{best} segments",
            "customers": len(gains[best]),
            "measured_value": float(gains[best].mean()),
            "sampling_error": float(gains[best].std(ddof=1) / np.sqrt(len(gains[best]))),
        }
