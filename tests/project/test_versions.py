"""The oldest versions that pyproject.toml allows build the same marts as the locked ones."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_repeatability import assert_same_marts

from conftest import ROOT

pytestmark = pytest.mark.slow


def uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or str(beside)


def test_the_oldest_versions_build_the_same_marts(shop_data, shop_warehouse, tmp_path):
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "target", "data", "uv.lock", "warehouse", "__pycache__"
    )
    shutil.copytree(ROOT, project, ignore=ignored)
    declared = project / "pyproject.toml"
    text, ranges = re.subn(
        r'"(dbt-core|dbt-duckdb|duckdb)~=([\d.]+)"', r'"\1==\2"', declared.read_text()
    )
    assert ranges == 3
    declared.write_text(text)
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment |= {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([uv(), "sync", "--quiet", "--no-dev"], cwd=project, env=environment, check=True)
    warehouse = tmp_path / "shop.duckdb"
    built = subprocess.run(
        [project / ".venv/bin/dbt", "build", "--exclude-resource-type", "unit_test"],
        cwd=project,
        env=environment | {"SEGMENTS_DATA": str(shop_data), "SEGMENTS_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout
    assert_same_marts(shop_warehouse, warehouse)
