"""Agreement and noise of label sets, from cells, against scikit-learn and by their properties."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from segmentation.comparison import PAIRS_SCHEMA
from segmentation.labels import compare_label_sets, measure_label_noise
from segmentation.noise import NOISE_SCHEMA


def cells_of(origin, other, *, names=("old", "new"), is_repeat=False, labels=(3, 4)):
    """All pairs of labels of two label sets of the same customers, each of whom brought 1.25."""
    table = np.zeros(labels, int)
    np.add.at(table, (origin, other), 1)
    frame = pd.DataFrame(
        [
            (*names, is_repeat, first, second, table[first, second])
            for first in range(labels[0])
            for second in range(labels[1])
        ],
        columns=[
            *("origin_model_id", "model_id", "is_repeat", "origin_cluster", "cluster", "customers")
        ],
    )
    frame["revenue"] = [Decimal(int(n)) * Decimal("1.25") for n in frame["customers"]]
    return frame


def as_cells(*frames):
    # In no order: who compares them sorts.
    return pa.Table.from_pandas(pd.concat(frames).sample(frac=1, random_state=3))


pairs = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)


@settings(deadline=None)  # the first call compiles
@given(pairs)
def test_agreement_is_that_of_scikit_learn(pair):
    compared = compare_label_sets(as_cells(cells_of(*pair))).to_pylist()
    assert len(compared) == 1
    row = compared[0]
    assert row["adjusted_rand_index"] == pytest.approx(adjusted_rand_score(*pair), abs=1e-12)
    assert row["customers"] == len(pair[0])
    assert row["revenue"] == Decimal("1.25") * len(pair[0])
    assert row["structural_agreement"] is None and row["excess_inertia"] is None


def test_labels_are_matched_by_the_customers_that_they_share():
    row = compare_label_sets(as_cells(cells_of([0, 0, 0, 1, 1, 2], [3, 3, 1, 0, 0, 0]))).to_pylist()
    matches = {m["origin_cluster"]: (m["cluster"], m["jaccard"]) for m in row[0]["matches"]}
    assert matches[0] == (3, 2 / 3)
    assert matches[1] == (0, 2 / 3)
    # The customer of label 2 and one of label 0 have another place in the newer set.
    assert row[0]["misplaced_revenue"] == Decimal("2.50")
    assert row[0]["matched_agreement"] == pytest.approx(4 / 6)


def test_pairs_are_apart_and_repeats_are_no_pairs():
    cells = as_cells(
        cells_of([0, 1, 2], [0, 1, 2]),
        cells_of([0, 1, 1], [0, 0, 1], names=("older", "new")),
        cells_of([0, 1, 2], [0, 0, 1], names=("new", "again"), is_repeat=True, labels=(4, 4)),
    )
    compared = compare_label_sets(cells)
    assert compared.schema == PAIRS_SCHEMA
    found = [(row["model_id"], row["origin_model_id"]) for row in compared.to_pylist()]
    assert found == [("new", "old"), ("new", "older")]
    assert compared["adjusted_rand_index"][0].as_py() == 1


def test_noise_is_of_a_model_with_its_repeats():
    model, first, second = [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 3, 3], [0, 1, 1, 1, 3, 2]
    cells = as_cells(
        cells_of(model, first, names=("m", "r1"), is_repeat=True),
        cells_of(model, second, names=("m", "r2"), is_repeat=True),
        cells_of(model, second, names=("stranger", "r3"), is_repeat=True),
        cells_of(model, second, names=("older", "m")),
    )
    noise = measure_label_noise(["alone", "m"], cells)
    assert noise.schema == NOISE_SCHEMA
    alone, row = noise.to_pylist()
    assert (alone["model_id"], alone["seeds"], alone["clusters"]) == ("alone", 0, [])
    assert alone["seed_agreement"] is None and alone["seed_agreement_p05"] is None
    figures = [adjusted_rand_score(model, first), adjusted_rand_score(model, second)]
    assert (row["model_id"], row["seeds"]) == ("m", 2)
    assert row["seed_agreement"] == pytest.approx(np.mean(figures), abs=1e-12)
    assert row["seed_agreement_p05"] == pytest.approx(np.quantile(figures, 0.05), abs=1e-12)
    assert [cluster["cluster"] for cluster in row["clusters"]] == [0, 1, 2]
    # Label 1 has two of three customers in the second repeat, and both in the first.
    assert row["clusters"][1]["noise_agreement"] == pytest.approx((1 + 2 / 3) / 2)


def test_a_label_without_a_match_is_not_found_again():
    cells = as_cells(
        cells_of([0, 0, 1, 2], [0, 0, 1, 1], names=("m", "r"), is_repeat=True, labels=(3, 2))
    )
    clusters = measure_label_noise(["m"], cells).to_pylist()[0]["clusters"]
    assert sorted(cluster["noise_agreement"] for cluster in clusters) == [0, 0.5, 1]


def test_without_cells_there_is_nothing():
    nothing = as_cells(cells_of([0], [0])).slice(0, 0)
    assert compare_label_sets(nothing).num_rows == 0
    assert measure_label_noise([], nothing).num_rows == 0
    assert measure_label_noise(["m"], nothing)["seeds"].to_pylist() == [0]
