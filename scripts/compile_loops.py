"""Compile the loops of the library for this machine, so that the first build need not.

    python scripts/compile_loops.py

It takes some ten seconds. Numba keeps what it compiles beside the library, and compiles what has
changed since when it is called.
"""

from datetime import datetime

import numpy as np
import pyarrow as pa

from segmentation.causes import explain_pair
from segmentation.comparison import compare_models
from segmentation.models import fit_models
from segmentation.noise import measure_noise
from segmentation.observations import WeightedObservations


def main() -> None:
    """Run the command."""
    values = np.random.default_rng(0).random((60, 2))
    customers = {"customers": np.ones(60), "revenue": np.ones(60), "feature_values": list(values)}
    points = pa.table(customers)
    recipe = {"threads": 1, "cap_quantiles": (0, 1), "n_init": 2, "n_init_beside_warm_start": 1}
    models = fit_models(
        [(datetime(2018, 1, day), points) for day in (1, 2)],
        **recipe,
        first_model=None,
        candidate_id="any",
        algorithm="kmeans",
        transforms={"one": "identity", "other": "log1p"},
        n_segments=3,
        random_state=0,
        ward_sample_size=None,
        silhouette_sample_size=None,
    ).to_pylist()
    compare_models([(models[1], models[:1], points)], threads=1)
    refits = {"noise_bin_width": 0.1, "seeds": 2, "resamples": 2, "ward_sample_size": 0}
    measure_noise([(models[1], points)], **recipe, **refits)
    known = WeightedObservations.from_table(points)
    explain_pair(models[0], models[1], known, known, True, repeats=2)


if __name__ == "__main__":
    main()
