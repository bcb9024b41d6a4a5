"""Training that is interrupted and goes on."""

from pathlib import Path

from carousel_agents.learning import PolicyFile, callback
from carousel_agents.learning.train import execute


class KilledError(Exception):
    """What stands in for a kill, at a place of our choosing."""


def interrupt_after(monkeypatch, *saves: int) -> None:
    """Stop the run right after these checkpoints, counted over all attempts."""
    done = 0
    save = callback.save_checkpoint

    def spy(*arguments):
        nonlocal done
        save(*arguments)
        done += 1
        if done in saves:
            raise KilledError

    monkeypatch.setattr(callback, "save_checkpoint", spy)


def until_done(run, path: Path) -> PolicyFile:
    for _ in range(10):
        try:
            return execute(run, checkpoint=path, checkpoint_seconds=0.0)
        except KilledError:
            continue
    raise AssertionError("killed more often than asked for")


def contents(file: PolicyFile, tmp_path: Path) -> bytes:
    """A policy file without what may differ."""
    file.training.update(
        seconds=0.0, resumed=0, curve=[p["engagement"] for p in file.training["curve"]]
    )
    file.save(tmp_path / "contents")
    return (tmp_path / "contents").read_bytes()
