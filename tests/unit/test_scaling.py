"""Preprocessing against NumPy and scikit-learn."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from segmentation.scaling import fit_scaling, scale_features

SETTINGS = {"transforms": {"money": "log1p", "score": "identity"}, "cap_quantiles": (0.01, 0.99)}


@pytest.fixture
def features():
    random = np.random.default_rng(11)
    score = random.integers(1, 6, 500).astype(float)
    score[::7] = np.nan
    return {"money": random.lognormal(4, 1, 500), "score": score}


def test_complete_features_are_scaled_as_by_scikit_learn(features):
    money = features["money"]
    capped = np.clip(money, *np.quantile(money, [0.01, 0.99]))
    expected = StandardScaler().fit_transform(np.log1p(capped)[:, None]).ravel()
    scalings = fit_scaling(features, **SETTINGS)
    assert scale_features(features, scalings)[:, 0] == pytest.approx(expected, abs=1e-12)


def test_missing_values_land_at_the_centre_and_the_rest_as_if_imputed_first(features):
    score = features["score"]
    known = score[~np.isnan(score)]
    imputed = np.where(np.isnan(score), known.mean(), score)
    expected = StandardScaler().fit_transform(imputed[:, None]).ravel()
    scaled = scale_features(features, fit_scaling(features, **SETTINGS))[:, 1]
    assert scaled == pytest.approx(expected, abs=1e-12)
    assert scaled[np.isnan(score)] == pytest.approx(0, abs=1e-12)


def test_frozen_scaling_does_not_look_at_what_it_scales(features):
    scalings = fit_scaling(features, **SETTINGS)
    later = {"money": features["money"] * 100, "score": features["score"]}
    money = scalings[0]
    # Everything is beyond the frozen cap, whatever the later customers spend.
    assert scale_features(later, scalings)[:, 0].max() == pytest.approx(
        (np.log1p(money.upper_cap) - money.mean) / money.scale
    )


def test_scaling_can_be_inverted_within_the_caps(features):
    money = fit_scaling(features, **SETTINGS)[0]
    inside = np.array([money.lower_cap, 50.0, money.upper_cap])
    assert money.invert(money.apply(inside)) == pytest.approx(inside)


def test_a_constant_feature_is_scaled_to_zero():
    constant = {"score": np.full(20, 4.3)}
    scalings = fit_scaling(constant, **SETTINGS)
    assert scalings[0].scale == 1
    assert scale_features(constant, scalings) == pytest.approx(0, abs=1e-12)


def test_a_feature_without_any_value_is_an_error():
    with pytest.raises(ValueError, match="feature score: no customer has a value"):
        fit_scaling({"score": np.full(3, np.nan)}, **SETTINGS)


def test_an_unknown_transform_is_an_error():
    with pytest.raises(ValueError, match=r"feature score: transform 'sqrt' is none of"):
        fit_scaling({"score": np.ones(3)}, transforms={"score": "sqrt"}, cap_quantiles=(0, 1))


def test_weights_count_as_repeated_rows(features):
    repeats = np.random.default_rng(3).integers(1, 5, 500)
    settings = SETTINGS | {"cap_quantiles": (0.0, 1.0)}
    weighted = fit_scaling(features, **settings, weights=repeats.astype(float))
    repeated = fit_scaling(
        {name: np.repeat(values, repeats) for name, values in features.items()}, **settings
    )
    for one, other in zip(weighted, repeated, strict=True):
        assert (one.lower_cap, one.upper_cap) == (other.lower_cap, other.upper_cap)
        assert [one.mean, one.scale, one.imputation_value] == pytest.approx(
            [other.mean, other.scale, other.imputation_value]
        )


def test_caps_of_weighted_values_are_quantiles_of_the_customers():
    values = {"score": np.array([1.0, 2.0, 3.0])}
    (scaling,) = fit_scaling(
        values,
        transforms={"score": "identity"},
        cap_quantiles=(0.1, 0.9),
        weights=np.array([1.0, 98.0, 1.0]),
    )
    assert (scaling.lower_cap, scaling.upper_cap) == (2, 2)
