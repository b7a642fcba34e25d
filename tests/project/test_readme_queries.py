"""The queries of the README run on what `make export` writes."""

import re

import duckdb
import pytest

import export
from conftest import ROOT


def queries():
    """The SQL of the section for BI tools, by the question in its first line."""
    section = re.search(
        r"^## For BI tools\n(.*?)^## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )[1]
    blocks = re.findall(r"^```sql\n-- (.+?)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return dict(blocks)


QUERIES = queries()


@pytest.fixture(scope="module")
def exported(shop_warehouse, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    export.export(shop_warehouse, folder)
    with duckdb.connect(str(folder / "segments.duckdb"), read_only=True) as connection:
        yield connection


def test_the_section_has_queries():
    assert len(QUERIES) == 7


@pytest.mark.parametrize("question", QUERIES)
def test_every_query_runs(exported, question):
    answer = exported.execute(QUERIES[question]).df()
    assert len(answer.columns) >= 3
    # In the small shop nobody slips, and nobody is about to.
    assert len(answer) or question.startswith(("Who are my VIPs", "Who has slipped"))
