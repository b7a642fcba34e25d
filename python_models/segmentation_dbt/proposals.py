"""The vars that a file of orders likely needs, found from names and values of its columns.

What is not sure is said: each doubt stands by the var that it is about.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from segmentation_dbt.column_names import NAMES, PART, plain_name, rank_of_name
from segmentation_dbt.formats import EPOCHS, Format, time_of_text
from segmentation_dbt.orders_file import OrdersFile
from segmentation_dbt.settings import NEEDED_COLUMNS
from segmentation_dbt.tables import quoted
from segmentation_dbt.value_formats import (
    Reading,
    is_read_as_time,
    numbers_of,
    read_numbers,
    times_of,
)

_SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£", "brl": "R$", "jpy": "¥", "euro": "€"}
_WITHOUT_CENTS = {"jpy", "krw", "vnd", "clp", "¥", "₩"}

# Words of statuses whose orders count in no feature; those of money given back, where the file
# does not say how much.
_NO_ORDER = ["cancel", "void", "fail", "declin", "expired", "unavailable", "abandon", "draft"]
_NO_ORDER += ["trash", "reject", "chargeback", "storn", "abgebroch", "fehlgeschl", "abgelehnt"]
_NO_ORDER += ["annul", "echou", "refuse", "anulad", "fallid", "rechaz", "recusad", "expirad"]
_GIVEN_BACK = ["refund", "returned", "erstattet", "retour", "rembours", "reembols", "devuel"]
_GIVEN_BACK += ["devolv", "estorn"]
_IN_PART = ["partial", "partly", "teil", "partiel", "parcial"]
_NOT_PAID = ["pending", "unpaid", "awaiting", "hold", "offen", "ausstehend", "attente"]
_NOT_PAID += ["pendient", "pendent", "aguard"]
_DONE = ["pagad", "pago", "paga", "paye", "complet", "envi", "entreg", "livr", "exped", "termin"]

# Names of guest accounts, and what stands before the @ of theirs.
_NOBODY = {"blank", "guest", "gast", "invite", "invitado", "convidado", "anonymous", "anonym"}
_NOBODY |= {"anonyme", "anonimo", "unknown", "unbekannt", "inconnu", "desconocido", "na", "n a"}
_NOBODY |= {"desconhecido", "laufkunde", "laufkundschaft", "barverkauf", "walkin", "divers"}
_NOBODY |= {"diverse", "no customer", "walk in", "walk in customer", "cash customer", "cash"}
_NOBODY |= {"guest checkout", "guest customer", "guest user", "sans client", "sin cliente"}
_NOBODY |= {"sem cliente", "ohne kunde", "diverser kunde", "client inconnu", "not set"}
_NOBODY |= {"consumidor final", "client comptoir", "client de passage"}
_NOBODY_ADDRESS = ["guest", "noreply", "no-reply", "anonymous", "gast", "invite", "unknown"]

# Shares of rows: nearly all of them, and enough of them to be no accident.
_NEARLY_ALL, _SOME = 0.95, 0.02

# What may stand in a number beside digits, but for its currency.
_MARKS = r".,'\u2019\s\u00a0\u202f\u2009"
_CURRENCY = r"(?:[^\W\d_]{1,4}\.?|R?[^\w\s.,()'+-]{0,2})"
_NUMBER = re.compile(
    rf"[\s(+\u2212-]*{_CURRENCY}\s*[-+\u2212]?\d[\d{_MARKS}]*{_CURRENCY}\s*[)\u2212-]?"
)


@dataclass
class Proposal:
    """Vars, and what is to be said of them.

    Attributes
    ----------
    settings : dict
        The vars, in the order in which a person reads them.
    doubts : dict of str to list of str
        By var, or "file", what is not sure, as sentences.
    hints : dict of str to str
        By var that is not set, a comment that says when to set it.
    preset : str or None
        The name of the preset that the columns are those of.
    """

    settings: dict = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    hints: dict[str, str] = field(default_factory=dict)
    preset: str | None = None

    @property
    def columns(self) -> dict:
        """What the file calls the declared columns."""
        return self.settings["transaction_columns"]


def propose(file: OrdersFile, presets: Mapping[str, dict] | None = None) -> Proposal:
    """Propose the vars of a file of orders.

    Parameters
    ----------
    file : OrdersFile
        The file.
    presets : mapping of str to dict, optional
        Vars of exports that are known, by name. Those whose columns the file has are the base.

    Returns
    -------
    Proposal
        Without customer, time or amount in `columns` where the file seems to have none.
    """
    return _Proposer(file, presets or {}).proposal()


def preset_of(columns: Sequence[str], presets: Mapping[str, dict]) -> str | None:
    """Name the preset that a file has the columns of, the one with the most of them.

    Parameters
    ----------
    columns : sequence of str
        Of the file.
    presets : mapping of str to dict
        Vars by name; a column besides customer, time, amount and order may be missing.

    Returns
    -------
    str or None
        None where there is none.
    """
    needed = {*NEEDED_COLUMNS, "unit_price", "items", "order_id"}
    matches: dict[str, int] = {}
    for name, given in presets.items():
        named = given.get("transaction_columns") or {}
        told = {column: found for column, found in named.items() if isinstance(found, str)}
        has_needed = all(told[column] in columns for column in told if column in needed)
        there = sum(found in columns for found in told.values())
        if told and has_needed and there >= 0.75 * len(told):
            matches[name] = there
    return max(matches, key=matches.get, default=None)


def dates_of(first_times: Sequence[dt.datetime], last: dt.datetime) -> tuple[str | None, int]:
    """Propose the first evaluation date and the weeks between two of them.

    Parameters
    ----------
    first_times : sequence of datetime
        When each customer is first seen, sorted.
    last : datetime
        The last time of the file.

    Returns
    -------
    str or None
        The first day of a month by which a third of the history, and 90 days, have passed and 100
        customers are known; None where there is none before the last time.
    int
        1 up to half a year after it, 2 up to a year, 4 beyond.
    """
    if len(first_times) < 100:
        return None, 1
    start = first_times[0]
    earliest = max(start + (last - start) / 3, start + dt.timedelta(days=90), first_times[99])
    date = dt.datetime(earliest.year + earliest.month // 12, earliest.month % 12 + 1, 1)
    if date >= last:
        return None, 1
    weeks = (last - date).days / 7
    return f"{date:%Y-%m-%d}", 1 if weeks <= 26 else 2 if weeks <= 53 else 4


def looks_like_numbers(texts: Sequence[str]) -> bool:
    """Whether nearly all of some texts are numbers, with marks and a currency maybe."""
    alike = sum(_NUMBER.fullmatch(text.strip()) is not None for text in texts)
    return bool(texts) and alike >= _NEARLY_ALL * len(texts)


class _Proposer:
    def __init__(self, file: OrdersFile, presets: Mapping[str, dict]) -> None:
        self.file = file
        self.told = Proposal()
        self.told.preset = preset_of(file.columns, presets)
        self.given = dict(presets.get(self.told.preset, {}))
        self.columns: dict = {}
        self.texts = {name: file.texts_of_head(name) for name in file.columns}
        self.times: dict[str, Reading] = {}
        self.currency: str | None = None

    def proposal(self) -> Proposal:
        for name in self.file.columns:
            reading = self._reading_of_times(name)
            if reading.share >= _NEARLY_ALL:
                self.times[name] = reading
        if self.given:
            named = self.given["transaction_columns"]
            self.columns = {
                column: name
                for column, name in named.items()
                if not isinstance(name, str) or name in self.file.columns
            }
        else:
            self._find_columns()
        if missing := [c for c in ("customer_id", "ordered_at") if c not in self.columns]:
            for column in missing:
                self._doubt("transaction_columns", f"No column looks like {column}; name it.")
        self._check_total()
        written = self._numbers()
        self._drop_what_does_not_fit(written)
        settings = self.told.settings
        settings["source"] = "transactions"
        settings["transaction_columns"] = {
            c: self.columns[c] for c in _ORDERED if c in self.columns
        }
        settings["csv_format"] = self._csv_format(written)
        settings["currency"] = self._currency(written)
        self._amounts(written)
        self._returns(written)
        self._statuses()
        self._customers()
        self._dates()
        for name, value in self.given.items():
            settings.setdefault(name, value)
        return self.told

    # -- columns ----------------------------------------------------------------------------------

    def _find_columns(self) -> None:
        self._find_time()
        self._find_customer()
        self._find_order()
        numbers = [name for name in self._free() if looks_like_numbers(self.texts[name])]
        for column in ("refunded_amount", "items", "unit_price"):
            self._take(column, numbers)
        self._find_amount([name for name in numbers if name in self._free()])
        words = [n for n in self._free() if n not in self.times and len(self.texts[n])]
        self._take("order_status", [name for name in words if self._are_statuses(name)])
        for column in ("delivered_at", "promised_at"):
            self._take(column, [*self.times])
        scores = [name for name in self._free() if self._are_scores(name)]
        if self._best("review_score", scores) and self._best("reviewed_at", [*self.times]):
            self._take("review_score", scores)
            self._take("reviewed_at", [*self.times])
        words = [name for name in words if not looks_like_numbers(self.texts[name])]
        for column in ("category", "city", "state"):
            self._take(column, words)

    def _free(self) -> list[str]:
        return [name for name in self.file.columns if name not in self.columns.values()]

    def _best(self, column: str, among: Iterable[str]) -> str | None:
        ranks = {n: rank_of_name(n, column) for n in self._free() if n in [*among]}
        ranked = {name: rank for name, rank in ranks.items() if rank is not None}
        return min(ranked, key=ranked.get, default=None)

    def _take(self, column: str, among: Iterable[str]) -> str | None:
        name = self._best(column, among)
        if name is not None:
            self.columns[column] = name
        return name

    def _find_time(self) -> None:
        if self._take("ordered_at", self.times):
            name = self.columns["ordered_at"]
            others = [
                other
                for other in self.times
                if other != name and (rank_of_name(other, "ordered_at") or PART) < PART
            ]
            if others:
                self._doubt("transaction_columns", f"ordered_at may be {_either(others)} instead.")
        elif self.times:
            name = next(iter(self.times))
            self.columns["ordered_at"] = name
            self._doubt("transaction_columns", f"ordered_at is {name} because it holds times.")

    def _find_customer(self) -> None:
        filled = [name for name in self._free() if len(self.texts[name]) > 1]
        name = self._take("customer_id", filled)
        if name is None:
            # Who comes back has several times.
            time = self.columns.get("ordered_at")
            for name in filled:
                rows = [row for row in self.file.head([name, time or name]) if row[0]]
                ids = {row[0] for row in rows}
                is_other = any((rank_of_name(name, c) or PART) < PART for c in _NUMBERS)
                if is_other or any(re.search(r"\d[.,]\d", text) for text in self.texts[name]):
                    continue
                if 20 <= len(ids) <= 0.9 * len(set(rows)) and time and name not in self.times:
                    self.columns["customer_id"] = name
                    self._doubt(
                        "transaction_columns",
                        f"customer_id is {name} because its values come back.",
                    )
                    return
        elif rank_of_name(name, "customer_id") >= PART:
            self._doubt("transaction_columns", f"customer_id is {name} by a part of its name.")

    def _find_order(self) -> None:
        customer, time = self.columns.get("customer_id"), self.columns.get("ordered_at")
        if not customer or not time:
            return
        named = sorted(
            (name for name in self._free() if rank_of_name(name, "order_id") is not None),
            key=lambda name: rank_of_name(name, "order_id"),
        )
        rows = self.file.head([customer, time])
        blank = sum(row[0] is None or row[1] is None for row in rows)
        if blank > _SOME * len(rows):
            for name in [*named, *(n for n in self._free() if n not in named)]:
                if self._tells_further_lines(name, customer, time):
                    self.columns["order_id"] = name
                    return
        for name in named:
            if self._is_of_one_customer(name, customer):
                self.columns["order_id"] = name
                return

    def _tells_further_lines(self, name: str, customer: str, time: str) -> bool:
        """Whether rows without customer or time share a value with one that has them."""
        known, blank = defaultdict(set), []
        for value, who, when in self.file.head([name, customer, time]):
            if value is None:
                return False
            if who is not None and when is not None:
                known[value].add((who, when))
            else:
                blank.append(value)
        lone = sum(len(told) == 1 for told in known.values())
        shared = sum(value in known for value in blank)
        return lone >= _NEARLY_ALL * len(known) and shared >= _NEARLY_ALL * len(blank)

    def _is_of_one_customer(self, name: str, customer: str) -> bool:
        of_orders = defaultdict(set)
        for value, who in self.file.head([name, customer]):
            if value is not None and who is not None:
                of_orders[value].add(who)
        several = sum(len(who) > 1 for who in of_orders.values())
        return len(of_orders) > 1 and several <= _SOME * len(of_orders)

    def _find_amount(self, numbers: list[str]) -> None:
        amount = self._best("amount", numbers)
        if amount is not None:
            self.columns["amount"] = amount
            others = [
                name
                for name in numbers
                if name != amount and (rank_of_name(name, "amount") or PART) < PART
            ]
            if others:
                self._doubt("transaction_columns", f"amount may be {_either(others)} instead.")
            self.spare_price = self.columns.pop("unit_price", None)
            return
        if "unit_price" in self.columns and "items" in self.columns:
            self._doubt(
                "transaction_columns",
                f"The amount is {self.columns['items']} times {self.columns['unit_price']}; if "
                "that is the price of all of them, name it amount in place of unit_price.",
            )
            return
        if "unit_price" in self.columns:
            self.columns["amount"] = self.columns.pop("unit_price")
            return
        broken = [n for n in numbers if any(re.search(r"[.,]\d", text) for text in self.texts[n])]
        if broken:
            self.columns["amount"] = broken[0]
            self._doubt("transaction_columns", f"amount is {broken[0]} because it has decimals.")
        else:
            self._doubt("transaction_columns", "No column looks like amount; name it.")

    def _check_total(self) -> None:
        """Replace a total of the order that stands on each line, and would be summed over them."""
        order, amount = self.columns.get("order_id"), self.columns.get("amount")
        if order is None or not isinstance(amount, str) or not self._is_repeated(order, amount):
            return
        items = self.columns.get("items") or self._best("items", self._numeric())
        price = self._best("unit_price", self._numeric())
        others = sorted(
            (n for n in self._numeric() if rank_of_name(n, "amount") is not None),
            key=lambda name: rank_of_name(name, "amount"),
        )
        other = next((name for name in others if not self._is_repeated(order, name)), None)
        if other:
            self.columns["amount"] = other
        elif items and price and not self._is_repeated(order, price):
            self.columns |= {"unit_price": price, "items": items}
            del self.columns["amount"]
        else:
            self._doubt(
                "transaction_columns",
                f"{amount} is the same on all lines of an order. If it is the total of the order, "
                "it is summed over the lines: keep one line of each order.",
            )
            return
        taken = other or f"{items} times {price}"
        self._doubt(
            "transaction_columns",
            f"{amount} is the same on all lines of an order, so the amount is {taken}.",
        )

    def _numeric(self) -> list[str]:
        return [name for name in self._free() if looks_like_numbers(self.texts[name])]

    def _is_repeated(self, order: str, amount: str) -> bool:
        of_orders = defaultdict(list)
        for value, money in self.file.head([order, amount]):
            of_orders[value].append(money)
        several = [told for value, told in of_orders.items() if value and len(told) > 1]
        same = [told for told in several if None not in told and len(set(told)) == 1]
        return len(several) >= 10 and len(same) >= _NEARLY_ALL * len(several)

    def _are_statuses(self, name: str) -> bool:
        """Whether values are few, and words of statuses where the name may be that of a place."""
        texts = self.texts[name]
        if plain_name(name) in ("estado", "etat"):
            starts = (*_NO_ORDER, *_GIVEN_BACK, *_NOT_PAID, *_DONE)
            words = [word for text in texts for word in plain_name(text).split()]
            return len(texts) <= 30 and any(word.startswith(starts) for word in words)
        return len(texts) <= 30

    def _are_scores(self, name: str) -> bool:
        texts = self.texts[name]
        return bool(texts) and all(re.fullmatch(r"[1-5]([.,]0+)?", text.strip()) for text in texts)

    # -- how values are written -------------------------------------------------------------------

    def _reading_of_times(self, name: str) -> Reading:
        if name in self.file.times:
            return Reading(None, 1.0)
        return times_of(self.texts[name])

    def _numbers(self) -> Format:
        """Tell how the numbers are written, of all columns that hold some."""
        names = [self.columns[c] for c in _NUMBERS if isinstance(self.columns.get(c), str)]
        texts = list(dict.fromkeys(text for name in names for text in self.file.distinct(name)))
        reading = numbers_of(texts, delimiter=self.file.delimiter or ",")
        if reading.unread is not None:
            self._doubt("csv_format", f'"{reading.unread}" is read as no number.')
        if reading.other is not None:
            self._doubt(
                "csv_format",
                "Numbers may have another decimal separator: all marks stand before three digits.",
            )
        return reading.read

    def _drop_what_does_not_fit(self, written: Format) -> None:
        """Leave out optional columns with values that would stop the build."""
        items = self.columns.get("items")
        if items and not self._are_whole(items, written):
            del self.columns["items"]
            price = self.columns.pop("unit_price", None)
            if price:
                self.columns["amount"] = {"sql": f"{quoted(items)} * {quoted(price)}"}
            else:
                self._doubt("transaction_columns", f"{items} holds other than whole numbers.")
        time = self.columns.get("ordered_at")
        if time is None:
            return
        self.written_as = self._time_format(time)
        for column in ("delivered_at", "promised_at", "reviewed_at"):
            name = self.columns.get(column)
            if (
                name
                and name not in self.file.times
                and not is_read_as_time(self.file.distinct(name), self.written_as)
            ):
                del self.columns[column]
                if column == "reviewed_at":
                    self.columns.pop("review_score", None)
                self._doubt(
                    "transaction_columns", f"{name} is left out: its times are written otherwise."
                )

    def _are_whole(self, name: str, written: Format) -> bool:
        values = read_numbers(self.file.distinct(name), written)
        return all(value is not None and value == int(value) for value in values)

    def _time_format(self, name: str) -> str | None:
        if name in self.file.times:
            return None
        in_order = [value for (value,) in self.file.head([name]) if value]
        reading = times_of(self.file.distinct(name), in_order=in_order)
        if reading.unread is not None:
            self._doubt("csv_format", f'"{reading.unread}" in {name} is read as no time.')
        if reading.other is not None:
            self._doubt(
                "csv_format",
                f"Day and month may be the other way round: timestamp_format: {reading.other}.",
            )
        if reading.read in EPOCHS or "%z" in (reading.read or "") or self._has_offsets(name):
            self.told.hints["time_zone"] = (
                "Times have an offset, or count from 1970: they become UTC. Name the zone of the "
                "shop to have its days:\ntime_zone: Europe/Berlin"
            )
        return reading.read

    def _has_offsets(self, name: str) -> bool:
        return any(re.search(r"\d(Z|[+-]\d\d(:?\d\d)?)$", t) for t in self.texts[name] if ":" in t)

    def _csv_format(self, written: Format) -> dict:
        told = {}
        if self.file.delimiter is not None:
            told |= {"delimiter": self.file.delimiter, "encoding": self.file.encoding}
        told["decimal_separator"] = written.decimal_separator
        if written.thousands_separator:
            told["thousands_separator"] = written.thousands_separator
        if written.strip_currency:
            told["strip_currency"] = True
        if written.parentheses_negative:
            told["parentheses_negative"] = True
        written_as = getattr(self, "written_as", None)
        return told | ({"timestamp_format": written_as} if written_as else {})

    # -- amounts ----------------------------------------------------------------------------------

    def _money(self) -> list[str]:
        """Name the columns of the file that hold money."""
        named = [self.columns.get(c) for c in ("amount", "unit_price", "refunded_amount")]
        return [name for name in named if isinstance(name, str)]

    def _currency(self, written: Format) -> str:
        column = self._best("currency", self._free())
        codes = self.file.counts(column, 5) if column else {}
        if not codes and written.strip_currency:
            for text in (text for name in self._money() for text in self.texts[name]):
                found = re.sub(rf"[\d{_MARKS}()+\u2212-]", "", text)
                if found:
                    codes[found] = codes.get(found, 0) + 1
        if not codes:
            heads = " ".join(self._money())
            codes = dict.fromkeys(re.findall(r"\b(?:EUR|USD|GBP|BRL|CHF)\b|[€$£]", heads), 1)
        if len(codes) > 1:
            self._doubt(
                "currency",
                f"Amounts are in several currencies ({', '.join(list(codes)[:4])}) and are summed "
                "as they stand.",
            )
        if codes:
            code = max(codes, key=codes.get)
            self.currency = code.lower()
            return _SYMBOLS.get(code.lower(), code)
        if self.given.get("currency"):
            return self.given["currency"]
        self._doubt("currency", "The file does not name it; it stands before amounts in reports.")
        return ""

    def _amounts(self, written: Format) -> None:
        values = [
            value
            for name in self._money()
            for value in read_numbers(self.file.distinct(name), written)
            if value is not None
        ]
        settings = self.told.settings
        sizes = sorted(abs(value) for value in values if value)
        if not sizes:
            return
        is_whole = all(value == int(value) for value in sizes)
        has_no_cents = self.currency in _WITHOUT_CENTS
        round_tens = sum(value % 10 == 0 for value in sizes) / len(sizes)
        if "amount_divisor" in self.given:
            settings["amount_divisor"] = self.given["amount_divisor"]
        elif is_whole and has_no_cents:
            settings["amount_decimals"] = 0
        elif is_whole and len(sizes) >= 50 and sizes[len(sizes) // 2] >= 1000 and round_tens < 0.5:
            settings["amount_divisor"] = 100
            self._doubt(
                "amount_divisor",
                "Amounts are whole numbers that look like cents; if they are not, make it 1.",
            )
        divisor = settings.get("amount_divisor", 1)
        is_fine = all(
            abs(value / divisor * 100 - round(value / divisor * 100)) < 1e-6 for value in sizes
        )
        # What is computed may have more decimals than what it is computed of.
        if not is_fine or isinstance(self.columns.get("amount"), dict):
            settings["round_amounts"] = True

    def _returns(self, written: Format) -> None:
        refunded = self.columns.get("refunded_amount")
        if refunded and any(read_numbers(self.file.distinct(refunded), written)):
            self.told.settings["returns"] = "subtract"
        elif self._has_returns(written):
            self.told.settings["returns"] = "subtract"
            self._doubt(
                "returns",
                "Negative rows take off what the customer bought before; set_aside leaves them "
                "out.",
            )

    def _has_returns(self, written: Format) -> bool:
        """Whether rows are negative that are no discounts within an order of the same day."""
        names = [self.columns.get(c) for c in ("amount", "unit_price", "items")]
        names = [name for name in names if isinstance(name, str)]
        if isinstance(self.columns.get("amount"), dict):
            return any(
                (value or 0) < 0
                for name in self.file.columns
                if quoted(name) in self.columns["amount"]["sql"]
                for value in read_numbers(self.file.distinct(name), written)
            )
        if isinstance(self.columns.get("amount"), str):
            names = [self.columns["amount"]]
        negative = {}
        for name in names:
            texts = self.file.distinct(name)
            negative[name] = {
                text.strip(): value
                for text, value in zip(texts, read_numbers(texts, written), strict=True)
                if value is not None
            }
        if not any(value < 0 for told in negative.values() for value in told.values()):
            return False
        order, time = self.columns.get("order_id"), self.columns.get("ordered_at")
        if order is None or time is None:
            return True
        of_orders = defaultdict(list)
        for value, when, *money in self.file.head([order, time, *names]):
            product = 1.0
            for name, text in zip(names, money, strict=True):
                product *= negative[name].get(text or "", 0.0)
            of_orders[value].append((when, product))
        below = [told for told in of_orders.values() if any(money < 0 for _, money in told)]
        discounts = [
            told
            for told in below
            if sum(money for _, money in told) >= 0 and len({when for when, _ in told}) == 1
        ]
        return not below or len(discounts) < len(below)

    # -- which facts count ------------------------------------------------------------------------

    def _statuses(self) -> None:
        column = self.columns.get("order_status")
        if column is None:
            return
        counts = self.file.counts(column, 50)
        knows_refunds = "refunded_amount" in self.columns
        found = [status for status in counts if _counts_not(plain_name(status), knows_refunds)]
        uncounted = dict.fromkeys([*self.given.get("uncounted_order_statuses", []), *found])
        self.told.settings["uncounted_order_statuses"] = [*uncounted]
        shown = ", ".join(f"{status} ({rows:,})" for status, rows in [*counts.items()][:12])
        self.told.hints["uncounted_order_statuses"] = f"Statuses of the file: {shown}."
        unpaid = [s for s in counts if any(word in plain_name(s) for word in _NOT_PAID)]
        if unpaid := [status for status in unpaid if status not in uncounted]:
            self._doubt("uncounted_order_statuses", f"Orders {_either(unpaid)} count.")

    def _customers(self) -> None:
        column = self.columns.get("customer_id")
        if column is None:
            return
        counts = self.file.counts(column)
        nobody = [who for who, times in counts.items() if _is_nobody(who, times, self.file.rows)]
        nobody = [who for who in nobody if who.strip().lower() not in ("nan", "null", "none")]
        if nobody:
            self.told.settings["no_customer_values"] = [who.strip() for who in nobody]
        known = [who for who in counts if who not in nobody]
        if known and counts[known[0]] > max(30, 0.01 * self.file.rows) and len(known) > 20:
            next_one = counts[known[1]]
            if counts[known[0]] > 3 * next_one:
                self._doubt(
                    "no_customer_values",
                    f"{known[0]} has {counts[known[0]]:,} rows, {known[1]} only {next_one:,}; if "
                    "it stands for guests, name it here.",
                )
        by_blanks, by_case = self.file.differ_by_case_or_blanks(column)
        addresses = sum("@" in who for who in counts)
        if by_case > by_blanks or (counts and addresses > 0.8 * len(counts)):
            self.told.settings["normalize_customer_id"] = "lower_trim"
            if by_case > by_blanks and addresses <= 0.8 * len(counts):
                self._doubt(
                    "normalize_customer_id",
                    f"{by_case} ids differ from another one by case or blanks alone.",
                )
        elif by_blanks:
            self.told.settings["normalize_customer_id"] = "trim"

    def _dates(self) -> None:
        customer, time = self.columns.get("customer_id"), self.columns.get("ordered_at")
        if customer is None or time is None:
            return
        sql = time_of_text(quoted(time), self.written_as)
        *first, last = self.file.first_times(customer, sql)
        if not first or last is None:
            return
        if len(first) == self.file.rows:
            self._doubt(
                "transaction_columns",
                f"Each row has a {customer} of its own, so nobody comes back: it may be the "
                "number of the order.",
            )
        # YAML reads a date without quotes as a date.
        given = str(self.given.get("first_evaluation_date") or "")
        if f"{first[0]:%Y-%m-%d}" < given < f"{last:%Y-%m-%d}":
            return
        date, weeks = dates_of(first, last)
        if date is None:
            self._doubt(
                "first_evaluation_date",
                f"{len(first):,} customers from {first[0]:%Y-%m-%d} to {last:%Y-%m-%d} are too "
                "few, or too short a time, for a contract.",
            )
        else:
            self.told.settings["first_evaluation_date"] = date
        self.told.settings["evaluation_interval_weeks"] = weeks

    def _doubt(self, var: str, sentence: str) -> None:
        self.told.doubts[var].append(sentence)


_ORDERED = [*NAMES]
_ORDERED = ["customer_id", "ordered_at", "amount", "unit_price", "items", *_ORDERED]
_ORDERED = [column for column in dict.fromkeys(_ORDERED) if column != "currency"]
_NUMBERS = ["amount", "unit_price", "refunded_amount", "items"]


def _counts_not(status: str, knows_refunds: bool) -> bool:
    words = status.split()
    if any(word.startswith(part) for word in words for part in _IN_PART):
        return False
    if any(word.startswith(start) for word in words for start in _NO_ORDER):
        return True
    return not knows_refunds and any(w.startswith(start) for w in words for start in _GIVEN_BACK)


def _is_nobody(who: str, times: int, rows: int) -> bool:
    """Whether an id reads like a guest account."""
    plain = plain_name(who)
    if "@" in who:
        return who.strip().lower().partition("@")[0] in _NOBODY_ADDRESS
    if plain in ("0", "00000"):
        return times > 0.01 * rows
    if not plain:
        return bool(who.strip())
    return plain in _NOBODY


def _either(names: Sequence[str]) -> str:
    shown = [*names][:3]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
