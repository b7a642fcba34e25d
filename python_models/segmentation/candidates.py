"""Candidates for the model, fitted on the same customers and measured by the same yardsticks."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from joblib import Parallel, delayed
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from segmentation import agreement, resampling, validity
from segmentation.clustering import (
    DensityClustering,
    cut_ward_tree,
    fit_dbscan,
    grow_ward_tree,
    neighbour_distances,
)
from segmentation.kmeans import CentroidClustering, fit_kmeans
from segmentation.observations import NOISE_BIN_WIDTH, WeightedObservations
from segmentation.parallel import use_one_thread
from segmentation.refits import (
    CAP_QUANTILES,
    N_INIT,
    RANDOM_STATE,
    SAMPLE_SIZE,
    starts_beside_warm_one,
)
from segmentation.resampling import draw_sample
from segmentation.rules import FEATURES, RuleClustering, cluster_by_rules, fit_rules
from segmentation.scaling import FeatureScaling, fit_scaling, scale_features, standardise_known

Clustering = CentroidClustering | DensityClustering | RuleClustering

# Further fits of a candidate that differ by their seed only.
SEEDS = 3

COMPARISON_SCHEMA = pa.schema(
    [
        ("candidate_id", pa.string()),
        ("customers", pa.int64()),
        ("basis", pa.string()),
        ("clusters", pa.int32()),
        ("eps", pa.float64()),
        ("silhouette", pa.float64()),
        ("silhouette_standard_error", pa.float64()),
        ("simplified_silhouette", pa.float64()),
        ("davies_bouldin", pa.float64()),
        ("calinski_harabasz", pa.float64()),
        ("balance", pa.float64()),
        ("smallest_share", pa.float64()),
        ("noise_share", pa.float64()),
        ("resamples", pa.int32()),
        ("failed_resamples", pa.int32()),
        ("resampling_agreement", pa.float64()),
        ("resampling_agreement_p05", pa.float64()),
        ("seed_agreement", pa.float64()),
        ("fit_seconds", pa.float64()),
        ("error", pa.string()),
        ("separation", pa.list_(pa.struct([("feature", pa.string()), ("share", pa.float64())]))),
        (
            "segments",
            pa.list_(
                pa.struct(
                    [
                        ("cluster", pa.int32()),
                        ("customers", pa.int64()),
                        ("silhouette", pa.float64()),
                        ("jaccard", pa.float64()),
                        (
                            "features",
                            pa.list_(
                                pa.struct(
                                    [
                                        ("feature", pa.string()),
                                        ("mean", pa.float64()),
                                        ("median", pa.float64()),
                                        ("mean_scaled", pa.float64()),
                                    ]
                                )
                            ),
                        ),
                    ]
                )
            ),
        ),
        ("compared_as_of", pa.timestamp("us")),
        ("compared_at", pa.timestamp("us")),
        ("data_fingerprint", pa.string()),
        ("settings_fingerprint", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How candidates are fitted and measured; the same for all of them.

    Attributes
    ----------
    cap_quantiles : pair of float
        See `segmentation.scaling.fit_scaling`.
    n_init : int
        k-means++ starts of a fit.
    random_state : int
    sample_size : int
        Customers on whom silhouettes are measured and Ward's tree and DBSCAN are fitted.
    resamples : int
        Bootstrap resamples of each candidate that passes the limits below.
    noise_bin_width : float
        Of the bins that KMeans is refitted on; see
        `segmentation.observations.WeightedObservations.in_bins`.
    seeds : int
        Further fits that differ by their seed only.
    min_segments, max_segments : int
    min_share, max_noise_share : float
        Limits, 0 to 1, on the smallest segment and the noise; a candidate beyond them is not
        resampled, but for rules, which cost next to nothing.
    rfm_cut_points : mapping, optional
        Of RFM by rules; see `segmentation.rules.fit_rules`.
    """

    cap_quantiles: Sequence[float] = CAP_QUANTILES
    n_init: int = N_INIT
    random_state: int = RANDOM_STATE
    sample_size: int = SAMPLE_SIZE
    resamples: int
    noise_bin_width: float = NOISE_BIN_WIDTH
    seeds: int = SEEDS
    min_segments: int
    max_segments: int
    min_share: float
    max_noise_share: float
    rfm_cut_points: Mapping[str, Sequence[float]] | None = None

    def __post_init__(self):
        for name, least in (("sample_size", 2), ("resamples", 2), ("seeds", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"comparison_{name} is {getattr(self, name)}; it must be at least {least} "
                    "(dbt_project.yml, under vars)"
                )


def compare_candidates(
    customers: pd.DataFrame,
    candidates: Sequence[Mapping],
    *,
    transforms: Mapping[str, str],
    stamp: Mapping[str, object],
    known_customers: int | None = None,
    processes: int = 1,
    report: Callable[[str], None] | None = None,
    **settings,
) -> pa.Table:
    """Fit each candidate on the customers and measure it.

    Parameters
    ----------
    customers : DataFrame
        One row per customer, in a stable order, with every feature of `transforms` in original
        units, NaN where missing.
    candidates : sequence of mapping
        `candidate_id`, `algorithm` (kmeans, ward, dbscan or rules), `feature_set`, `features` (a
        list of mappings with `feature` and `transform`), and `n_segments`, or `eps_quantile` (where
        on the k-distance curve eps is read off) and `min_samples`.
    transforms : mapping of str to {"identity", "log1p"}
        The features and the scale on which separation is measured for every candidate, whatever
        it is fitted on.
    stamp : mapping of str to object
        What the comparison is of and when it is made: columns of the result that do not differ
        between candidates.
    known_customers : int, optional
        Of how many `customers` are a sample; None when they are all.
    processes : int
        Feature sets compared at the same time. The result does not depend on it.
    report : callable, optional
        Is told a line when a candidate is done, from whichever process does it.
    **settings
        Fields of `Settings`.

    Returns
    -------
    pyarrow.Table
        One row per candidate, by `candidate_id`, with `COMPARISON_SCHEMA`. A candidate that cannot
        be fitted has its `error` and no figures.

    Raises
    ------
    ValueError
        If there is no customer.
    """
    if customers.empty:
        raise ValueError(
            "No customer is known at the comparison date: check first_evaluation_date and "
            "comparison_date (dbt_project.yml, under vars)"
        )
    used = {f["feature"] for candidate in candidates for f in candidate["features"]}
    comparison = _Comparison(
        customers[sorted(used | set(transforms))].astype(float),
        transforms,
        Settings(**settings),
        known_customers or len(customers),
        report,
    )
    if report is not None:
        report(f"comparison: {len(candidates)} candidates, {len(customers):,} customers")
    by_feature_set: dict[str, list[Mapping]] = {}
    for candidate in candidates:
        by_feature_set.setdefault(candidate["feature_set"], []).append(candidate)
    # The slowest first, so that no process is left alone with it at the end.
    longest_first = sorted(by_feature_set.values(), key=lambda group: -len(group[0]["features"]))
    rows = Parallel(n_jobs=processes)(
        delayed(comparison.of_feature_set)(group) for group in longest_first
    )
    in_order = sorted(
        (_nan_to_none(row | stamp) for group in rows for row in group),
        key=lambda row: row["candidate_id"],
    )
    return pa.Table.from_pylist(in_order, schema=COMPARISON_SCHEMA)


def _nan_to_none(value):
    """Make a figure that cannot be computed missing: in tables NaN would count as the largest."""
    if isinstance(value, dict):
        return {name: _nan_to_none(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_nan_to_none(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value


class _Comparison:
    """What all candidates share: the customers, the yardstick, the sample and the resamples."""

    def __init__(
        self,
        customers: pd.DataFrame,
        transforms: Mapping[str, str],
        settings: Settings,
        known_customers: int,
        report: Callable[[str], None] | None,
    ):
        self.customers = customers
        self.features = list(transforms)
        self.settings = settings
        self.known_customers = known_customers
        self.report = report
        self.parent = os.getpid()
        self.yardstick = standardise_known(customers, transforms, settings.cap_quantiles)
        self.sample = draw_sample(len(customers), settings.sample_size, settings.random_state)
        self.counts = resampling.bootstrap_counts(
            len(customers), resamples=settings.resamples, random_state=settings.random_state
        )

    def of_feature_set(self, candidates: Sequence[Mapping]) -> list[dict]:
        """Return rows of candidates that share a feature set, and so observations and distances."""
        features = {f["feature"]: f["transform"] for f in candidates[0]["features"]}
        try:
            scalings = fit_scaling(
                {name: self.customers[name] for name in features},
                transforms=features,
                cap_quantiles=self.settings.cap_quantiles,
            )
            observations = scale_features(self.customers, scalings)
        except ValueError as error:
            return [self._failed(candidate, error) for candidate in candidates]
        fits = _Fits(
            self.customers[list(features)].to_numpy(), scalings, observations, self.settings
        )
        distances = validity.distances_between(observations[self.sample], observations[self.sample])
        return [self._of_candidate(candidate, fits, distances) for candidate in candidates]

    def _end_with_parent(self) -> None:
        """End a worker whose parent has been stopped: it has nobody to work for."""
        if os.getpid() != self.parent and os.getppid() != self.parent:
            raise SystemExit

    def _of_candidate(self, candidate: Mapping, fits: "_Fits", distances: np.ndarray) -> dict:
        self._end_with_parent()
        try:
            started = time.thread_time()
            clustering, eps = fits.fit(candidate, self.sample)
            fit_seconds = time.thread_time() - started
            row = {
                "candidate_id": candidate["candidate_id"],
                "fit_seconds": fit_seconds,
                "eps": eps,
                **self._figures(fits.observations, clustering, distances),
            }
            row["basis"] = self._basis(candidate["algorithm"])
            if candidate["algorithm"] == "rules" or self._is_worth_resampling(row):
                row |= self._stability(candidate, fits, clustering, row["segments"])
        except Exception as error:  # recorded; the other candidates go on
            return self._failed(candidate, error)
        self._tell(candidate, f"{time.thread_time() - started:.1f} s")
        return row

    def _failed(self, candidate: Mapping, error: Exception) -> dict:
        told = str(error) or type(error).__name__
        self._tell(candidate, told)
        return {
            "candidate_id": candidate["candidate_id"],
            "customers": len(self.customers),
            "basis": self._basis(candidate["algorithm"]),
            "error": told,
        }

    def _tell(self, candidate: Mapping, outcome: str) -> None:
        if self.report is not None:
            self.report(f"comparison: {candidate['candidate_id']:<36} {outcome}")

    def _basis(self, algorithm: str) -> str:
        """Whom the algorithm is fitted on, and how the others get their label."""
        if algorithm in ("kmeans", "rules") or len(self.sample) == len(self.customers):
            basis = "all customers"
        else:
            nearest = "core point" if algorithm == "dbscan" else "mean"
            basis = f"{len(self.sample)} sampled customers, the others by the nearest {nearest}"
        if len(self.customers) < self.known_customers:
            basis += f"; in a sample of {len(self.customers)} of {self.known_customers} customers"
        return basis

    def _figures(
        self,
        observations: np.ndarray,
        clustering: Clustering,
        distances: np.ndarray,
    ) -> dict:
        labels = clustering.labels
        members = labels >= 0
        sizes = np.bincount(labels[members])
        is_sampled = len(self.sample) < len(observations)
        of_sample = validity.silhouettes(distances, labels[self.sample])
        silhouette, error = validity.mean_and_error(of_sample, is_sampled=is_sampled)
        has_centroids = isinstance(clustering, CentroidClustering)
        figures = {
            "customers": len(observations),
            "clusters": len(sizes),
            "silhouette": silhouette,
            "silhouette_standard_error": error,
            "balance": validity.balance(sizes),
            "smallest_share": float(sizes.min() / len(observations)),
            "noise_share": float(1 - members.mean()),
        }
        if has_centroids:
            figures["simplified_silhouette"] = validity.simplified_silhouette(
                observations, labels, clustering.centroids
            )
        if len(sizes) > 1:
            use_one_thread()
            figures["davies_bouldin"] = davies_bouldin_score(observations[members], labels[members])
            figures["calinski_harabasz"] = calinski_harabasz_score(
                observations[members], labels[members]
            )
        shares = validity.separation(self.yardstick.to_numpy(), labels)
        figures["separation"] = [
            {"feature": feature, "share": float(share)}
            for feature, share in zip(self.yardstick, shares, strict=True)
        ]
        figures["segments"] = [
            {
                "cluster": cluster,
                "customers": int(size),
                "silhouette": validity.mean_and_error(
                    of_sample[labels[self.sample] == cluster], is_sampled=is_sampled
                )[0],
                "features": self._profile(labels == cluster),
            }
            for cluster, size in enumerate(sizes)
        ]
        return figures

    def _profile(self, members: np.ndarray) -> list[dict]:
        """Mean and median of the known values, in original units and on the yardstick."""
        of_cluster = self.customers.loc[members, self.features]
        means, medians = of_cluster.mean(), of_cluster.median()
        scaled = self.yardstick[members].mean()
        return [
            {
                "feature": feature,
                "mean": means[feature],
                "median": medians[feature],
                "mean_scaled": scaled.get(feature),
            }
            for feature in self.features
        ]

    def _is_worth_resampling(self, row: Mapping) -> bool:
        return (
            self.settings.min_segments <= row["clusters"] <= self.settings.max_segments
            and row["smallest_share"] >= self.settings.min_share
            and row["noise_share"] <= self.settings.max_noise_share
        )

    def _stability(
        self,
        candidate: Mapping,
        fits: "_Fits",
        clustering: Clustering,
        segments: Iterable[dict],
    ) -> dict:
        resampled = []
        for number, counts in enumerate(self.counts):
            self._end_with_parent()
            # A resample of few customers can hold too few different ones.
            with suppress(ValueError):
                resampled.append(fits.refit(candidate, clustering, number, counts))
        failed = len(self.counts) - len(resampled)
        if len(resampled) < 2:
            return {"resamples": len(self.counts), "failed_resamples": failed}
        labelings = np.stack(resampled)
        mean, p05 = resampling.mutual_agreement(labelings)
        jaccards = resampling.cluster_stability(clustering.labels, labelings)
        for segment, jaccard in zip(segments, jaccards, strict=True):
            segment["jaccard"] = float(jaccard)
        seeds = range(1, self.settings.seeds + 1)
        return {
            "resamples": len(self.counts),
            "failed_resamples": failed,
            "resampling_agreement": mean,
            "resampling_agreement_p05": p05,
            "seed_agreement": float(
                np.mean([self._seed_agreement(candidate, fits, clustering, i) for i in seeds])
            ),
        }

    def _seed_agreement(
        self,
        candidate: Mapping,
        fits: "_Fits",
        clustering: Clustering,
        number: int,
    ) -> float:
        try:
            labels = fits.reseed(candidate, number)
        except ValueError:  # another sample of few customers can hold too few different ones
            return 0.0
        return agreement.adjusted_rand_index(resampling.cross_table(clustering.labels, labels))


class _Fits:
    """Fits of the candidates of one feature set, on all customers, on resamples, by other seeds.

    Resamples in bins and Ward's trees serve every number of segments, so they are kept.
    """

    def __init__(
        self,
        features: np.ndarray,
        scalings: Sequence[FeatureScaling],
        observations: np.ndarray,
        settings: Settings,
    ):
        self.features = features
        self.scalings = scalings
        self.observations = observations
        self.settings = settings
        self._resamples: dict[int, WeightedObservations] = {}
        self._trees: dict[object, np.ndarray] = {}

    def fit(self, candidate: Mapping, sample: np.ndarray) -> tuple[Clustering, float | None]:
        """Return the candidate's clustering of all customers, and DBSCAN's eps."""
        if candidate["algorithm"] == "kmeans":
            return self._kmeans(candidate, self.settings.random_state), None
        if candidate["algorithm"] == "ward":
            return self._ward(candidate, "first", sample), None
        if candidate["algorithm"] == "dbscan":
            return self._dbscan(candidate, sample)
        if candidate["algorithm"] == "rules":
            features, cut_points = self._rfm(candidate), self.settings.rfm_cut_points
            return cluster_by_rules(features, cut_points=cut_points), None
        raise ValueError(
            f"algorithm {candidate['algorithm']} is none of kmeans, ward, dbscan and rules"
        )

    def refit(
        self,
        candidate: Mapping,
        original: Clustering,
        number: int,
        counts: np.ndarray,
    ) -> np.ndarray:
        """Labels of all customers by the candidate fitted on a bootstrap resample.

        KMeans is the best of a warm start and of fresh ones (`starts_beside_warm_one`): a warm
        start alone would hide that the segments depend on the resample. It is fitted on bins, as a
        border hardly depends on where in its bin a customer is.
        """
        random_state = self.settings.random_state + 1000 + number
        if candidate["algorithm"] == "kmeans":
            resample = self._resample_in_bins(number, counts)
            return fit_kmeans(
                resample.scaled(self.scalings),
                n_clusters=candidate["n_segments"],
                n_init=starts_beside_warm_one(candidate["n_segments"]),
                random_state=random_state,
                weights=resample.customers,
                warm_starts=[original.centroids],
            ).label(self.observations)
        if candidate["algorithm"] == "rules":
            features, cut_points = self._rfm(candidate), self.settings.rfm_cut_points
            weights = counts.astype(float)
            return fit_rules(features, weights=weights, cut_points=cut_points).label(features)
        rows = np.repeat(np.arange(len(counts)), counts)
        sample = rows[draw_sample(len(rows), self.settings.sample_size, random_state)]
        if candidate["algorithm"] == "ward":
            return self._ward(candidate, ("resample", number), sample).labels
        return self._dbscan(candidate, sample)[0].labels

    def _resample_in_bins(self, number: int, counts: np.ndarray) -> WeightedObservations:
        if number not in self._resamples:
            drawn = counts > 0
            resample = WeightedObservations(self.features[drawn], counts[drawn].astype(float))
            bins = resample.in_bins(self.scalings, self.settings.noise_bin_width)
            self._resamples[number] = bins
        return self._resamples[number]

    def reseed(self, candidate: Mapping, number: int) -> np.ndarray:
        """Labels of all customers by a fit that differs by its seed alone."""
        random_state = self.settings.random_state + number
        if candidate["algorithm"] == "kmeans":
            return self._kmeans(candidate, random_state).labels
        if candidate["algorithm"] == "rules":  # no seed is used
            return self.fit(candidate, np.arange(0))[0].labels
        sample = draw_sample(len(self.observations), self.settings.sample_size, random_state)
        if candidate["algorithm"] == "ward":
            return self._ward(candidate, ("seed", number), sample).labels
        return self._dbscan(candidate, sample)[0].labels

    def _rfm(self, candidate: Mapping) -> np.ndarray:
        """Return recency, frequency and monetary value of all customers, in original units."""
        names = [feature["feature"] for feature in candidate["features"]]
        return self.features[:, [names.index(feature) for feature in FEATURES]]

    def _kmeans(self, candidate: Mapping, random_state: int) -> CentroidClustering:
        return fit_kmeans(
            self.observations,
            n_clusters=candidate["n_segments"],
            n_init=self.settings.n_init,
            random_state=random_state,
        )

    def _ward(self, candidate: Mapping, key: object, sample: np.ndarray) -> CentroidClustering:
        observations = self.observations[sample]
        if key not in self._trees:
            self._trees[key] = grow_ward_tree(observations)
        return cut_ward_tree(
            self.observations, observations, self._trees[key], n_clusters=candidate["n_segments"]
        )

    def _dbscan(self, candidate: Mapping, sample: np.ndarray) -> tuple[Clustering, float]:
        observations = self.observations[sample]
        min_samples = candidate["min_samples"]
        curve = neighbour_distances(observations, min_samples=min_samples)
        eps = float(np.quantile(curve, candidate["eps_quantile"]))
        return fit_dbscan(self.observations, observations, eps=eps, min_samples=min_samples), eps
