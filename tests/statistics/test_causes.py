"""The cause of a breach is named right: shops in which the cause is planted.

Four segments of recency, frequency, monetary value and review score, under a frozen scaler in days.
With a window of a year a shop does not age, and the planted change alone ends the agreement. When
all orders count everybody ages, and the change is what is named beyond that.
"""

from collections import Counter
from dataclasses import dataclass

import pandas as pd
import pytest
from test_false_breach import AGREEMENT, SEGMENTS, TRANSFORMS, model_of

from planted_changes import SCENARIOS
from segmentation.causes import Composition, explain_pair
from segmentation.observations import NOISE_BIN_WIDTH
from segmentation.refits import FrozenModel, agreement_of
from small_models import observations_of

SHOPS = 10
# As in the mart `maintenance_causes`.
SMALLEST_EFFECT = 0.02
CAUSES = {
    "stationary": None,
    "price_jump": "monetary_value",
    "price_growth": "monetary_value",
    "rich_newcomers": "monetary_value",
    "unhappy_newcomers": "review_score",
    # Who orders more often has spent more: that is what moves the borders of the segments.
    "loyal_newcomers": "monetary_value",
    "dying_loyals": "frequency",
}


@dataclass(frozen=True)
class Explained:
    """What is attributable at one evaluation: ageing, and the largest of all other causes."""

    week: int
    is_broken: bool
    is_ageing: bool
    cause: str | None
    composition: str | None


def parts_of(then, now, frozen, refitted):
    stays, stayed = then["customer"].isin(now["customer"]), now["customer"].isin(then["customer"])
    parts = (then[~stays], frozen), (then[stays], frozen), (now[stayed], refitted)
    return Composition(
        *(
            observations_of(part[[*TRANSFORMS]]).in_bins(model.scalings, NOISE_BIN_WIDTH)
            if len(part)
            else None
            for part, model in (*parts, (now[~stayed], refitted))
        )
    )


def explained(then, now, origin, model, week, is_broken):
    frozen, refitted = FrozenModel.from_row(origin), FrozenModel.from_row(model)
    rows = pd.DataFrame(
        explain_pair(
            origin,
            model,
            observations_of(then[[*TRANSFORMS]]),
            observations_of(now[[*TRANSFORMS]]),
            True,
            parts_of(then, now, frozen, refitted),
        )
    )
    rows = rows[rows["agreement_given_back_low"] > SMALLEST_EFFECT]
    rows = rows.sort_values("agreement_given_back", ascending=False)

    def largest(*kinds):
        return next(iter(rows.loc[rows["kind"].isin(kinds), "feature"]), None)

    return Explained(
        week,
        is_broken,
        largest("ageing") is not None,
        largest("feature", "dependence"),
        largest("composition"),
    )


def evaluations_of(scenario, seed, window_weeks):
    """The first evaluation after the change at which the contract is broken, and the last one."""
    fit, history = (0, 104) if window_weeks else (8, 52)
    shop = SCENARIOS[scenario](seed, window_weeks=window_weeks, history_weeks=history)
    then = pd.DataFrame(shop.at(fit))
    origin = model_of(then[[*TRANSFORMS]], fit)
    frozen = FrozenModel.from_row(origin)
    found = []
    for week in range(12, 53, 4):
        now = pd.DataFrame(shop.at(week))
        model = model_of(now[[*TRANSFORMS]], week, [frozen])
        agreement = agreement_of(
            frozen,
            FrozenModel.from_row(model),
            observations_of(now[[*TRANSFORMS]]),
            SEGMENTS,
        )
        is_first = agreement < AGREEMENT and not found
        if is_first or week == 52:
            is_broken = agreement < AGREEMENT
            found.append(explained(then, now, origin, model, week, is_broken))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("window_weeks", [52, None])
@pytest.mark.parametrize("scenario", list(CAUSES))
def test_the_cause_is_named_right(scenario, window_weeks):
    shops = [evaluations_of(scenario, seed, window_weeks) for seed in range(SHOPS)]
    first = [shop[0] for shop in shops if shop[0].is_broken]
    last = [shop[-1] for shop in shops]
    expected = CAUSES[scenario]
    for when, evaluations in (("first broken", first), ("week 52", last)):
        causes = [each.cause for each in evaluations]
        print(
            f"{scenario}, window {window_weeks}, {when}: {len(causes)} shops, "
            f"{sum(each.is_ageing for each in evaluations)} ageing, beyond it "
            f"{causes.count(expected)} {expected}, {Counter(causes)}, "
            f"composition {Counter(each.composition for each in evaluations)}, "
            f"weeks {[each.week for each in evaluations]}"
        )
        # Something else is named in one of ten at most.
        assert sum(cause not in (expected, None) for cause in causes) <= 0.1 * len(causes)
    if window_weeks:
        assert sum(each.cause == expected for each in first) >= 0.9 * len(first)
    else:
        assert all(each.is_ageing for each in first + last)
