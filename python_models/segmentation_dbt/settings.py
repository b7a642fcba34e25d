"""The vars of the project are checked before anything is built.

Numbers and names of features stand in SQL as they are, so nothing else may reach it; texts are
quoted where they stand.
"""

import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import available_timezones

import duckdb

from segmentation_dbt.audiences import check_audiences
from segmentation_dbt.faults import UserError
from segmentation_dbt.tables import tables_in
from segmentation_dbt.text_files import ENCODINGS

# Vars that decide whether a build goes on, not what it makes.
VARS_OF_TESTS = ["max_loss", "loss_severity"]
CLAUSES = {
    "agreement": "least",
    "segment": "least",
    "misplaced_revenue": "most",
    "data": "most",
    "outcome": "most",
    "newcomers": "most",
    "recipe": "most",
    "value": "most",
}
# Clauses on the models of a pair; the others are judged at each evaluation date on its own.
CLAUSES_OF_PAIRS = ["agreement", "segment", "misplaced_revenue"]
# Limits in standard errors; those of the others are shares.
CLAUSES_IN_ERRORS = ["newcomers", "recipe"]
# The features of RFM by rules, in alphabetical order.
RULES_REST_ON = ["frequency", "monetary_value", "recency_days"]
CRITERIA = ["balance", "business_sense", "silhouette"]
NEEDED_COLUMNS = ["customer_id", "ordered_at", "amount"]
OPTIONAL_COLUMNS = ["order_id", "order_status", "items", "category", "state", "city"]
OPTIONAL_COLUMNS += ["delivered_at", "promised_at", "review_score", "reviewed_at"]
OPTIONAL_COLUMNS += ["refunded_amount", "unit_price"]
# Columns that may be an expression of SQL over columns of the file: {sql: "quantity * price"}.
COMPUTED_COLUMNS = ["amount", "refunded_amount"]
# The relations beside the orders, with the columns that they may have. Each is named by one
# relation alone.
COLUMNS_BESIDE_ORDERS = {
    "order_lines": ["order_id", "amount", "unit_price", "items", "category"],
    "reviews": ["order_id", "review_score", "reviewed_at"],
    "deliveries": ["order_id", "delivered_at", "promised_at"],
}
COLUMNS_OF_LABELS = ["label_set", "labelled_at", "customer_id", "label"]
# A name of up to three parts, as in crm.sales.orders; one with a dot stands in double quotes.
_PART = r'("([^"]|"")+"|[^."]+)'


@dataclass(frozen=True)
class Kind:
    """What a var may be.

    Attributes
    ----------
    words : str
        The kind, as a message says it.
    holds : callable
        Whether a value is of the kind.
    """

    words: str
    holds: Callable[[object], bool]


def _number(low: float, high: float, *, whole: bool = False) -> Kind:
    type_ = int if whole else (int, float)
    words = f"a {'whole ' if whole else ''}number from {low} to {high}"
    return Kind(
        words,
        lambda value: (
            isinstance(value, type_) and not isinstance(value, bool) and low <= value <= high
        ),
    )


def _choice(*allowed: str) -> Kind:
    words = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
    return Kind(words, lambda value: isinstance(value, str) and value in allowed)


def _pattern(words: str, pattern: str) -> Kind:
    return Kind(
        words, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None
    )


def _list(of: Kind) -> Kind:
    return Kind(
        f"a list, each element {of.words}",
        lambda value: isinstance(value, list) and all(map(of.holds, value)),
    )


def _or_null(kind: Kind) -> Kind:
    return Kind(f"{kind.words}, or null", lambda value: value is None or kind.holds(value))


def _one_or_more(kind: Kind) -> Kind:
    return Kind(
        f"{kind.words}, or a list of such names",
        lambda value: kind.holds(value) or (bool(value) and _list(kind).holds(value)),
    )


_SHARE = _number(0, 1)
_COUNT = _number(1, 1_000_000_000, whole=True)
_WEEKS = _number(1, 10_000, whole=True)
_MONTHS = _or_null(_number(1, 10_000, whole=True))
_MAPPING = Kind("a mapping", lambda value: isinstance(value, Mapping))
_BOOLEAN = Kind("true or false", lambda value: isinstance(value, bool))
_TEXT = Kind("a text", lambda value: isinstance(value, str))
_CHARACTER = Kind("one character", lambda value: isinstance(value, str) and len(value) == 1)
_POWER_OF_TEN = Kind(
    "1, 10, 100, 1000 or another power of ten up to 1000000",
    lambda value: type(value) is int and value in [10**power for power in range(7)],
)
_TIME_ZONE = Kind(
    "an IANA time zone such as Europe/Berlin",
    lambda value: isinstance(value, str) and value in available_timezones(),
)
_LOCALE = _pattern(
    "a language tag such as en-GB or pt-BR", r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?"
)
_NAME = _pattern("a name of letters, digits, dots, hyphens and underscores", r"[A-Za-z0-9._-]+")
_COLUMN = _pattern("the name of a feature, in lower case with underscores", r"[a-z][a-z0-9_]*")
_DATE = _pattern(
    "a date such as 2018-01-01",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}(:[0-9]{2})?)?",
)

VARS = {
    "source": _choice("olist", "transactions", "relations"),
    "transaction_columns": _MAPPING,
    "orders": _or_null(_MAPPING),
    "columns": _MAPPING,
    "order_lines": _or_null(_MAPPING),
    "reviews": _or_null(_MAPPING),
    "deliveries": _or_null(_MAPPING),
    "labels": _or_null(_MAPPING),
    "csv_format": _MAPPING,
    "time_zone": _or_null(_TIME_ZONE),
    "amount_divisor": _POWER_OF_TEN,
    "amount_decimals": _number(0, 6, whole=True),
    "round_amounts": _BOOLEAN,
    "returns": _choice("set_aside", "subtract"),
    "normalize_customer_id": _choice("none", "trim", "lower_trim"),
    "no_customer_values": _list(_TEXT),
    "currency": _TEXT,
    "locale": _LOCALE,
    "max_unreadable_lines": _number(0, 1_000_000_000, whole=True),
    "max_loss": _SHARE,
    "loss_severity": _choice("error", "warn"),
    "uncounted_order_statuses": _list(_TEXT),
    "observation_months": _MONTHS,
    "as_of": _or_null(_DATE),
    "first_evaluation_date": _or_null(_DATE),
    "evaluation_interval_weeks": _WEEKS,
    "feature_transforms": _MAPPING,
    "relative_feature_transforms": _MAPPING,
    "feature_sets": _MAPPING,
    "candidate_feature_sets": _list(_NAME),
    "candidate_scales": _list(_choice("log", "raw")),
    "candidate_algorithms": _MAPPING,
    "default_candidate": _one_or_more(_NAME),
    "pinned_candidate": _or_null(_NAME),
    "max_exact_customers": _number(0, 1_000_000_000, whole=True),
    "comparison_date": _choice("first_evaluation_date", "as_of"),
    "comparison_max_customers": _COUNT,
    "compare_candidates": _BOOLEAN,
    "comparison_resamples": _number(2, 1_000_000, whole=True),
    "choice_min_segments": _COUNT,
    "choice_max_segments": _COUNT,
    "choice_min_share": _SHARE,
    "choice_max_noise_share": _SHARE,
    "choice_score_weights": _MAPPING,
    "choice_score_tolerance": _SHARE,
    "refit_policy": _choice("never", "on_breach", "recentre", "every", "manual"),
    "refit_every_weeks": _WEEKS,
    "schedule_every_weeks": _list(_WEEKS),
    "hysteresis_margin": _number(0, 0.999999),
    "max_champion_weeks": _or_null(_WEEKS),
    "live_order_share": _SHARE,
    "maintenance_clauses": _MAPPING,
    "schedule_probability": _number(0.000001, 0.999999),
    "contract_options": _MAPPING,
    "audiences": _MAPPING,
    "campaigns": _MAPPING,
}

_GRID = {
    "n_segments": _list(_number(2, 1000, whole=True)),
    "min_samples": _list(_number(1, 1_000_000, whole=True)),
    "eps_quantile": _list(_SHARE),
    "cut_points": _MAPPING,
}
_CUT_POINTS = Kind(
    "four numbers that ascend, such as [1, 2, 4, 9]",
    lambda value: (
        _list(_number(-1e15, 1e15)).holds(value) and len(value) == 4 and value == sorted(set(value))
    ),
)
_OPTION = {
    "algorithm": _choice("kmeans", "rules"),
    "feature_set": _one_or_more(_NAME),
    "observation_months": _MONTHS,
    "is_recentred": _BOOLEAN,
}
_DAY = _pattern("a date such as 2018-09-01", r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CAMPAIGN = {
    "audience": _NAME,
    "starts_on": _DAY,
    "ends_on": _DAY,
    "holdout_share": _number(0.01, 0.99),
}
_FORMAT = {
    "delimiter": _or_null(_CHARACTER),
    "decimal_separator": _or_null(_CHARACTER),
    "timestamp_format": _or_null(_TEXT),
    "encoding": _or_null(_choice(*ENCODINGS)),
    "thousands_separator": _or_null(_CHARACTER),
    "strip_currency": _BOOLEAN,
    "parentheses_negative": _BOOLEAN,
}


def check_same_vars(
    connection: duckdb.DuckDBPyConnection, *, given: dict, schema: str, reads_others: bool
) -> str:
    """Stop a run of some models that would read others which were built with other vars.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse.
    given : dict
        Every var with its value.
    schema : str
        Where the vars that the warehouse was built with are written down. A var that not all of its
        models share has no value there.
    reads_others : bool
        Whether a model that is built reads one that is not.

    Returns
    -------
    str
        That the vars are the same, or may be others.

    Raises
    ------
    UserError
        If they are not; the message names them.
    """
    if (schema, "build_vars") not in tables_in(connection):
        return note_vars(connection, given=given, schema=schema)
    built = dict(connection.execute(f"from {schema}.build_vars").fetchall())
    differ = [name for name, value in _as_json(given).items() if built.get(name, value) != value]
    if differ and reads_others:
        raise UserError(
            f"The models that this run selects read others that were built with another "
            f"{', '.join(differ)}. Give the same vars, or build all models (no --select)."
        )
    connection.execute(
        f"update {schema}.build_vars set var_value = null where list_contains(?, var_name)",
        [differ],
    )
    return "The vars may be used."


def note_vars(connection: duckdb.DuckDBPyConnection, *, given: dict, schema: str) -> str:
    """Write down the vars that all models of the warehouse were built with.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To the warehouse.
    given : dict
        Every var with its value.
    schema : str
        Where they are written down, as table `build_vars`.

    Returns
    -------
    str
        That they are.
    """
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(
        f"create or replace table {schema}.build_vars (var_name text, var_value text)"
    )
    connection.executemany(
        f"insert into {schema}.build_vars values (?, ?)", [*_as_json(given).items()]
    )
    return "The vars are written down."


def _as_json(given: dict) -> dict[str, str]:
    """Write down the vars that decide what a model holds."""
    return {
        name: json.dumps(value, sort_keys=True)
        for name, value in given.items()
        if name not in VARS_OF_TESTS
    }


def check_vars(
    *,
    given: dict,
    named: list[str],
    naming_features: list[str],
    engine: str = "duckdb",
    audience_columns: Mapping[str, str] | None = None,
    compares: bool = False,
) -> str:
    """Stop a run whose vars are not of the kind, or within the limits, that SQL is written for.

    Parameters
    ----------
    given : dict
        Every var of `VARS` with its value.
    named : list of str
        The vars that the command line names, where the project is a project of its own.
    naming_features : list of str
        The features that segments are named by.
    engine : str
        The type of the target.
    audience_columns : mapping of str to str, optional
        Types of the columns that conditions of audiences are on, by name.
    compares : bool
        Whether the run compares candidates, or options for the contract.

    Returns
    -------
    str
        That the vars are sound.

    Raises
    ------
    UserError
        If one is not; the message names it and what would do.
    """
    for name in named:
        _check_name(name)
    for name, kind in VARS.items():
        _check(name, given[name], kind)
    _check_candidates(given, naming_features)
    for option, changes in given["contract_options"].items():
        _check_mapping(f"contract_options, {option}", changes, _OPTION)
        for feature_set in _as_list(changes.get("feature_set")):
            if feature_set not in given["feature_sets"]:
                raise UserError(
                    f'contract_options: the option "{option}" names the feature set {feature_set}, '
                    "which is not under feature_sets."
                )
        of_rules = [given["feature_sets"][name] for name in _as_list(changes.get("feature_set"))]
        is_rfm = bool(of_rules) and all(sorted(names) == RULES_REST_ON for names in of_rules)
        if changes.get("algorithm") == "rules" and not is_rfm:
            raise UserError(
                f'contract_options: the option "{option}" has rules, which take a feature set of '
                "recency_days, frequency and monetary_value: feature_set: rfm would do."
            )
    _check_format(given["csv_format"])
    _check_returns(given, engine)
    _check_transaction_columns(given["transaction_columns"])
    check_relations(given, engine)
    _check_labels(given, engine, compares=compares)
    _check_weights(given["choice_score_weights"])
    _check_clauses(given["maintenance_clauses"])
    _check_audiences(given, engine, audience_columns or {})
    _check_campaigns(given["campaigns"])
    return "The vars are sound."


def _check(name: str, value: object, kind: Kind) -> None:
    if not kind.holds(value):
        shown = " ".join(str(value).split())
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise UserError(
            f"{name} is {shown}; it must be {kind.words}. Check it under vars in dbt_project.yml, "
            "or in --vars."
        )


def _check_mapping(name: str, given: object, kinds: dict[str, Kind]) -> None:
    _check(name, given, _MAPPING)
    for key, value in given.items():
        _check(name, key, _choice(*kinds))
        _check(f"{name}, {key}", value, kinds[key])


def _check_name(name: str) -> None:
    if name not in VARS:
        alike = difflib.get_close_matches(name, VARS, n=1, cutoff=0.6)
        what = f"did you mean {alike[0]}?" if alike else f"they are {', '.join(VARS)}."
        raise UserError(f"{name} is no var of this project; {what}")


def _check_candidates(given: dict, naming_features: list[str]) -> None:
    features = given["feature_transforms"] | given["relative_feature_transforms"]
    for name in ("feature_transforms", "relative_feature_transforms"):
        for feature, transform in given[name].items():
            _check(name, feature, _COLUMN)
            _check(f"{name}, {feature}", transform, _choice("identity", "log1p"))
    for feature in naming_features:
        if feature not in given["feature_transforms"]:
            _stop_for_candidates(f"{feature} needs a transform, because segments are named by it")
    for algorithm, grid in given["candidate_algorithms"].items():
        _check("candidate_algorithms", algorithm, _choice("kmeans", "ward", "dbscan", "rules"))
        _check_mapping(f"candidate_algorithms, {algorithm}", grid, _GRID)
        for feature, cut_points in grid.get("cut_points", {}).items():
            place = f"candidate_algorithms, {algorithm}, cut_points"
            _check(place, feature, _choice("recency_days", "frequency", "monetary_value"))
            _check(f"{place}, {feature}", cut_points, _CUT_POINTS)
    for name, of_set in given["feature_sets"].items():
        _check("feature_sets", name, _NAME)
        _check(f"feature_sets, {name}", of_set, _list(_COLUMN))
        if not of_set:
            _stop_for_candidates(f"the feature set {name} is empty")
        for feature in of_set:
            if feature not in features:
                _stop_for_candidates(
                    f"the feature set {name} names {feature}; features are {', '.join(features)}"
                )
    for name in given["candidate_feature_sets"]:
        if name not in given["feature_sets"]:
            _stop_for_candidates(f"candidate_feature_sets names {name}, which is no feature set")
    _check_ids(given)


def _check_ids(given: dict) -> None:
    """Every candidate has an id of its own, and there is one at least."""
    ids = [
        f"{algorithm}-{settings}-{feature_set}"
        for algorithm, grid in given["candidate_algorithms"].items()
        for settings in [
            *grid.get("n_segments", []),
            *(["rules"] if algorithm == "rules" else []),
            *(
                f"{eps}-{least}"
                for eps in grid.get("eps_quantile", [])
                for least in grid.get("min_samples", [])
            ),
        ]
        for name in given["candidate_feature_sets"]
        for feature_set in (
            name if scale == "log" else f"{name}-raw" for scale in given["candidate_scales"]
        )
    ]
    if not ids:
        _stop_for_candidates("they declare no candidate")
    candidate_id, times = Counter(ids).most_common(1)[0]
    if times > 1:
        _stop_for_candidates(f"they declare {candidate_id} more than once")


def _stop_for_candidates(fault: str) -> None:
    raise UserError(
        "Check feature_sets, feature_transforms, candidate_feature_sets, candidate_scales and "
        f"candidate_algorithms under vars in dbt_project.yml: {fault}."
    )


def _check_format(csv_format: Mapping) -> None:
    _check_mapping("csv_format", csv_format, _FORMAT)
    decimal = csv_format.get("decimal_separator") or "."
    if csv_format.get("thousands_separator") == decimal:
        raise UserError(
            f'csv_format: thousands_separator and decimal_separator are both "{decimal}". For '
            'amounts such as 2.043,60 give thousands_separator: "." and decimal_separator: ",".'
        )


def _check_returns(given: dict, engine: str) -> None:
    if given["returns"] == "subtract" and engine != "duckdb":
        raise UserError("returns is subtract, which is for DuckDB alone; set it to set_aside.")
    if given["returns"] == "subtract" and given["source"] == "olist":
        raise UserError(
            "returns is subtract, but the files of the source olist tell of no returns; leave "
            "returns at set_aside."
        )


def _check_transaction_columns(columns: Mapping) -> None:
    fault = _fault_of_transaction_columns(columns)
    if fault:
        raise UserError(f"Check the var transaction_columns: it {fault}.")


def _fault_of_transaction_columns(columns: Mapping) -> str | None:
    for name, column in columns.items():
        if name not in NEEDED_COLUMNS + OPTIONAL_COLUMNS:
            allowed = ", ".join(NEEDED_COLUMNS + OPTIONAL_COLUMNS)
            return f"names {name}; it can name {allowed}"
        if isinstance(column, Mapping):
            if name not in COMPUTED_COLUMNS:
                return f"computes {name}; of {' and '.join(COMPUTED_COLUMNS)} alone it can do so"
            if [*column] != ["sql"] or not isinstance(column["sql"], str):
                return f'has no SQL for {name}; write {{sql: "quantity * unit_price"}}'
        elif not isinstance(column, str | None):
            _check(f"transaction_columns, {name}", column, _or_null(_TEXT))
    if columns.get("unit_price"):
        if columns.get("amount"):
            return "names amount and unit_price; name one of them"
        if not columns.get("items"):
            return "names unit_price without items, the quantity that it is a price of"
    for name in NEEDED_COLUMNS:
        is_told = name == "amount" and (columns.get("unit_price") or "amount" in columns)
        if not columns.get(name) and not is_told:
            nothing = "; amount: null leaves money out" if name == "amount" else ""
            return f"does not say which column of the file is {name}{nothing}"
    if columns.get("refunded_amount") and not (columns.get("amount") or columns.get("unit_price")):
        return "names refunded_amount, but amount is null"
    if columns.get("review_score") and not columns.get("reviewed_at"):
        return (
            "names review_score without reviewed_at; a score counts from the time on at which it "
            "is known"
        )
    return None


def check_relations(given: Mapping, engine: str) -> None:
    """Stop a run whose vars name relations or columns in a way that cannot be read.

    Parameters
    ----------
    given : mapping
        Every var with its value.
    engine : str
        The type of the target.

    Raises
    ------
    UserError
        If one does; the message names the var and what would do.
    """
    is_used = given["source"] == "relations"
    if given["orders"] and not is_used:
        raise UserError(
            f"orders names a relation, but source is {given['source']}; set source: relations."
        )
    told = {"orders": given["columns"]}
    for name in ("orders", *COLUMNS_BESIDE_ORDERS):
        if given[name]:
            _check_relation(name, given[name], engine)
            if name != "orders":
                told[name] = given[name].get("columns") or {}
                _check(f"{name}, columns", told[name], _MAPPING)
        elif given[name] is not None:
            raise UserError(f"{name} is empty; name a relation, or set it to null.")
    for name, columns in told.items():
        allowed = COLUMNS_BESIDE_ORDERS.get(name, NEEDED_COLUMNS + OPTIONAL_COLUMNS)
        _check_columns_of_relation(name, columns, allowed)
    if is_used:
        _check_columns_together(given, told)


def _check_relation(name: str, relation: Mapping, engine: str) -> None:
    ways = {
        "relation": "{relation: crm.sales.orders}",
        "model": "{model: my_orders}",
        "source": "{source: [crm, orders]}",
        "path": '{path: "orders/*.parquet"}',
    }
    if name == "labels":
        ways = {
            way: example.replace("sales.orders", "labels").replace("orders", "labels")
            for way, example in ways.items()
        }
    allowed = [*ways] if name == "orders" else [*ways, "columns"]
    for key in relation:
        if key not in allowed:
            columns = "; its columns stand in the var columns" if key == "columns" else ""
            raise UserError(f"{name} has {key}, not one of {', '.join(allowed)}{columns}.")
    named = [way for way in ways if relation.get(way)]
    if len(named) != 1:
        raise UserError(f"{name} must name one relation, as one of {', '.join(ways.values())}.")
    value = relation[named[0]]
    kinds = {
        "relation": _pattern("a name such as crm.sales.orders", rf"{_PART}(\.{_PART}){{0,2}}"),
        "model": _pattern("the name of a model", r"\w+"),
        "path": _pattern(
            "a path that ends in .parquet, .csv or .csv.gz", r"[^\n]+\.(parquet|csv|csv\.gz)"
        ),
    }
    if named[0] != "source":
        _check(f"{name}, {named[0]}", value, kinds[named[0]])
    elif not (_list(_TEXT).holds(value) and len(value) == 2):
        raise UserError(f"{name}, source must be the names of a source and a table: [crm, orders].")
    if named[0] == "path" and engine != "duckdb":
        raise UserError(
            f"{name}, path is for DuckDB alone; on Spark make a table of the files and name it: "
            "{relation: orders}."
        )


def _check_labels(given: Mapping, engine: str, *, compares: bool) -> None:
    labels = given["labels"]
    if labels is None:
        return
    if engine != "duckdb":
        raise UserError("labels is for DuckDB alone; set it to null.")
    if not labels:
        raise UserError("labels is empty; name a relation, or set it to null.")
    _check_relation("labels", labels, engine)
    columns = labels.get("columns") or {}
    _check("labels, columns", columns, _MAPPING)
    _check_columns_of_relation("labels", columns, COLUMNS_OF_LABELS)
    for column in COLUMNS_OF_LABELS:
        if not columns.get(column):
            raise UserError(f"labels, columns does not say which column is {column}.")
    if given["refit_policy"] == "recentre":
        raise UserError(
            "refit_policy is recentre, but labels cannot be scored in another scaling; with labels "
            "set it to on_breach, every, manual or never."
        )
    if compares:
        raise UserError(
            "labels names segments that somebody else makes, so there are no candidates to "
            "compare; run make build, or set labels to null for make compare."
        )


def _check_columns_of_relation(name: str, columns: Mapping, allowed: list[str]) -> None:
    where = "columns" if name == "orders" else f"{name}, columns"
    for column, told in columns.items():
        if column not in allowed:
            raise UserError(f"{where} names {column}; it can name {', '.join(allowed)}.")
        if isinstance(told, Mapping):
            if [*told] != ["sql"] or not isinstance(told["sql"], str) or not told["sql"].strip():
                raise UserError(
                    f'{where}, {column} has no SQL; write {{sql: "quantity * unit_price"}}.'
                )
        else:
            _check(f"{where}, {column}", told, _or_null(_TEXT))
    if columns.get("unit_price"):
        if columns.get("amount"):
            raise UserError(f"{where} names amount and unit_price; name one of them.")
        if not columns.get("items"):
            raise UserError(
                f"{where} names unit_price without items, the quantity that it is a price of."
            )
    if columns.get("review_score") and not columns.get("reviewed_at"):
        raise UserError(
            f"{where} names review_score without reviewed_at; a score counts from the time on at "
            "which it is known."
        )


def _check_columns_together(given: Mapping, told: Mapping[str, Mapping]) -> None:
    if not given["orders"]:
        raise UserError(
            "source is relations, but orders names none; set orders: {relation: crm.sales.orders}."
        )
    teller = {}
    for name, columns in told.items():
        for column in [column for column, given_as in columns.items() if given_as]:
            column = "amount" if column == "unit_price" else column
            if column != "order_id" and column in teller:
                raise UserError(
                    f"{column} stands in {_place(teller[column])} and in {_place(name)}; name it "
                    "in one of them."
                )
            teller[column] = name
        needed = {"orders": "", "reviews": "review_score"}.get(name, "")
        for column in ["order_id", needed] if name != "orders" else []:
            if column and not columns.get(column):
                raise UserError(f"{name}, columns does not say which column is {column}.")
    if len(told) > 1 and not given["columns"].get("order_id"):
        raise UserError(
            f"columns does not say which column is order_id, by which {[*told][1]} finds its order."
        )
    for column in NEEDED_COLUMNS:
        # amount: null leaves money out.
        if column not in teller and not (column == "amount" and "amount" in given["columns"]):
            raise UserError(f"columns does not say which column of orders is {column}.")


def _place(name: str) -> str:
    return "columns" if name == "orders" else f"{name}, columns"


def _check_weights(weights: Mapping) -> None:
    number = _number(0, 1_000_000)
    if (
        sorted(weights) != CRITERIA
        or not all(map(number.holds, weights.values()))
        or sum(weights.values()) <= 0
    ):
        raise UserError(
            f"choice_score_weights must give {', '.join(CRITERIA)} a weight each, none below 0 and "
            "not all 0."
        )


def _check_clauses(clauses: Mapping) -> None:
    for clause, given in clauses.items():
        if clause not in CLAUSES:
            _stop_for_clauses(f"there is no clause {clause}; clauses are {', '.join(CLAUSES)}")
        limit = _number(0, 100) if clause in CLAUSES_IN_ERRORS else _SHARE
        terms = {"breach": limit, "warn": limit, "severity": _choice("error", "warn", "info")}
        if clause in CLAUSES_OF_PAIRS:
            terms["evaluations"] = _number(1, 10_000, whole=True)
        _check(f"maintenance_clauses, {clause}", given, _MAPPING)
        for name in terms:
            if name not in given:
                _stop_for_clauses(f"{clause} has no {name}")
        for name, value in given.items():
            if name not in terms:
                _stop_for_clauses(f"{clause} has a term that nothing reads, {name}")
            if not terms[name].holds(value):
                _stop_for_clauses(f"{name} of {clause} is {value}, not {terms[name].words}")
        is_late = (
            given["warn"] < given["breach"]
            if CLAUSES[clause] == "least"
            else given["warn"] > given["breach"]
        )
        if is_late:
            _stop_for_clauses(f"{clause} would be broken before it warns")
    if "agreement" not in clauses:
        _stop_for_clauses("the clause agreement is missing")


def _check_audiences(given: Mapping, engine: str, columns: Mapping[str, str]) -> None:
    for name in ("audiences", "campaigns"):
        if given[name] and engine != "duckdb":
            raise UserError(
                f"{name} are for DuckDB alone: on Spark nobody can be erased from their tables. "
                f"Set {name}: {{}}."
            )
    for audience in given["audiences"]:
        _check("audiences", audience, _NAME)
    check_audiences(given["audiences"], columns)


def _check_campaigns(campaigns: Mapping) -> None:
    example = "{audience: vips_at_risk, starts_on: 2018-09-01, ends_on: 2018-09-30, "
    example += "holdout_share: 0.2}"
    for name, campaign in campaigns.items():
        _check("campaigns", name, _NAME)
        _check_mapping(f"campaigns, {name}", campaign, _CAMPAIGN | {"salt": _TEXT})
        missing = [term for term in _CAMPAIGN if term not in campaign]
        if missing:
            raise UserError(
                f"campaigns, {name} has no {' and no '.join(missing)}; write it as {name}: "
                f"{example}."
            )
        for term in ("starts_on", "ends_on"):
            try:
                date.fromisoformat(campaign[term])
            except ValueError:
                raise UserError(
                    f"campaigns, {name}: {term} is {campaign[term]}, which is no day."
                ) from None
        if campaign["ends_on"] < campaign["starts_on"]:
            raise UserError(
                f"campaigns, {name} ends on {campaign['ends_on']}, before it starts; ends_on is "
                "its last day."
            )


def _stop_for_clauses(fault: str) -> None:
    raise UserError(f"Check maintenance_clauses under vars in dbt_project.yml: {fault}.")


def _as_list(value: object) -> list:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value
