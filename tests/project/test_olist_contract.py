"""The maintenance contract on the real Olist tables, against pandas, SciPy and scikit-learn."""

import json
import shutil

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import CensoredData, ecdf, wasserstein_distance

from conftest import with_any_vars
from page_claims import assert_claims_hold

pytestmark = pytest.mark.olist

# Nobody orders in the last week.
LIVE = "evaluation_date < '2018-09-03'"


@pytest.fixture(scope="module")
def mart(olist_warehouse):
    def read_mart(name, where="true"):
        with duckdb.connect(str(olist_warehouse), read_only=True) as connection:
            return connection.execute(f"from marts.{name} where {where} order by all").df()

    return read_mart


def test_every_customer_is_a_point_and_cells_are_few(olist_warehouse, read):
    counted = read(
        olist_warehouse,
        "select observations.cutoff, any_value(models.customers) as customers, "
        "any_value(refits.bins) as bins, count(*) as observations, "
        "sum(observations.customers) as counted "
        "from training.training_observations as observations "
        "inner join training.training_models as models "
        "on observations.cutoff = models.fitted_as_of "
        "inner join monitoring.monitoring_noise as refits using (model_id) group by 1",
    )
    assert len(counted) == 36
    assert (counted["customers"] == counted["observations"]).all()
    assert (counted["customers"] == counted["counted"]).all()
    assert counted["bins"].between(4000, 8000).all()


def test_segments_since_2018_can_be_contracted(mart):
    noise = mart("maintenance_noise")
    assert len(noise) == 36
    assert noise["is_assessable"].all()
    assert (noise["failed_refits"] == 0).all()
    assert (noise["noise_floor"] > 0.8).all()
    assert (noise["noise_agreement"] > 0.95).all()


def test_every_change_of_model_is_due_to_recency(mart):
    causes = mart("maintenance_causes", "place = 1")
    changes = mart("maintenance_drift", "is_takeover")["evaluation_date"]
    assert len(changes) == 3
    at_changes = causes[causes["evaluation_date"].isin(changes)]
    assert at_changes["feature"].tolist() == ["recency_days"] * 3
    assert (at_changes["agreement_given_back"] > 0.1).all()
    # Nothing else is told from noise, and who stayed has aged.
    attributable = mart("maintenance_causes", "is_attributable")
    assert set(attributable["feature"]) == {"recency_days", "stayers"}
    # The shares and noise add up to what is missing.
    kinds = "('ageing', 'feature', 'dependence', 'noise')"
    shares = mart("maintenance_causes", f"agreement_given_back is not null and kind in {kinds}")
    for _, of_pair in shares.groupby("evaluation_date"):
        missing = 1 - of_pair["adjusted_rand_index_of_bins"].iloc[0]
        assert of_pair["agreement_given_back"].sum() == pytest.approx(missing)
    # On bins the agreement is that of the customers, more or less.
    every = mart("maintenance_causes", "place is not null")
    assert (every["adjusted_rand_index_of_bins"] - every["adjusted_rand_index"]).abs().max() < 0.05


def test_newcomers_are_those_who_first_ordered_since_the_fit(olist_warehouse, mart, read):
    """A sample in bins, against everyone by their first counted order."""
    parts = read(
        olist_warehouse,
        "select origin_model_id, model_id, part, sum(customers) as customers "
        "from champion.champion_compositions group by all",
    ).pivot_table(index=["origin_model_id", "model_id"], columns="part", values="customers")
    assert set(parts.columns) == {"newcomers", "stayers_now", "stayers_then"}
    first_orders = read(
        olist_warehouse,
        "select customer_id, min(valid_from) as first_order "
        "from intermediate.int_customer_versions group by customer_id",
    )["first_order"]
    fitted = mart("segment_models").set_index("model_id")["fitted_as_of"]
    for (origin, model), customers in parts.iterrows():
        assert customers["stayers_then"] == customers["stayers_now"]
        newcomers = (first_orders >= fitted[origin]) & (first_orders < fitted[model])
        assert customers["newcomers"] / customers["stayers_now"] == pytest.approx(
            newcomers.sum() / (first_orders < fitted[origin]).sum(), abs=0.01
        )


def test_shifts_of_features_are_those_of_the_customers(olist_warehouse, mart, read):
    """From bins, against the same from each customer."""
    causes = mart("maintenance_causes", "evaluation_date = '2018-07-16'").set_index("feature")
    origin = causes["origin_model_id"].iloc[0]
    parameters = mart("segment_model_parameters", f"model_id = '{origin}'").set_index("feature")
    then, now = (
        read(
            olist_warehouse,
            f"select * from intermediate.int_customer_features where cutoff = '{date}'",
        )
        for date in ("2018-05-28", "2018-07-16")
    )
    for feature, row in parameters.iterrows():
        log = np.log1p if row["transform"] == "log1p" else lambda values: values
        scaled = [
            (
                log(
                    customers[feature]
                    .astype(float)
                    .fillna(row["imputation_value"])
                    .clip(row["lower_cap"], row["upper_cap"])
                )
                - row["mean"]
            )
            / row["scale"]
            for customers in (then, now)
        ]
        built = causes.loc[feature]
        assert built["mean_scaled_then"] == pytest.approx(scaled[0].mean(), abs=0.005)
        assert built["mean_scaled_now"] == pytest.approx(scaled[1].mean(), abs=0.005)
        assert built["wasserstein_distance"] == pytest.approx(
            wasserstein_distance(*scaled), abs=0.01
        )
    assert causes["wasserstein_distance"].idxmax() == "recency_days"
    edges = np.unique(then["recency_days"].quantile(np.arange(0.1, 1, 0.1)))
    shares = [
        np.bincount(np.searchsorted(edges, frame["recency_days"]), minlength=10) / len(frame)
        for frame in (then, now)
    ]
    assert causes.loc["recency_days", "population_stability_index"] == pytest.approx(
        np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])), rel=0.05
    )


def test_how_long_models_last_equals_scipy(mart):
    """Durations by pandas, the curve by SciPy."""
    stability = mart("segment_stability", f"weeks > 0 and {LIVE}")
    below = stability[stability["adjusted_rand_index"] < 0.8]
    weeks = stability.groupby("origin_model_id")["weeks"].max()
    until_breach = below.groupby("origin_model_id")["weeks"].min().reindex(weeks.index)
    reference = ecdf(
        CensoredData(uncensored=until_breach.dropna(), right=weeks[until_breach.isna()])
    )
    curve = mart("maintenance_survival", "season = 'all'")
    assert curve["survival"].to_numpy() == pytest.approx(reference.sf.evaluate(curve["weeks"]))


def test_no_interval_is_recommended_on_olist(mart):
    """Intervals by pandas: of models known at a date, and of those fitted after it."""
    stability = mart("segment_stability", f"weeks > 0 and {LIVE}")
    broken = stability[stability["is_contract_broken"]].groupby("origin_model_id")["weeks"].min()
    models = stability.groupby("origin_model_id").agg(
        fitted=("evaluation_date", lambda dates: dates.min() - pd.Timedelta(weeks=1)),
        observed=("weeks", "max"),
    )
    models["lasted"] = broken.reindex(models.index).fillna(np.inf)
    now = stability["evaluation_date"].max()

    def fates(weeks, known_by):
        known = models[models["fitted"] + pd.Timedelta(weeks=weeks) <= known_by]
        return known[["fitted"]].assign(is_kept=known["lasted"] > weeks)

    backtest = mart("maintenance_backtest", f"subject = 'champion' and {LIVE}")
    for row in backtest.itertuples():
        kept = {weeks: fates(weeks, row.evaluation_date)["is_kept"] for weeks in range(1, 42)}
        good = [weeks for weeks, of in kept.items() if len(of) >= 20 and of.mean() >= 0.9]
        if not good:
            assert pd.isna(row.interval_weeks)
            continue
        assert row.interval_weeks == max(good)
        later = fates(max(good), now).query("fitted >= @row.evaluation_date")["is_kept"]
        assert row.later_starts == len(later)
        if len(later):
            assert row.later_kept_share == pytest.approx(later.mean())
    past = backtest[backtest["later_starts"] > 0]
    schedule = mart("maintenance_schedule").iloc[0]
    assert schedule["past_dates"] == len(past)
    assert schedule["later_kept_share"] == pytest.approx(past["later_kept_share"].mean())
    assert schedule["past_dates"] < 40
    assert pd.isna(schedule["recommended_interval_weeks"])
    assert "too few later ones show whether that holds" in schedule["sentence"]


def test_a_short_history_gets_no_forecast(mart):
    backtest = mart("maintenance_backtest")
    assert backtest["by_weeks"].isna().all()
    assert backtest["is_by_kept"].isna().all()
    assert (backtest["tried_dates"] < 52).all()
    assert mart("maintenance_schedule")["breach_by"].isna().all()


def test_what_waiting_costs_is_the_mean_over_start_dates(mart):
    stability = mart("segment_stability")
    by_week = (
        stability.assign(
            misplaced=1 - stability["matched_agreement"],
            revenue_share=stability["misplaced_revenue"] / stability["revenue"],
        )
        .groupby("weeks")[["misplaced", "revenue_share"]]
        .mean()
    )
    waiting = mart("maintenance_waiting").set_index("weeks")
    assert waiting["misplaced_share"].to_numpy() == pytest.approx(by_week["misplaced"][1:])
    assert waiting["mean_misplaced_revenue_share"].to_numpy() == pytest.approx(
        by_week["revenue_share"].expanding().mean()[1:]
    )
    # The longer the wait the more are misplaced, by a tenth of the revenue after half a year.
    assert waiting["mean_misplaced_share"].is_monotonic_increasing
    assert waiting.loc[26, "misplaced_revenue_share"] > 0.1


def test_misplaced_revenue_is_that_of_the_customers(olist_warehouse, mart, read):
    takeovers = read(
        olist_warehouse, "from champion.champion_cluster_overlaps where champion_period = 2"
    )
    pair = mart("maintenance_drift", "is_takeover").iloc[0]
    matched = takeovers.loc[takeovers.groupby("cluster")["customers"].idxmax(), "revenue"].sum()
    assert pair["misplaced_revenue"] == pytest.approx(takeovers["revenue"].sum() - matched)
    assert pair["evaluation_date"] == pd.Timestamp("2018-03-19")


def test_migration_is_reported_apart_from_relabelling(mart):
    migration = mart("maintenance_migration").set_index("evaluation_date")
    moved = mart("segment_transitions").pivot_table(
        index="evaluation_date",
        columns="movement",
        values="customers",
        aggfunc="sum",
        fill_value=0,
    )
    assert (migration["migrated_customers"] == moved["migration"]).all()
    assert (migration["relabelled_customers"] == moved["relabelling"]).all()
    assert (migration["relabelled_customers"] > 0).sum() == 3
    known = migration[["stayed_customers", "migrated_customers", "new_customers"]].sum(axis=1)
    models = mart("segment_models").set_index("fitted_as_of")["customers"]
    assert (known == models).all()


def test_bins_give_the_agreement_of_the_customers(
    project, olist_data, olist_warehouse, read, tmp_path
):
    """All models anew on customers who are counted in bins, as from 100,000 customers on."""
    warehouse = tmp_path / "olist.duckdb"
    pairs = "select * from monitoring.monitoring_agreement order by origin_model_id, model_id"
    exact = read(olist_warehouse, pairs)
    with_any_vars(shutil.copy(olist_warehouse, warehouse))
    with duckdb.connect(str(warehouse)) as connection:
        for table in (
            "training.training_observations",
            "training.training_models",
            "monitoring.monitoring_agreement",
        ):
            connection.execute(f"drop table {table}")
    models = [
        "training_observations",
        "training_models",
        "monitoring_model_pairs",
        "monitoring_agreement",
    ]
    options = ["--select", *models, "--vars", json.dumps({"max_exact_customers": 1000})]
    result = project.dbt(olist_data, warehouse, "run", *options)
    assert result.returncode == 0, result.stdout
    observations = read(
        warehouse, "select count(*) as n from training.training_observations group by cutoff"
    )["n"]
    assert observations.max() < 40_000
    binned = read(warehouse, pairs)
    assert (binned["customers"] == exact["customers"]).all()
    assert (binned["revenue"] == exact["revenue"]).all()
    errors = (binned["adjusted_rand_index"] - exact["adjusted_rand_index"]).abs()
    assert errors.median() < 0.002
    assert errors.max() < 0.012


def test_refitting_in_may_tells_no_better_who_buys(mart):
    """Figures of a computation that shares no code with this project (issue 23)."""
    first = "horizon_days = 90 and origin_model_id like '%-2018-01-01'"
    [row] = mart("maintenance_outcomes", f"evaluation_date = '2018-05-28' and {first}").itertuples()
    assert row.frozen_auc == pytest.approx(0.586, abs=0.01)
    assert row.refit_auc == pytest.approx(0.571, abs=0.01)
    assert row.adjusted_rand_index == pytest.approx(0.57, abs=0.01)
    assert row.auc_loss < 0


def test_nothing_jumps_in_the_data_that_are_as_they_were(mart):
    assert len(mart("maintenance_data_checks", "is_assessable")) > 1000
    assert mart("maintenance_data_checks", "is_jump").empty


def test_review_scores_that_are_doubled_break_the_clause_of_data(
    project, olist_data, tmp_path, read
):
    data = tmp_path / "doubled"
    data.mkdir()
    for file in olist_data.glob("*.csv"):
        (data / file.name).symlink_to(file)
    reviews = pd.read_csv(olist_data / "olist_order_reviews_dataset.csv")
    doubled = reviews["review_answer_timestamp"] >= "2018-05-01"
    reviews.loc[doubled, "review_score"] *= 2
    (data / "olist_order_reviews_dataset.csv").unlink()
    reviews.to_csv(data / "olist_order_reviews_dataset.csv", index=False)
    warehouse = project.dbt_build(
        data, tmp_path / "olist.duckdb", "--vars", "{as_of: '2018-05-08'}"
    )
    [clause] = read(warehouse, "from marts.maintenance_contract where clause = 'data'").itertuples()
    assert (clause.status, clause.breached_since) == ("breach", pd.Timestamp("2018-05-07"))
    assert clause.sentence.startswith("2018-05-07, review_score")


def test_what_the_contract_page_claims_is_in_the_marts(olist_warehouse):
    assert_claims_hold(olist_warehouse)
