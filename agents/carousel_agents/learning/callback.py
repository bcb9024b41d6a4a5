"""What happens between two rollouts: schedules, checks, checkpoints, the curve, reports."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from carousel_envs.foundation.errors import real_number
from carousel_envs.foundation.files import check_writable
from carousel_envs.rollout import rollout

from .checkpoint import save_checkpoint
from .divergence import refuse_not_finite
from .extract import Provenance, policy_file_of
from .learned_router import LearnedRouter
from .levels.vec_env import LevelsVecEnv
from .run import versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .checkpoint import SavedProgress
    from .policy_file import PolicyFile
    from .run import Run

    Point = dict[str, float]
    """A `CurvePoint` as plain data."""

CHECKPOINT_SECONDS = 15.0
CURVE_USERS = 2000
# Far from the seeds of evaluations, references and training: the sessions of the curve are neither
# trained on nor reported.
_CURVE_SEED = 2**61 + 2**60
_REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """Where a training run stands.

    Attributes:
        steps: environment steps so far.
        total: environment steps in all.
        mean_return: over the last hundred sessions; NaN before any has ended.
    """

    steps: int
    total: int
    mean_return: float


@dataclass(frozen=True)
class Outputs:
    """What a run gives on the way, apart from its policy.

    Attributes:
        report: called after every rollout, at most ten times a second.
        checkpoint: file to go on from if it is there, and to keep the state in; it stays when
            training is done (`checkpoint.discard`), until its policy is safe.
        checkpoint_seconds: training time between two checkpoints, 0 to 3600.
        tensorboard: folder for TensorBoard's logs.
        on_point: called with every new point of the curve; what it raises stops the run.

    Raises:
        CarouselError: checkpoint_seconds is out of range, or the checkpoint cannot be written.
    """

    report: Callable[[Progress], None] | None = None
    checkpoint: Path | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    tensorboard: Path | None = None
    on_point: Callable[[Point], None] | None = None

    def __post_init__(self) -> None:
        real_number("checkpoint_seconds", self.checkpoint_seconds, 0.0, 3600.0)
        if self.checkpoint:
            check_writable(self.checkpoint)


class TrainingCallback(BaseCallback):
    """Follows a run from rollout to rollout, and knows its policy.

    Args:
        run: what is trained.
        outputs: what it gives on the way.
    """

    def __init__(self, run: Run, outputs: Outputs) -> None:
        super().__init__()
        self._run, self._outputs = run, outputs
        self._curve: list[Point] = []
        self._resumed = 0
        self._trained = 0.0  # seconds, without what is done here
        self._since = time.perf_counter()
        self._kept_at = self._reported_at = 0.0
        ent_coef = getattr(run.settings, "ent_coef", None)
        until = getattr(run.settings, "ent_coef_until", 0.0) * run.steps
        self._entropy = None if ent_coef is None else (ent_coef, until)

    def go_on(self, kept: SavedProgress) -> None:
        """Take up what a checkpoint kept."""
        self._curve = [point.model_dump() for point in kept.curve]
        self._trained = self._kept_at = kept.seconds
        self._resumed = kept.resumed + 1

    def finish(self, model: Any) -> None:
        """What is due after the last update."""
        self.model = model
        self._pause(model)
        self._reported_at = 0.0
        self._report()

    def policy(self, model: Any) -> PolicyFile:
        """The policy as it stands."""
        run = self._run
        training = {
            "steps": model.num_timesteps,
            "seed": run.seed,
            "seconds": round(self._trained, 3),
            "settings": run.settings.model_dump(mode="json"),
            "resumed": self._resumed,
            "curve": list(self._curve),
            **({"label": run.label} if run.label else {}),
            **run.levels_document(),
            **_division(model),
        }
        provenance = Provenance(
            population=run.population,
            environment=run.environment,
            algorithm=run.algorithm,
            view=run.view,
            training=training,
            versions=versions(run.algorithm),
        )
        return policy_file_of(model, provenance)

    def _on_training_start(self) -> None:
        self._since = time.perf_counter()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # after an update, or before the first
        self._pause(self.model)
        self._report()
        _divide_anew(self.model)

    def _on_rollout_end(self) -> None:
        if self._entropy is not None:
            ent_coef, until = self._entropy
            left = max(0.0, 1.0 - self.num_timesteps / until) if until else 0.0
            self.model.ent_coef = ent_coef * left  # type: ignore[attr-defined]

    def _pause(self, model: Any) -> None:
        """Stop the clock, do what is due, go on."""
        now = time.perf_counter()
        self._trained += now - self._since
        refuse_not_finite(model)
        self._add_point(model)
        self._keep(model)
        self._since = time.perf_counter()

    def _add_point(self, model: Any) -> None:
        """The next point of the curve, if it is due."""
        run = self._run
        if not run.curve or not model.num_timesteps:
            return
        due = len(self._curve) + 1
        if model.num_timesteps * run.curve < due * run.steps:
            return
        acting = LearnedRouter(self.policy(model), "training")
        sessions = rollout(run.population, acting, CURVE_USERS, _CURVE_SEED)
        self._curve.append(
            {
                "steps": model.num_timesteps,
                "seconds": round(self._trained, 3),
                "engagement": sessions.mean,
            }
        )
        if self._outputs.on_point:
            self._outputs.on_point(self._curve[-1])

    def _keep(self, model: Any) -> None:
        """A checkpoint, if one is due."""
        path = self._outputs.checkpoint
        if not path or self._trained - self._kept_at < self._outputs.checkpoint_seconds:
            return
        self._kept_at = self._trained
        progress = {"curve": self._curve, "seconds": self._trained, "resumed": self._resumed}
        save_checkpoint(path, model, self._run.request(), progress)

    def _report(self) -> None:
        report = self._outputs.report
        if report is None or time.perf_counter() - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = time.perf_counter()
        late = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        mean = float(np.mean(late)) if late else float("nan")
        report(Progress(self.model.num_timesteps, self._run.steps, mean))


def _divide_anew(model: Any) -> None:
    """Divide lanes among levels anew, if that is due, and start sessions in all of them.

    To the learner the sessions that are cut short go on. A rollout that ended has been valued so by
    then; a memory of earlier turns is told, because returns of several turns are read from it.
    """
    lanes = model.env.unwrapped
    if not (isinstance(lanes, LevelsVecEnv) and lanes.divide()):
        return
    model._last_obs = model.env.reset()
    model._last_episode_starts = np.ones(model.env.num_envs, dtype=np.bool_)
    replay = getattr(model, "replay_buffer", None)
    if replay is not None:
        last = replay.pos - 1
        replay.timeouts[last] = np.logical_or(replay.timeouts[last], replay.dones[last] == 0.0)


def _division(model: Any) -> dict[str, Any]:
    """How the lanes of a run by regret are divided, once they were, and by what regret; in the
    order of the levels, the training users first."""
    lanes = model.env.unwrapped
    if not isinstance(lanes, LevelsVecEnv) or not lanes.division:
        return {}
    return {"division": {"lanes": lanes.counts.tolist(), "regret": lanes.regret.tolist()}}
