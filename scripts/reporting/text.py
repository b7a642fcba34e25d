"""Sentences with numbers that take the reader's format.

A sentence is a plain string in which a number stands as a token, for instance `⟦share:0.031⟧`.
`html` makes it an element that the browser formats by the reader's language, `plain` English text.
"""

import re
from collections.abc import Callable
from datetime import date

import pandas as pd
from markupsafe import Markup, escape

# What stands before an amount: the shop's own, once `use_currency` has told it.
_currency = ["R$"]

_TOKEN = re.compile(r"⟦(integer|number|money|share|date|month):([-+.:\w]+)⟧")


def integer(value: float) -> str:
    """Write a whole number."""
    return f"⟦integer:{round(value)}⟧"


def number(value: float) -> str:
    """Write a number with up to two decimals."""
    return f"⟦number:{float(value):.6g}⟧"


def money(value: float) -> str:
    """Write an amount in the shop's currency; with two decimals below 1,000."""
    return f"⟦money:{float(value):.2f}⟧"


def use_currency(symbol: str) -> None:
    """Let amounts be told in this currency from now on."""
    _currency[0] = symbol


def currency() -> str:
    """Return what stands before an amount."""
    return _currency[0]


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
    """Return the sentence in English."""
    return _TOKEN.sub(lambda token: _formatted(*token.groups()), text)


def html(text: str) -> Markup:
    """Return the sentence as HTML, everything but the numbers escaped."""
    return Markup(_TOKEN.sub(_element, str(escape(text))))


def _element(token: re.Match) -> str:
    kind, value = token.groups()
    if kind in ("date", "month"):
        return f'<time datetime="{value}" data-kind="{kind}">{_formatted(kind, value)}</time>'
    return f'<data value="{value}" data-kind="{kind}">{_formatted(kind, value)}</data>'


def _formatted(kind: str, value: str) -> str:
    if kind == "date":
        return f"{date.fromisoformat(value):%-d %B %Y}"
    if kind == "month":
        return f"{date.fromisoformat(value):%B %Y}"
    if kind == "integer":
        return f"{int(value):,}"
    if kind == "share":
        return f"{float(value):.1%}"
    if kind == "money":
        amount = float(value)
        return f"{currency()} {amount:,.{2 if abs(amount) < 1000 else 0}f}"
    return f"{round(float(value), 2):,.2f}".rstrip("0").rstrip(".")
