"""Reference pages are fresh, the README is short, and links lead somewhere."""

import re
import subprocess
import sys

import pytest

from conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_reference_pages_are_fresh():
    command = [sys.executable, str(ROOT / "scripts" / "make_reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_has_every_decision_once():
    index = re.findall(r"\]\((docs/decisions/[^)]+)\)", (ROOT / "DECISIONS.md").read_text())
    records = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs/decisions").glob("*.md"))
    assert sorted(index) == records
