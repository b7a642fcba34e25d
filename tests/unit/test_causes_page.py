"""What the report says of causes is what its table says, whatever the shop."""

import re

import numpy as np
import pandas as pd
import pytest

from reporting.maintenance_page import causes
from reporting.text import plain

FEATURES = ["recency_days", "frequency", "monetary_value"]
KINDS = dict.fromkeys(FEATURES, "feature") | {
    "recency_days": "ageing",
    "dependence": "dependence",
    "stayers": "composition",
    "all features": "all features",
    "noise": "noise",
}


class Marts(dict):
    features = FEATURES


def marts_of(shares, deviation):
    """The mart as its SQL makes it, from shares of shape (n_evaluations, n_causes)."""
    rows = pd.DataFrame(
        {
            "evaluation_date": np.repeat(
                pd.date_range("2018-01-08", periods=len(shares), freq="7D"), len(KINDS)
            ),
            "origin_model_id": "origin",
            "weeks": np.repeat(np.arange(1.0, len(shares) + 1), len(KINDS)),
            "feature": [*KINDS] * len(shares),
            "kind": [*KINDS.values()] * len(shares),
            "agreement_given_back": shares.ravel(),
        }
    )
    rows["population_stability_index"] = np.where(rows["feature"].isin(FEATURES), 0.1, np.nan)
    rows["agreement_given_back_low"] = rows["agreement_given_back"] - deviation
    rows["agreement_given_back_high"] = rows["agreement_given_back"] + deviation
    is_judged = ~rows["kind"].isin(["all features", "noise"])
    is_attributable = rows["agreement_given_back_low"] > 0.02
    rows["is_attributable"] = is_attributable.astype(object).where(is_judged, None)
    ranked = rows[is_attributable & rows["kind"].isin(["ageing", "feature", "dependence"])]
    rows["place"] = ranked.groupby("evaluation_date")["agreement_given_back"].rank(ascending=False)
    return Marts(maintenance_causes=rows)


@pytest.mark.parametrize("seed", range(20))
def test_the_title_claims_what_the_table_holds(seed):
    random = np.random.default_rng(seed)
    scale = random.choice([0.01, 0.05, 0.2])
    shares = random.normal(0, scale, size=(random.integers(1, 8), len(KINDS)))
    marts = marts_of(shares, deviation=0.02)
    figure = causes(marts)
    table = figure.table.set_index("Cause").map(plain)
    title = plain(figure.title)
    rows = marts["maintenance_causes"]
    leaders = rows[rows["place"] == 1]
    if leaders.empty:
        assert title.endswith("no cause stands out from noise")
        assert (table["Attributable at"] == "0").all()
        return
    found = re.fullmatch(
        r"(.+) takes most of the agreement at (\d+) of (\d+) evaluations? .*: (.+) on average",
        title,
    )
    cause, times, evaluations, mean = found.groups()
    assert table.loc[cause, ["Takes most at", "Measured at", "Takes there, mean"]].tolist() == [
        times,
        evaluations,
        mean,
    ]
    assert int(times) == leaders["feature"].value_counts().max()
    assert int(evaluations) == len(shares)
    # Never less than what is attributable at all.
    assert float(mean) >= 0.02
    assert int(table.loc[cause, "Attributable at"]) >= int(times)


def test_a_cause_within_noise_is_not_said_to_end_the_agreement():
    """Recency gives back .01 on average, which may be nothing."""
    shares = np.zeros((3, len(KINDS)))
    shares[:, 0] = 0.01
    title = plain(causes(marts_of(shares, deviation=0.02)).title)
    assert "Recency" not in title
    assert "noise" in title


def test_without_an_alarm_the_shift_is_told():
    marts = marts_of(np.zeros((2, len(KINDS))), deviation=0.02)
    rows = marts["maintenance_causes"]
    rows = rows[rows["feature"].isin(FEATURES)].assign(is_attributable=None, place=np.nan)
    figure = causes(Marts(maintenance_causes=rows))
    assert "stability index reaches 0.1" in plain(figure.title)
    assert len(figure.panels) == 1
