"""How soon a planted change breaks a clause, and how often a shop without one does.

    python tests/statistics/test_power.py [customers, shops and scenario]

prints the tables of docs/explanation/the-contract.md.
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pytest
from test_false_breach import TRANSFORMS, beyond_limits, model_of

from planted_changes import SCENARIOS, Shop
from population_checks import deviations, newcomer_measures, repeat_purchases
from segmentation.recipe_measures import measure_recipe
from segmentation.refits import FrozenModel
from small_models import observations_of

WEEKS, CHANGE_WEEK = 40, 10
LIMIT = 3.75
CLAUSES = ("agreement", "segment", "newcomers", "recipe")


def customers_at(shop: Shop, week: int, *, newcomers: bool = False) -> pd.DataFrame:
    """Features of the customers at a week, or of those who came in the four weeks before."""
    known = pd.DataFrame(shop.at(week))
    if newcomers:
        known = known[shop.first_day[known["customer"]] >= 7 * (week - 4)]
    return known[list(TRANSFORMS)]


def measures_of_windows(shop: Shop, frozen: FrozenModel, week: int):
    """What the clauses look at of the last weeks."""
    observations = observations_of(customers_at(shop, week, newcomers=True))
    scaled = pd.DataFrame(observations.scaled(frozen.scalings), columns=list(TRANSFORMS))
    orders = pd.DataFrame({"customer": shop.orders.customer, "day": shop.orders.day})
    centroids = pd.DataFrame(frozen.clustering.centroids, columns=list(TRANSFORMS))
    return newcomer_measures(scaled, centroids), repeat_purchases(orders, 7 * week)


def measures_of_recipe(origin, model, then, now):
    rows = measure_recipe(origin, model, observations_of(then), observations_of(now))
    return {
        (row["measure"], "all" if row["measure"] == "silhouette" else row["subject"]): (
            row["measured_value"],
            row["sampling_error"],
        )
        for row in rows
    }


def first_breaches(
    shop: Shop, *, until_any: bool = False, clauses: Sequence[str] = CLAUSES
) -> dict[str, int]:
    """The week at which each of the clauses breaks first; those that keep are left out."""
    then = customers_at(shop, 0)
    origin = model_of(then, 0)
    frozen = FrozenModel.from_row(origin)
    windows = [measures_of_windows(shop, frozen, -week) for week in range(52)]
    references = [[measures[i] for measures in windows] for i in (0, 1)]
    at_fit = [measures_of_recipe(origin, origin, then, then)]
    found, in_a_row = {}, {}
    for week in range(1, WEEKS + 1):
        now = customers_at(shop, week)
        model = model_of(now, week, [frozen])
        newcomers, again = measures_of_windows(shop, frozen, week)
        recipe = measures_of_recipe(origin, model, then, now)
        changes = {
            "newcomers": deviations(references[0], newcomers),
            "recipe": deviations(references[1], again) | deviations(at_fit, recipe),
        }
        broken = {clause for clause, sizes in changes.items() if max(sizes.values()) > LIMIT}
        is_asked = {"agreement", "segment"} & set(clauses) - set(found)
        beyond = beyond_limits(frozen, model, now) if is_asked else {}
        in_a_row = {clause: in_a_row.get(clause, 0) + 1 for clause in beyond}
        broken |= {
            "agreement" if clause == "all" else "segment"
            for clause, needed in beyond.items()
            if in_a_row[clause] >= needed
        }
        for clause in broken:
            found.setdefault(clause, week)
        if found and until_any:
            break
    return found


def shop_of(scenario: str, seed: int, size: int = 4000) -> Shop:
    """Twelve-month window; two years old at the first fit, so that it is stationary."""
    return SCENARIOS[scenario](
        seed,
        size=size,
        weeks=WEEKS + 1,
        change_week=CHANGE_WEEK,
        history_weeks=104,
        window_weeks=52,
    )


# Median weeks from the change to the first clause that breaks, and the shops of ten that are found.
AIMS = {
    "unhappy_newcomers": (4, 9),
    "price_jump": (4, 9),
    "price_growth": (13, 9),
    "rich_newcomers": (8, 9),
    "loyal_newcomers": (8, 9),
    "dying_loyals": (20, 9),
}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", AIMS)
def test_a_planted_change_is_found_in_time(scenario):
    weeks = []
    for seed in range(10):
        first = min(first_breaches(shop_of(scenario, seed), until_any=True).values(), default=None)
        weeks.append(np.inf if first is None else first - CHANGE_WEEK)
    print(scenario, weeks)
    median, found = AIMS[scenario]
    assert np.median(weeks) <= median
    assert sum(0 < week < np.inf for week in weeks) >= found


@pytest.mark.slow
@pytest.mark.parametrize(("size", "shops"), [(500, 100), (1000, 100), (4000, 100)])
def test_few_shops_that_do_not_change_alarm_in_forty_evaluations(size, shops):
    """The clauses `newcomers` and `recipe`; the others have a test of their own."""
    watched = ("newcomers", "recipe")
    alarmed = sum(
        bool(first_breaches(shop_of("stationary", seed, size), until_any=True, clauses=watched))
        for seed in range(shops)
    )
    print(f"{size} customers: {alarmed} of {shops}")
    # One in twenty, and two standard deviations of such a count.
    assert alarmed <= 0.05 * shops + 2 * (0.05 * 0.95 * shops) ** 0.5


def table(size: int, shops: int, scenarios: list[str]) -> Iterator[str]:
    """Lines of the table: weeks from the change to the first breach, by clause."""
    yield f"| {size} customers | found | any clause | {' | '.join(CLAUSES)} |"
    yield f"|---|---|---|{'---|' * len(CLAUSES)}"
    for scenario in scenarios:
        found = [first_breaches(shop_of(scenario, seed, size)) for seed in range(shops)]
        weeks = pd.DataFrame(found, columns=list(CLAUSES)).fillna(np.inf) - CHANGE_WEEK
        any_clause = weeks.min(axis=1)
        cells = [
            f"{np.median(column):g} ({np.isfinite(column).sum()})"
            for column in (any_clause, *(weeks[clause] for clause in CLAUSES))
        ]
        yield f"| {scenario} | {np.isfinite(any_clause).sum()} of {shops} | {' | '.join(cells)} |"


if __name__ == "__main__":
    given = sys.argv[1:]
    size, shops = (int(given[0]), int(given[1])) if given else (4000, 10)
    for line in table(size, shops, given[2:] or list(SCENARIOS)):
        print(line, flush=True)
