"""The library and the dbt project are of one version, or a run says which to install."""

import re
import tomllib

import pytest
import yaml

from conftest import ROOT
from segmentation_dbt import versions
from segmentation_dbt.faults import UserError


def test_the_version_is_written_alike_in_each_place():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    assert declared["name"] == versions.DISTRIBUTION
    assert declared["version"] == project["version"]
    asked = re.findall(r"check_library\('(.+?)'\)", (ROOT / "dbt_project.yml").read_text())
    assert asked == [project["version"]]
    assert f"revision: v{project['version']}" in (ROOT / "docs/guides/package.md").read_text()
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_library_that_is_installed_goes_with_the_project():
    versions.check_library(
        version=yaml.safe_load((ROOT / "dbt_project.yml").read_text())["version"]
    )


def test_another_version_is_told():
    with pytest.raises(UserError, match=r"is of version 9\.9\.9, but .* pip install customer-segm"):
        versions.check_library(version="9.9.9")


def test_a_library_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(versions, "DISTRIBUTION", "no-such-distribution-of-segments")
    with pytest.raises(UserError, match="is not installed by pip"):
        versions.check_library(version="0.2.0")
