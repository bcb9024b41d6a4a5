"""A lock is held once, and nothing stays of it."""

from pathlib import Path

import pytest
from lock_contention import contend

from carousel_agents.locks import locked
from carousel_envs import CarouselError


def test_processes_that_contend_are_never_two_inside(tmp_path: Path):
    assert contend(tmp_path, 4, 500) == [0, 0, 0, 0]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_held_refuses_by_name(tmp_path: Path):
    with locked(tmp_path / "lock", "runs/x"):
        with (
            pytest.raises(CarouselError, match="runs/x is being written by another process"),
            locked(tmp_path / "lock", "runs/x"),
        ):
            pass
        # who was refused has not removed it
        assert (tmp_path / "lock").exists()
    assert not (tmp_path / "lock").exists()
