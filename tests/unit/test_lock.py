"""What is installed is what was locked: every package by its hash."""

import re
import tomllib

from conftest import ROOT


def test_every_locked_package_has_a_hash():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    assert len(lock["package"]) > 50
    for package in lock["package"]:
        if package["source"] == {"editable": "."}:
            continue
        assert "registry" in package["source"], package["name"]
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", file.get("hash", "")), file


def test_make_installs_what_is_locked():
    makefile = (ROOT / "Makefile").read_text()
    synced = [line for line in makefile.splitlines() if "$(UV) sync" in line]
    assert synced
    assert all("--frozen" in line for line in synced)
