"""What a campaign has changed: the difference between the customers treated and those held out.

Everything is computed from sums over the customers of either arm, so time and memory do not grow
with customers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.optimize import brentq
from scipy.stats import chi2, norm, t

from segmentation.campaigns import FIGURES_SCHEMA

CONFIDENCE = 0.95
POWER = 0.8
# A split that chance gives less often than this is off.
LEAST_SPLIT_P_VALUE = 0.001
# Below so many buyers in all there is no verdict; below so many of an arm, no interval of revenue.
LEAST_BUYERS = 30
# Below so many buyers, or others, of an arm a difference of shares has no interval: it would be too
# narrow.
LEAST_OF_ARM = 10

COVARIATES = ("recency_days", "frequency", "monetary_value")


@dataclass(frozen=True)
class Sums:
    """Sums over the customers of an arm, of an outcome y and covariates x.

    Attributes
    ----------
    customers : int
        Number of customers.
    y, yy : float
        Sum of the outcome, in its unit, and of its squares.
    x : ndarray of shape (n_covariates,)
        Sums of the covariates.
    xx : ndarray of shape (n_covariates, n_covariates)
        Sums of their products.
    xy : ndarray of shape (n_covariates,)
        Sums of the products of covariates and outcome.
    """

    customers: int
    y: float
    yy: float
    x: np.ndarray
    xx: np.ndarray
    xy: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, x: np.ndarray) -> "Sums":
        """Add up customers: outcomes of shape (n,), covariates of shape (n, n_covariates)."""
        return cls(len(y), y.sum(), y @ y, x.sum(axis=0), x.T @ x, x.T @ y)

    def spread(self, theta: np.ndarray) -> float:
        """Sum of squared deviations of the outcome less `theta` times the covariates."""
        y = max(self.yy - self.y**2 / self.customers, 0.0)
        xy = self.xy - self.x * self.y / self.customers
        return max(float(y - 2 * theta @ xy + theta @ self.deviations @ theta), 0.0)

    @property
    def deviations(self) -> np.ndarray:
        """Sums of products of deviations of the covariates from their means."""
        return self.xx - np.outer(self.x, self.x) / self.customers


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its interval, and the method that it is of."""

    value: float
    low: float
    high: float
    method: str


def welch(treated: Sums, held_out: Sums, *, confidence: float = CONFIDENCE) -> Difference:
    """Compare two means whose variances may differ.

    Parameters
    ----------
    treated, held_out : Sums
        Of the arms, two customers or more in each.
    confidence : float
        Of the interval, 0 to 1.

    Returns
    -------
    Difference
        Treated less held out, per customer, in the unit of the outcome.

    References
    ----------
    Welch, B. L. (1947). The generalization of "Student's" problem when several different
    population variances are involved. Biometrika 34, 28-35.
    """
    nothing = np.zeros(len(treated.x))
    variances = [arm.spread(nothing) / (arm.customers - 1) for arm in (treated, held_out)]
    value = treated.y / treated.customers - held_out.y / held_out.customers
    return _interval(value, variances, (treated, held_out), 0.0, confidence, "welch")


def cuped(treated: Sums, held_out: Sums, *, confidence: float = CONFIDENCE) -> Difference:
    """Compare two means, less what covariates from before the start tell of the outcome.

    Parameters
    ----------
    treated, held_out : Sums
        Of the arms: more customers in all than covariates and two more.
    confidence : float
        Of the interval, 0 to 1.

    Returns
    -------
    Difference
        Treated less held out, per customer, in the unit of the outcome.

    Notes
    -----
    One slope for both arms, by least squares within them. Residuals have as many degrees of freedom
    less as there are covariates, and the error of the slope is part of the interval.

    References
    ----------
    Deng, A., Xu, Y., Kohavi, R., Walker, T. (2013). Improving the sensitivity of online controlled
    experiments by utilizing pre-experiment data. WSDM 2013, 123-132.
    """
    arms = (treated, held_out)
    deviations = sum(arm.deviations for arm in arms)
    with_outcome = sum(arm.xy - arm.x * arm.y / arm.customers for arm in arms)
    # Covariates differ in size by orders of magnitude.
    scale = np.sqrt(np.diag(deviations))
    scale = np.where(scale > 0, scale, 1.0)
    inverse = np.linalg.pinv(deviations / np.outer(scale, scale), rcond=1e-9, hermitian=True)
    inverse = inverse / np.outer(scale, scale)
    theta = inverse @ with_outcome
    imbalance = treated.x / treated.customers - held_out.x / held_out.customers
    value = treated.y / treated.customers - held_out.y / held_out.customers - theta @ imbalance
    freedom = treated.customers + held_out.customers - 2
    lost = freedom / (freedom - len(theta))
    spreads = [arm.spread(theta) for arm in arms]
    variances = [
        lost * spread / (arm.customers - 1) for spread, arm in zip(spreads, arms, strict=True)
    ]
    of_slope = lost * sum(spreads) / freedom * float(imbalance @ inverse @ imbalance)
    return _interval(float(value), variances, arms, of_slope, confidence, "cuped")


def narrower(treated: Sums, held_out: Sums, *, confidence: float = CONFIDENCE) -> Difference:
    """Return what CUPED gives where its interval is the narrower one, else what Welch does.

    With fewer than ten customers for each covariate, in either arm, it is Welch.
    """
    plain = welch(treated, held_out, confidence=confidence)
    if min(treated.customers, held_out.customers) < 10 * len(treated.x):
        return plain
    adjusted = cuped(treated, held_out, confidence=confidence)
    return adjusted if adjusted.high - adjusted.low < plain.high - plain.low else plain


def _interval(value, variances, arms, further, confidence, method) -> Difference:
    errors = [variance / arm.customers for variance, arm in zip(variances, arms, strict=True)]
    if sum(errors) <= 0:
        return Difference(value, value, value, method)
    freedom = sum(errors) ** 2 / sum(
        error**2 / (arm.customers - 1) for error, arm in zip(errors, arms, strict=True)
    )
    half = t.ppf((1 + confidence) / 2, freedom) * np.sqrt(sum(errors) + further)
    return Difference(value, float(value - half), float(value + half), method)


def split_p_value(treated: int, held_out: int, *, holdout_share: float) -> float | None:
    """Test whether as many customers are held out as planned, by chi-square.

    Parameters
    ----------
    treated, held_out : int
        Customers of the arms, one or more in all.
    holdout_share : float
        The share that is planned, above 0 and below 1.

    Returns
    -------
    float or None
        How often chance alone gives a split as far off, 0 to 1; None where fewer than five are
        planned on one side, because chi-square is no measure then.

    References
    ----------
    Fabijan, A. et al. (2019). Diagnosing sample ratio mismatch in online controlled experiments.
    KDD 2019, 2156-2164.
    """
    customers = treated + held_out
    planned = customers * holdout_share
    if min(planned, customers - planned) < 5:
        return None
    statistic = (held_out - planned) ** 2 / (planned * (1 - holdout_share))
    return float(chi2.sf(statistic, 1))


def smallest_difference(
    treated: int,
    held_out: int,
    *,
    buyer_share: float,
    power: float = POWER,
    confidence: float = CONFIDENCE,
) -> float | None:
    """Return the smallest rise of the share of buyers that a campaign is likely to show.

    Parameters
    ----------
    treated, held_out : int
        Customers of the arms, one or more in each.
    buyer_share : float
        Share that buys without the campaign, 0 to 1.
    power : float
        How often the rise is to be seen, 0 to 1.
    confidence : float
        Of the interval that has to leave out 0.

    Returns
    -------
    float or None
        The rise as a share of the customers; None where not even all of them buying would do.

    References
    ----------
    Fleiss, J. L., Levin, B., Paik, M. C. (2003). Statistical Methods for Rates and Proportions,
    3rd edition, section 4.2, with the arms of different size.
    """
    each = 1 / treated + 1 / held_out
    certain, likely = norm.ppf((1 + confidence) / 2), norm.ppf(power)

    def excess(rise: float) -> float:
        raised = buyer_share + rise
        mean = (treated * raised + held_out * buyer_share) / (treated + held_out)
        alone = raised * (1 - raised) / treated + buyer_share * (1 - buyer_share) / held_out
        return rise - certain * np.sqrt(mean * (1 - mean) * each) - likely * np.sqrt(alone)

    if buyer_share >= 1 or excess(1 - buyer_share) <= 0:
        return None
    # From 0 on the excess falls before it rises: the last sign change is the one that counts.
    rises = np.linspace(0, 1 - buyer_share, 2001)
    last = np.flatnonzero([excess(rise) <= 0 for rise in rises])[-1]
    return float(brentq(excess, rises[last], rises[last + 1]))


def campaign_figures(arms: pd.DataFrame, *, currency: str) -> pa.Table:
    """Say of each campaign what it has changed, as far as the figures show it.

    Parameters
    ----------
    arms : DataFrame
        As the mart `campaign_arms`: two rows per campaign, `is_held_out` false and true.
    currency : str
        Stands before amounts.

    Returns
    -------
    pyarrow.Table
        One row per campaign, with `FIGURES_SCHEMA`.
    """
    rows = []
    for campaign, of_campaign in arms.groupby("campaign", sort=True):
        treated, held_out = of_campaign.sort_values("is_held_out").to_dict("records")
        rows.append({"campaign": campaign} | figures_of(treated, held_out, currency=currency))
    return pa.Table.from_pylist(rows, schema=FIGURES_SCHEMA)


def figures_of(treated: Mapping, held_out: Mapping, *, currency: str) -> dict:
    """Return the figures of one campaign, by the columns of `FIGURES_SCHEMA`.

    Parameters
    ----------
    treated, held_out : mapping
        Rows of `campaign_arms`.
    currency : str
        Stands before amounts.

    Returns
    -------
    dict
        `status`, `sentence`, and what there is to say: no difference where the split is off or an
        arm has fewer than two customers, and a `verdict` when the campaign is over.
    """
    customers = int(treated["customers"]) + int(held_out["customers"])
    found = {"status": _status(treated), "verdict": None}
    if not customers:
        found["status"] = "planned" if found["status"] == "planned" else "no members"
        return found | {"sentence": _sentence(found, treated, held_out, currency)}
    found["split_p_value"] = split_p_value(
        int(treated["customers"]),
        int(held_out["customers"]),
        holdout_share=treated["holdout_share"],
    )
    found["usual_buyer_share"] = (treated["buyers_before"] + held_out["buyers_before"]) / customers
    if found["split_p_value"] is not None and found["split_p_value"] < LEAST_SPLIT_P_VALUE:
        found["status"] = "split off"
    if min(treated["customers"], held_out["customers"]) >= 2:
        found["smallest_difference"] = smallest_difference(
            int(treated["customers"]),
            int(held_out["customers"]),
            buyer_share=found["usual_buyer_share"],
        )
        if found["status"] in ("running", "over"):
            found |= _differences(treated, held_out)
    if found["status"] == "over":
        found["verdict"] = _verdict(found, treated, held_out)
    return found | {"sentence": _sentence(found, treated, held_out, currency)}


def _differences(treated: Mapping, held_out: Mapping) -> dict:
    """Return differences, and intervals of those that rest on enough buyers."""
    arms = (treated, held_out)
    buyers = min(arm["buyers"] for arm in arms)
    others = min(arm["customers"] - arm["buyers"] for arm in arms)
    enough = {"buyer_share": min(buyers, others) >= LEAST_OF_ARM, "revenue": buyers >= LEAST_BUYERS}
    found = {}
    for name, outcome in (("buyer_share", "bought"), ("revenue", "revenue")):
        sums = [_sums(arm, outcome) for arm in arms]
        difference = narrower(*sums) if enough[name] else welch(*sums)
        found[f"{name}_difference"] = difference.value
        if enough[name]:
            found |= {
                f"{name}_difference_low": difference.low,
                f"{name}_difference_high": difference.high,
                f"{name}_method": difference.method,
            }
    return found


def _status(arm: Mapping) -> str:
    if arm["as_of"] < arm["starts_on"]:
        return "planned"
    is_over = arm["as_of"] >= arm["ends_on"] + pd.Timedelta(days=1)
    return "over" if is_over else "running"


def _sums(arm: Mapping, outcome: str) -> Sums:
    pairs = [
        [arm[f"sum_{'_'.join(COVARIATES[i] for i in sorted((one, other)))}"] for other in range(3)]
        for one in range(3)
    ]
    return Sums(
        customers=int(arm["customers"]),
        y=float(arm["buyers"] if outcome == "bought" else arm["revenue"]),
        yy=float(arm["buyers"] if outcome == "bought" else arm["sum_revenue_revenue"]),
        x=np.array([arm[f"sum_{name}"] for name in COVARIATES], float),
        xx=np.array(pairs, float),
        xy=np.array([arm[f"sum_{name}_{outcome}"] for name in COVARIATES], float),
    )


def _verdict(found: Mapping, treated: Mapping, held_out: Mapping) -> str:
    buyers = treated["buyers"] + held_out["buyers"]
    if buyers < LEAST_BUYERS or "buyer_share_difference_low" not in found:
        return "too few buyers"
    if found["buyer_share_difference_low"] > 0:
        return "more buyers"
    if found["buyer_share_difference_high"] < 0:
        return "fewer buyers"
    return "no difference seen"


def _sentence(found: Mapping, treated: Mapping, held_out: Mapping, currency: str) -> str:
    """Say it for a marketer; the smaller the sample, the less."""
    customers = int(treated["customers"]) + int(held_out["customers"])
    start = f"{treated['starts_on']:%Y-%m-%d}"
    if found["status"] == "no members" or (found["status"] == "planned" and not customers):
        when = "had no members on" if found["status"] == "no members" else "has no members yet for"
        return f"The audience {treated['audience']} {when} {start}: there is nobody to compare."
    split = f"{_number(held_out['customers'])} of {_number(customers)} customers are held out"
    if found["status"] == "split off":
        return (
            f"{split}, where {_percent(treated['holdout_share'])} are planned; chance gives that "
            "in fewer than 1 of 1,000 cases. No lift is given: find out which customers one side "
            "lacks."
        )
    if found["status"] == "planned":
        return f"Begins on {start}. {split}. {_outlook(found, treated)}"
    shares = (
        f"of {_number(treated['customers'])} treated customers "
        f"{_share(treated)} bought, of {_number(held_out['customers'])} held out {_share(held_out)}"
    )
    if found["status"] == "running":
        days = (treated["ends_on"] - treated["starts_on"]).days + 1
        passed = (treated["as_of"] - treated["starts_on"]).days
        return f"After {passed} of {days} days {shares}. There is no verdict before the end."
    if found["verdict"] == "too few buyers":
        return (
            f"{_number(treated['buyers'])} of {_number(treated['customers'])} treated customers "
            f"bought and {_number(held_out['buyers'])} of {_number(held_out['customers'])} held "
            "out: too few to say what the campaign has changed."
        )
    low, high = (100 * found[f"buyer_share_difference_{end}"] for end in ("low", "high"))
    interval = f"{100 * found['buyer_share_difference']:+.1f} points, {low:+.1f} to {high:+.1f}"
    changed = {
        "more buyers": "More customers bought with the campaign than without",
        "fewer buyers": "Fewer customers bought with the campaign than without",
        "no difference seen": "Whether the campaign has changed how many buy cannot be seen",
    }[found["verdict"]]
    said = f"{changed}: {shares} ({interval} with 95 % confidence)."
    return f"{said} {_of_revenue(found, currency)}" if "revenue_method" in found else said


def _of_revenue(found: Mapping, currency: str) -> str:
    low, high = found["revenue_difference_low"], found["revenue_difference_high"]
    amount = f"{currency} {abs(found['revenue_difference']):,.2f}"
    if low <= 0 <= high:
        return f"Revenue per customer: no difference seen ({low:+,.2f} to {high:+,.2f})."
    more = "more" if low > 0 else "less"
    return f"Revenue per customer: {amount} {more} ({low:+,.2f} to {high:+,.2f})."


def _outlook(found: Mapping, arm: Mapping) -> str:
    days = (arm["ends_on"] - arm["starts_on"]).days + 1
    usual = f"{_percent(found['usual_buyer_share'])} of them bought in the {days} days before"
    if found.get("smallest_difference") is None:
        return f"{usual}; there are too few of them to see a difference."
    least = f"{100 * found['smallest_difference']:.1f} points"
    if not found["usual_buyer_share"]:
        return f"None of them bought in the {days} days before; {least} can be seen at best."
    return f"{usual}; a rise of {least} would be seen in {_percent(POWER)} of the cases."


def _share(arm: Mapping) -> str:
    return _percent(arm["buyers"] / arm["customers"]) if arm["customers"] else "none"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _number(count: int) -> str:
    return f"{int(count):,}"
