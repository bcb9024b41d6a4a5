"""A lock is held once, and nothing stays of it."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from carousel_agents.system import locks
from carousel_agents.system.locks import locked
from carousel_envs import CarouselError
from support.lock_contention import contend


@pytest.mark.slow
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


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
@pytest.mark.parametrize("wait", [True, False])
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch, code, wait):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(CarouselError, match=r"lock cannot be locked \(.*\); the folder must lie on"),
        locked(tmp_path / "lock", "runs/x", wait=wait),
    ):
        pytest.fail("entered without a lock")
    # locks may have run out while another process holds this one
    assert (tmp_path / "lock").exists() is (code == errno.ENOLCK)


def test_a_system_without_locks_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with pytest.raises(CarouselError, match="no file locks"), locked(tmp_path / "lock", "runs/x"):
        pytest.fail("entered without a lock")
