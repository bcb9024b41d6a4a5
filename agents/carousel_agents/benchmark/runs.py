"""Training runs and the folder that keeps them.

A store is a folder with one folder per run, `ENV[@CHANGE,...]/ALGO[-history8][-context]/seed-N`,
which holds

    policy.safetensors    the policy
    run.json              what was asked for, where it stands, and what came of it
    training.checkpoint   only until the run is done: an interrupted run goes on from here

Each file is written whole or not at all. `run.json` names what was asked for (its *request*), so a
finished run is never run again, and one that was asked for differently is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from carousel_envs import CarouselError
from carousel_envs.foundation.files import clear_parts, read_whole, unreadable, write_whole
from carousel_envs.registry import short_name

from ..generalisation.changed_population import population_of
from ..learning.policy_format import LARGEST_BYTES
from ..learning.view import View
from ..system.locks import locked
from ..system.sealed_documents import sealed, unsealed
from .record import refuse_damaged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

    from ..learning.train import Run as Training

FORMAT = 1
State = Literal["new", "started", "done", "other"]
PRESENT = View()
"""The present observation alone."""


@dataclass(frozen=True)
class Run:
    """One policy to be trained and evaluated.

    Attributes:
        environment: id of the environment.
        algorithm: one of `learning.settings.ALGORITHMS`.
        seed: of the training.
        view: what the network sees.
        steps: environment steps; None: the budget of the algorithm's preset.
        users: sessions of the evaluation after training.
        evaluation_seed: of these sessions.
        curve: evaluations during training, evenly spaced, the last at its end.
        changes: of its population's fields, each "field=value", of training and of evaluation.
        shifts: of that population, each "axis=severity".
        settings: what is changed in the algorithm's preset, as (name, value).
        label: names what is changed, in the router's name; empty if nothing is.
        users_label: names the changed users in the store, in place of what is changed; or empty.
    """

    environment: str
    algorithm: str
    seed: int
    view: View = PRESENT
    steps: int | None = None
    users: int = 20_000
    evaluation_seed: int = 1
    curve: int = 20
    changes: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    users_label: str = ""

    @property
    def router(self) -> str:
        """Algorithm, label and view in one word (`View.named`)."""
        return self.view.named(self.algorithm, self.label)

    @property
    def users_name(self) -> str:
        """Who is trained on, such as `Boredom` or `Boredom@hazard=1`."""
        changed = self.users_label or ",".join((*self.changes, *self.shifts)).replace(" ", "")
        return f"{short_name(self.environment)}{'@' * bool(changed)}{changed}"

    @property
    def group(self) -> str:
        """What the seeds of one experiment share, such as `Boredom/ppo`."""
        return f"{self.users_name}/{self.router}"

    @property
    def name(self) -> str:
        """Where the run lies in a store, such as `Boredom/ppo/seed-0`."""
        return f"{self.group}/seed-{self.seed}"

    @property
    def population(self) -> AnyPopulation:
        """The users, of training and of evaluation."""
        return population_of(self.environment, self.changes, self.shifts)

    def training(self) -> Training:
        """How the policy is trained; importing what this needs imports torch.

        Raises:
            CarouselError: the parts do not go together.
        """
        from ..learning.train import Run as Training

        return Training.of(
            self.population,
            environment=self.environment,
            algorithm=self.algorithm,
            steps=self.steps,
            settings=dict(self.settings),
            label=self.label,
            seed=self.seed,
            view=self.view,
            curve=self.curve,
        )

    def request(self) -> dict[str, Any]:
        """All that decides what comes of the run, but for versions, as plain JSON data: that of the
        training (`learning.train.Run.request`), with the settings as the preset has them now, and
        of the evaluation."""
        training = self.training().request()
        del training["versions"]
        # left out where there are none, as records of the environment's own users always did
        named = {
            "changes": self.changes,
            "shifts": self.shifts,
            "label": self.label,
            "users_label": self.users_label,
        }
        document = {
            **training,
            **{name: told for name, told in named.items() if told},
            "evaluation": {"users": self.users, "seed": self.evaluation_seed},
        }
        # as it comes back from a file: tuples as lists, and so on
        plain: dict[str, Any] = json.loads(json.dumps(document))
        return plain

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Run:
        """The run that asked for this, as far as its name, users and budget go."""
        return cls(
            environment=request["environment"],
            algorithm=request["algorithm"],
            seed=request["seed"],
            view=View(**request["view"]),
            steps=request["settings"]["steps"],
            users=request["evaluation"]["users"],
            evaluation_seed=request["evaluation"]["seed"],
            curve=request["curve"],
            changes=tuple(request.get("changes", ())),
            shifts=tuple(request.get("shifts", ())),
            label=request.get("label", ""),
            users_label=request.get("users_label", ""),
        )


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def policy(self) -> Path:
        return self.path / "policy.safetensors"

    @property
    def record_file(self) -> Path:
        return self.path / "run.json"

    @property
    def checkpoint(self) -> Path:
        return self.path / "training.checkpoint"

    def record(self) -> dict[str, Any] | None:
        """What `run.json` says; None if there is none.

        Raises:
            CarouselError: it cannot be read, or is no record of a run.
        """
        try:
            document: dict[str, Any] = json.loads(read_whole(self.record_file))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(self.record_file, error) from None
        except (ValueError, RecursionError):
            raise CarouselError(f"{self.record_file} is damaged: it is no JSON") from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise CarouselError(
                f"{self.record_file} is no record of a run in the format of this version, {FORMAT}"
            )
        refuse_damaged(self.record_file, document)
        try:
            return unsealed(document)
        except ValueError as error:
            raise CarouselError(
                f"{self.record_file} is damaged: {error}; remove its folder to run it anew"
            ) from None

    def write(self, record: Mapping[str, Any]) -> None:
        """Replace `run.json`."""
        write_whole(self.record_file, sealed({"format": FORMAT, **record}))

    def state(self, request: Mapping[str, Any]) -> State:
        """Where the run stands.

        Returns:
            "new": nothing is there. "done": finished, as requested, and its policy is the one it
            wrote. "started": begun as requested, or failed, or its policy was lost. "other":
            something else is there, which must not be replaced unasked.
        """
        record = self.record()
        if record is None:
            return "other" if self.policy.exists() or self.checkpoint.exists() else "new"
        if record["request"] != request:
            return "other"
        return "done" if self.finished(record) else "started"

    def finished(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is that of a finished run whose policy is still there, unchanged."""
        done: bool = record["status"] == "done"
        return done and record["policy_sha256"] == self.policy_digest()

    def policy_digest(self) -> str | None:
        """SHA-256 of the policy file, hexadecimal; None if it is missing."""
        try:
            return hashlib.sha256(read_whole(self.policy, LARGEST_BYTES)).hexdigest()
        except OSError:
            return None

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    def locked(self, what: str) -> AbstractContextManager[None]:
        """Keep every other process from this run, and wait for the one that is at it.

        Args:
            what: the run, by name.
        """
        return locked(self.lock, what, wait=True)

    def tidy(self, what: str) -> None:
        """Remove what a process that was killed after a run's end has left."""
        if self.checkpoint.exists() or self.lock.exists() or any(self.path.glob(".*.part")):
            with self.locked(what):
                self.checkpoint.unlink(missing_ok=True)
                self.clear_parts()

    def clear(self) -> None:
        """Remove what a run writes, and what an interrupted write left; nothing else."""
        for path in (self.record_file, self.checkpoint, self.policy):
            path.unlink(missing_ok=True)
        self.clear_parts()

    def clear_parts(self) -> None:
        """Remove what interrupted writes left."""
        clear_parts(self.path)


@dataclass(frozen=True)
class RunStore:
    """A folder of runs."""

    path: Path

    def folder(self, run: Run) -> RunFolder:
        """Where a run lies."""
        return RunFolder(self.path / run.name)

    def finished(self) -> tuple[list[dict[str, Any]], int]:
        """The records of all finished runs, by name, and the number of those that are not finished.

        Raises:
            CarouselError: there is no such folder, no run in it, or a damaged record.
        """
        if not self.path.is_dir():
            raise CarouselError(f"{self.path} is no folder of runs: there is no such folder")
        records, open_runs = {}, 0
        for file in self.path.glob("*/*/seed-*/run.json"):
            folder = RunFolder(file.parent)
            record = folder.record()
            if record is not None and folder.finished(record):
                key = _key(record)
                if key in records:
                    raise CarouselError(f"{self.path} holds {Run.of(record['request']).name} twice")
                records[key] = record
            else:
                open_runs += 1
        if not records:
            raise CarouselError(
                f"{self.path} holds no finished run ({open_runs} begun)"
                if open_runs
                else f"{self.path} holds no run; `carousel grid` fills such a folder"
            )
        return [records[key] for key in sorted(records)], open_runs


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """The first thing in which two different requests disagree: its name, and the two values;
    "nothing" where one of them does not have it."""
    first, second = _flat(one), _flat(other)
    return next(
        (key, first.get(key, "nothing"), second.get(key, "nothing"))
        for key in (*second, *first)
        if first.get(key, "nothing") != second.get(key, "nothing")
    )


def _flat(request: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in request.items():
        flat |= (
            {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
        )
    return flat


def _key(record: Mapping[str, Any]) -> tuple[Any, ...]:
    run = Run.of(record["request"])
    view = (run.view.history, run.view.visible_context)
    return (run.users_name, run.algorithm, run.label, *view, run.seed)
