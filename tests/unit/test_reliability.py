"""docs/reliability.md tells what the record of `make test-faults` holds."""

from collections import Counter

import pytest

import reliability
from reliability import FAULTS, PAGE, RECORD_OF_RUN

RECORD = reliability.read_record()


def test_the_page_is_that_of_the_record():
    assert PAGE.read_text(encoding="utf-8") == reliability.page(RECORD)


def test_the_record_is_of_known_faults_and_many_kills():
    injected = Counter(line["fault"] for line in RECORD)
    assert set(injected) == set(FAULTS)
    assert injected["kill"] >= 50


def test_after_each_fault_the_marts_are_old_or_new_and_heal():
    for line in RECORD:
        assert line["stood"] in (["none"] if line["fault"] == "no backup" else ["old", "new"])
        assert line["healed_by"] in ("itself", "the next")


def test_the_page_counts_lines_of_the_record():
    kills = [{"fault": "kill", "case": "dbt killed", "stood": "old", "healed_by": "the next"}] * 3
    page = reliability.page(kills)
    (row,) = (line for line in page.splitlines() if line.startswith("| **kill**"))
    assert "| 3 | 3 | 0 | 0 | 3 |" in row
    assert all(f"**{name}**" in page for name in FAULTS)


def test_a_run_without_a_record_writes_none_and_one_with_it_appends(tmp_path, monkeypatch):
    record = tmp_path / "record.csv"
    monkeypatch.delenv(RECORD_OF_RUN, raising=False)
    reliability.append("kill", "dbt killed", "old", "the next")
    monkeypatch.setenv(RECORD_OF_RUN, str(record))
    for stood in ("old", "new"):
        reliability.append("kill", "dbt killed", stood, "the next")
    assert [line["stood"] for line in reliability.read_record(record)] == ["old", "new"]
    with pytest.raises(AssertionError):
        reliability.append("no such fault", "", "old", "")
