"""Sentences with numbers that take the shop's format.

A sentence is a plain string in which a number stands as a token, for instance `⟦share:0.031⟧`.
`html` makes it an element and `plain` text, both in the language and currency of the shop. Dates,
percentages and decimals in sentences of the marts take the same format.
"""

import re
from collections.abc import Callable
from datetime import date

import pandas as pd
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from markupsafe import Markup, escape


class FormatError(Exception):
    """A locale that is not known; the message says what would do."""


# How the shop writes: set by `use_format`.
_format = {"currency": "R$", "locale": Locale.parse("en_GB")}

_TOKEN = re.compile(r"⟦(integer|number|money|share|date|month|percent|decimal):([-+.:\w]+)⟧")
# In sentences of the marts: a token, which stays, or a date, a percentage or a decimal.
_WRITTEN_OUT = re.compile(
    r"⟦[^⟧]*⟧|(?<![\w.-])(?:(?P<date>\d{4}-\d\d-\d\d)(?![\w-])"
    r"|(?P<percent>\d+(?:\.\d+)?) ?%|(?P<decimal>\d+\.\d+)(?!\.?\w))"
)


def use_format(currency: str, locale: str) -> None:
    """Write amounts, numbers and dates as the shop does from now on.

    Parameters
    ----------
    currency : str
        What stands at an amount.
    locale : str
        A language tag such as `en-GB` or `pt-BR`.

    Raises
    ------
    FormatError
        If the locale is not known.
    """
    try:
        _format["locale"] = Locale.parse(locale, sep="-")
    except (UnknownLocaleError, ValueError):
        raise FormatError(
            f"The var locale is {locale}, which is not known; en-GB or pt-BR would do. "
            "Correct it and build again."
        ) from None
    _format["currency"] = currency


def currency() -> str:
    """Return what stands at an amount."""
    return _format["currency"]


def chart_formats() -> dict:
    """Return the shop's numbers and dates as Vega's charts take them."""
    locale = _format["locale"]
    # Babel's weeks begin on Monday, Vega's on Sunday.
    days, short_days = (
        [locale.days["format"][width][(i - 1) % 7] for i in range(7)]
        for width in ("wide", "abbreviated")
    )
    months, short_months = (
        [locale.months["format"][width][i].strip(".") for i in range(1, 13)]
        for width in ("wide", "abbreviated")
    )
    symbols = locale.number_symbols["latn"]
    return {
        "number": {
            "decimal": symbols["decimal"],
            "thousands": symbols["group"],
            "grouping": [3],
            "currency": [currency() + "\u00a0", ""],
        },
        "time": {
            **{"dateTime": "%x, %X", "date": "%Y-%m-%d", "time": "%H:%M:%S"},
            **{"periods": ["AM", "PM"], "days": days, "shortDays": short_days},
            **{"months": months, "shortMonths": short_months},
        },
    }


def integer(value: float) -> str:
    """Write a whole number."""
    return f"⟦integer:{round(value)}⟧"


def number(value: float) -> str:
    """Write a number with up to two decimals."""
    return f"⟦number:{float(value):.6g}⟧"


def money(value: float) -> str:
    """Write an amount in the shop's currency; with two decimals below 10."""
    return f"⟦money:{float(value):.2f}⟧"


def share(value: float) -> str:
    """Write a share, 0 to 1, as percent."""
    return f"⟦share:{float(value):.6f}⟧"


def day(value: date) -> str:
    """Write a date."""
    return f"⟦date:{value:%Y-%m-%d}⟧"


def month(value: date) -> str:
    """Write a month, given as one of its days."""
    return f"⟦month:{value:%Y-%m-%d}⟧"


def if_known(told: Callable[[float], str]) -> Callable[[float], str]:
    """`told`, and a dash where a value is missing."""
    return lambda value: "-" if pd.isna(value) else told(value)


def listed(items: list[str]) -> str:
    """Write `a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def counted(quantity: float, singular: str, plural: str | None = None) -> str:
    """`1 week`, `2 weeks`."""
    return f"{number(quantity)} {singular if quantity == 1 else plural or singular + 's'}"


def plain(text: str) -> str:
    """Return the sentence as text."""
    return _TOKEN.sub(_written, _with_tokens(text))


def html(text: str) -> Markup:
    """Return the sentence as HTML, everything but the numbers escaped."""
    return Markup(_TOKEN.sub(_element, str(escape(_with_tokens(text)))))


def _with_tokens(text: str) -> str:
    """Put tokens for the dates, percentages and decimals of a sentence."""
    return _WRITTEN_OUT.sub(
        lambda found: (
            f"⟦{found.lastgroup}:{found[found.lastgroup]}⟧"
            if found.lastgroup and _is_valid(found)
            else found[0]
        ),
        text,
    )


def _is_valid(found: re.Match) -> bool:
    try:
        return not found["date"] or bool(date.fromisoformat(found["date"]))
    except ValueError:
        return False


def _written(token: re.Match) -> str:
    try:
        return _formatted(*token.groups())
    except ValueError:  # a text of the data, and no number
        return token[0]


def _element(token: re.Match) -> str:
    kind, value = token.groups()
    written = _written(token)
    if written == token[0]:
        return written
    if kind in ("date", "month"):
        return f'<time datetime="{value}">{written}</time>'
    return f'<data value="{value}">{written}</data>'


def _formatted(kind: str, value: str) -> str:
    locale = _format["locale"]
    if kind == "date":
        return format_date(date.fromisoformat(value), "long", locale=locale)
    if kind == "month":
        return format_skeleton("yMMMM", date.fromisoformat(value), locale=locale)
    if kind == "money":
        amount = float(value)
        digits = "#,##0.00" if abs(amount) < 10 and amount else "#,##0"
        written = format_decimal(amount, digits, locale=locale)
        if locale.currency_formats["standard"].pattern.startswith("¤"):
            return f"{currency()} {written}"
        return f"{written} {currency()}"
    if kind in ("share", "percent"):
        decimals = 1 if kind == "share" else len(value.partition(".")[2])
        digits = "0." + "0" * decimals if decimals else "0"
        percent = locale.percent_formats[None].pattern.replace("0", digits)
        parts = float(value) if kind == "share" else float(value) / 100
        return format_decimal(parts, percent, locale=locale)
    digits = {
        "integer": "#,##0",
        "number": "#,##0.##",
        "decimal": "#,##0." + "0" * len(value.partition(".")[2]),
    }[kind]
    # A number that rounds to nothing has no sign.
    rounded = round(float(value), 2) + 0.0 if kind == "number" else float(value)
    return format_decimal(rounded, digits, locale=locale)
