"""The download, with a stand-in for Kaggle's client."""

import sys
from types import SimpleNamespace

import pytest

import fetch_olist


@pytest.fixture
def kaggle(tmp_path, monkeypatch):
    """Kaggle's answer: the folder that a download lands in, whole at first."""
    downloaded = tmp_path / "cache"
    downloaded.mkdir()
    for name in fetch_olist.FILES:
        (downloaded / name).write_text(f"rows of {name}")
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


def test_an_unreachable_kaggle_is_told_in_one_line(kaggle, tmp_path, monkeypatch, capsys):
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
