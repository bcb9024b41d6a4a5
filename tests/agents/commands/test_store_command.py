"""`carousel store`: what is kept, and removing it."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carousel_agents.commands.app import app
from carousel_envs import CarouselError, Population
from carousel_envs.reference import store

NAMES = ("old", "new")


def carousel(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["store", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAROUSEL_CACHE", str(tmp_path))
    for i, name in enumerate(NAMES):
        path = store.entry_path(name, Population.preset("Boredom"))
        assert path is not None
        path.write_bytes(bytes(1000))
        os.utime(path, (10**9 + i, 10**9 + i))
    return tmp_path


def test_entries_are_listed_and_the_oldest_is_removed_first(place: Path):
    document = json.loads(carousel("list", "--json"))
    assert document["folder"] == str(place)
    assert [entry["entry"].partition("-")[0] for entry in document["entries"]] == ["old", "new"]
    assert all(entry["current"] and entry["bytes"] == 1000 for entry in document["entries"])
    assert "2 entries, 2,000 of 1,073,741,824 bytes" in carousel("list")
    assert carousel("prune") == "0 entries removed, 0 bytes\n"
    assert carousel("prune", "--bytes", "1999") == "1 entries removed, 1,000 bytes\n"
    assert [path.name.partition("-")[0] for path in place.iterdir()] == ["new"]
    assert json.loads(carousel("prune", "--bytes", "0", "--json"))["bytes"] == 1000
    assert list(place.iterdir()) == []
    with pytest.raises(CarouselError, match="--bytes is -1"):
        carousel("prune", "--bytes", "-1")


def test_without_a_store_nothing_is_listed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CAROUSEL_CACHE", "")
    assert carousel("list").startswith("0 entries")
    assert json.loads(carousel("list", "--json"))["folder"] is None


def test_what_cannot_be_removed_is_told(place: Path, monkeypatch: pytest.MonkeyPatch):
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name.startswith("old"):
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(CarouselError, match="still holds 1000 bytes"):
        carousel("prune", "--bytes", "0")
    assert [path.name.partition("-")[0] for path in place.iterdir()] == ["old"]
