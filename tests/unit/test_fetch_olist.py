"""The download, with a stand-in for Kaggle's client."""

import hashlib
import os
import stat
import sys
import zipfile
from types import SimpleNamespace

import pytest

import fetch_olist


def rows_of(name):
    return f"rows of {name}".encode()


def publish(monkeypatch):
    """Let these rows be the published ones."""
    for name in fetch_olist.CHECKSUMS:
        checksum = hashlib.sha256(rows_of(name)).hexdigest()
        monkeypatch.setitem(fetch_olist.CHECKSUMS, name, checksum)


@pytest.fixture
def kaggle(tmp_path, monkeypatch):
    """Kaggle's answer: the folder that a download lands in, whole at first."""
    downloaded = tmp_path / "cache"
    downloaded.mkdir()
    for name in fetch_olist.FILES:
        (downloaded / name).write_bytes(rows_of(name))
    publish(monkeypatch)
    client = SimpleNamespace(dataset_download=lambda dataset: str(downloaded))
    monkeypatch.setitem(sys.modules, "kagglehub", client)
    return SimpleNamespace(folder=downloaded, client=client)


def test_the_nine_files_arrive(kaggle, tmp_path):
    fetch_olist.fetch(tmp_path / "olist")
    assert sorted(path.name for path in (tmp_path / "olist").iterdir()) == sorted(fetch_olist.FILES)


def test_a_download_that_lacks_a_file_leaves_nothing(kaggle, tmp_path):
    (kaggle.folder / "olist_orders_dataset.csv").unlink()
    with pytest.raises(fetch_olist.FetchError, match=r"lacks olist_orders_dataset\.csv"):
        fetch_olist.fetch(tmp_path / "olist")
    assert not (tmp_path / "olist").exists()


def test_an_unreachable_kaggle_is_reported_in_one_line(kaggle, tmp_path, monkeypatch, capsys):
    def refuse(dataset):
        raise ConnectionError("no route to host")

    kaggle.client.dataset_download = refuse
    monkeypatch.setattr(sys, "argv", ["fetch_olist.py", str(tmp_path / "olist")])
    assert fetch_olist.main() == 1
    assert "Kaggle did not deliver olistbr/brazilian-ecommerce: no route to host" in (
        capsys.readouterr().err
    )


def test_a_missing_client_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(fetch_olist.FetchError, match="make fetch-olist"):
        fetch_olist.fetch(tmp_path / "olist")


def test_existing_files_are_left_alone(kaggle, tmp_path):
    (tmp_path / "mine.csv").write_text("precious")
    with pytest.raises(fetch_olist.FetchError, match="is not empty"):
        fetch_olist.fetch(tmp_path)


CUSTOMERS = "olist_customers_dataset.csv"


def add(name, content=b"rows", mode=0o100644):
    def change(archive, folder):
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, content, zipfile.ZIP_DEFLATED)

    return change


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Make an archive of the nine files; `changed` replaces one, `added` adds members."""

    def make(added=None, **changed):
        path = tmp_path / "archive.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in fetch_olist.FILES:
                if name not in changed.get("without", ()):
                    archive.writestr(name, changed.get("rows", {}).get(name, rows_of(name)))
            if added:
                added(archive, tmp_path)
        return path

    publish(monkeypatch)
    return make


def test_an_archive_is_unpacked(packed, tmp_path):
    fetch_olist.fetch(tmp_path / "olist", packed())
    assert (tmp_path / "olist" / CUSTOMERS).read_bytes() == rows_of(CUSTOMERS)
    assert len(list((tmp_path / "olist").iterdir())) == 9


@pytest.mark.parametrize(
    ("hostile", "told"),
    [
        ({"added": add("../escaped.csv")}, "which is no file of the data set"),
        ({"added": add(f"../olist/{CUSTOMERS}")}, "which is no file of the data set"),
        ({"added": add("/escaped.csv")}, "which is no file of the data set"),
        ({"added": add("..\\\\escaped.csv")}, "which is no file of the data set"),
        ({"added": add("evil.py")}, "holds 'evil.py'"),
        ({"added": add("folder/")}, "which is no file of the data set"),
        (
            {
                "without": [CUSTOMERS],
                "added": add(CUSTOMERS, b"/etc/passwd", stat.S_IFLNK | 0o777),
            },
            "is a link, not a file",
        ),
        ({"rows": {CUSTOMERS: b"other rows"}}, "is not the published file: its SHA-256 is"),
        ({"without": [CUSTOMERS]}, f"lacks {CUSTOMERS}"),
    ],
)
def test_a_hostile_archive_leaves_nothing(packed, tmp_path, hostile, told):
    with pytest.raises(fetch_olist.FetchError, match=told):
        fetch_olist.fetch(tmp_path / "place" / "olist", packed(**hostile))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["archive.zip", "place"]


def test_a_name_that_comes_twice_is_refused(packed, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = packed(added=add(CUSTOMERS))
    with pytest.raises(fetch_olist.FetchError, match="more than once"):
        fetch_olist.fetch(tmp_path / "olist", archive)


def test_a_file_that_unpacks_to_too_much_stops(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_olist, "MOST_BYTES", 3_000_000)
    archive = packed(without=[CUSTOMERS], added=add(CUSTOMERS, bytes(50_000_000)))
    assert archive.stat().st_size < 100_000
    with pytest.raises(fetch_olist.FetchError, match=r"has more than 3,000,000 bytes"):
        fetch_olist.fetch(tmp_path / "olist", archive)
    assert not (tmp_path / "olist").exists()


def test_what_is_no_archive_is_reported(packed, tmp_path):
    archive = packed()
    damaged = bytearray(archive.read_bytes())
    damaged[45:60] = os.urandom(15)
    archive.write_bytes(damaged)
    with pytest.raises(fetch_olist.FetchError, match="no zip file that can be read"):
        fetch_olist.fetch(tmp_path / "olist", archive)
    archive.write_text("no archive")
    with pytest.raises(fetch_olist.FetchError, match="no zip file that can be read"):
        fetch_olist.fetch(tmp_path / "olist", archive)


def test_a_link_in_the_download_is_refused(kaggle, tmp_path):
    (kaggle.folder / CUSTOMERS).unlink()
    (kaggle.folder / CUSTOMERS).symlink_to("/etc/passwd")
    with pytest.raises(fetch_olist.FetchError, match="is a link, not a file"):
        fetch_olist.fetch(tmp_path / "olist")
