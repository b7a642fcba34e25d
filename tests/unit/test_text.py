"""Sentences take the shop's format, whoever wrote them."""

from datetime import date

import pytest

from reporting.text import (
    FormatError,
    chart_formats,
    day,
    html,
    integer,
    money,
    month,
    number,
    plain,
    share,
    use_format,
)


@pytest.fixture
def shop():
    yield use_format
    use_format("R$", "en-GB")


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("en-GB", "3 September 2018, March 2018: 1,234.5; € 5.50 and € 12,346 are 7.0%"),
        ("en-US", "September 3, 2018, March 2018: 1,234.5; € 5.50 and € 12,346 are 7.0%"),
        ("de-DE", "3. September 2018, März 2018: 1.234,5; 5,50 € and 12.346 € are 7,0\u00a0%"),
        ("pt-BR", "3 de setembro de 2018, março de 2018: 1.234,5; € 5,50 and € 12.346 are 7,0%"),
    ],
)
def test_numbers_and_dates_are_written_as_the_shop_does(shop, locale, written):
    shop("€", locale)
    spring = month(date(2018, 3, 1))
    told = f"{day(date(2018, 9, 3))}, {spring}: {number(1234.5)}; {money(5.5)} and "
    assert plain(f"{told}{money(12345.6)} are {share(0.07)}") == written


def test_sentences_of_the_marts_take_the_same_format(shop):
    shop("€", "de-DE")
    told = "Of 2018-01-29, 18.9 % agree at 0.80; 95 % of kmeans-4 in 1.12.6, not 2018-13-40."
    assert plain(told) == (
        "Of 29. Januar 2018, 18,9\u00a0% agree at 0,80; 95\u00a0% of kmeans-4 in 1.12.6, "
        "not 2018-13-40."
    )
    assert html("<2018-01-29>") == '&lt;<time datetime="2018-01-29">29. Januar 2018</time>&gt;'


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_a_number_that_rounds_to_nothing_has_no_sign(shop, locale):
    shop("€", locale)
    assert plain(f"{number(-0.001)} {number(0.0)} {integer(-0.2)}") == "0 0 0"


def test_charts_have_the_shop_s_names_of_days_and_marks_in_numbers(shop):
    shop("€", "fr-FR")
    formats = chart_formats()
    assert formats["number"]["decimal"] == ","
    # Vega's week begins on Sunday.
    assert formats["time"]["days"][:2] == ["dimanche", "lundi"]
    assert formats["time"]["shortMonths"][0] == "janv"
    assert len(formats["time"]["months"]) == 12


def test_a_locale_that_is_not_known_is_named(shop):
    with pytest.raises(FormatError, match=r"The var locale is xx-YY.*en-GB or pt-BR would do"):
        shop("€", "xx-YY")


def test_what_looks_like_a_number_in_the_data_and_is_none_stays_as_it_is():
    for forged in ("⟦date:2018-13-40⟧", "⟦month:soon⟧", "⟦money:much⟧", "⟦share:1.2.3⟧"):
        assert plain(forged) == forged
        assert html(f"<{forged}>") == f"&lt;{forged}&gt;"
