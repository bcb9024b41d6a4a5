"""Training a router with Stable-Baselines3."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger, configure
from stable_baselines3.common.utils import set_random_seed

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import real_number, whole_number
from carousel_envs.foundation.files import check_writable
from carousel_envs.lanes.base import MAX_LANES
from carousel_envs.registry import played_under
from carousel_envs.rollout import rollout

from . import algorithms, optional_algorithms
from .adapter import CarouselVecEnv
from .checkpoint import load_checkpoint, save_checkpoint
from .extract import policy_file_of
from .learned_router import LearnedRouter
from .settings import ALGORITHMS, DQNSettings, OnPolicySettings, check_algorithm, settings_of
from .view import Scaling, View, refuse_unless_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

    from .checkpoint import Progress as KeptProgress
    from .policy_file import PolicyFile
    from .settings import Settings

    Point = dict[str, float]
    """One evaluation on the way: steps, seconds (of training alone), engagement per session."""

__all__ = ["ALGORITHMS", "Progress", "Run", "execute", "train"]

CHECKPOINT_SECONDS = 15.0
CURVE_USERS = 2000
# Far from the seeds that evaluation and references use; no two training seeds share a session.
_TRAINING_STREAMS = 2**62
# and these from both: what draws the curve is neither trained on nor reported
_CURVE_SEED = 2**61 + 2**60


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
class Run:
    """What identifies a training run, validated: the same run gives the same policy.

    Attributes:
        population: the users it is trained on, or who asks what.
        environment: id that the policy file will name.
        algorithm: one of `ALGORITHMS`, or of `settings.OPTIONAL` where its extra is installed.
        settings: of the algorithm; `Run.of` starts from its preset.
        seed: of the network, the batches and the sessions, 0 to 2**32 - 1.
        view: what the network is shown.
        curve: how many times the policy is evaluated on the way, evenly spaced, 0 to 1000.
        label: a word for what its settings have in them beyond the preset, kept in the file.

    Raises:
        CarouselError: an argument is not allowed, or they do not go together.
    """

    population: AnyPopulation
    environment: str
    algorithm: str
    settings: Settings
    seed: int = 0
    view: View = field(default_factory=View)
    curve: int = 0
    label: str = ""

    @classmethod
    def of(
        cls,
        population: AnyPopulation,
        *,
        environment: str,
        algorithm: str = "ppo",
        steps: int | None = None,
        settings: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Run:
        """A run with the preset of its algorithm, in which `settings` and `steps` are changed.

        Args:
            population: as above.
            environment: an environment of ours in any form that `played_under` takes, or an id of
                one's own.
            algorithm: as above.
            steps: environment steps; default: the preset's.
            settings: what differs from the preset, by name.
            others: `seed`, `view`, `curve`, `label`, as above.

        Raises:
            CarouselError: an argument is not allowed, or they do not go together.
        """
        environment = played_under(environment, population)
        changes = {**(settings or {}), **({} if steps is None else {"steps": steps})}
        algorithm = check_algorithm(algorithm)
        chosen = settings_of(algorithm, changes)
        return cls(population, environment, algorithm, chosen, **others)

    def __post_init__(self) -> None:
        whole_number("seed", self.seed, 0, 2**32 - 1)
        whole_number("curve", self.curve, 0, 1000)
        refuse_unless_shown(self.population, self.view)
        settings = self.settings
        if isinstance(settings, DQNSettings) and settings.steps <= settings.learning_starts:
            raise CarouselError(
                f"steps is {settings.steps}; {self.algorithm} picks at random for the first "
                f"{settings.learning_starts} (learning_starts), and there must be more"
            )

    @property
    def steps(self) -> int:
        """Environment steps: whole rollouts, so that every schedule ends with the last one."""
        settings = self.settings
        turns = settings.train_freq if isinstance(settings, DQNSettings) else 1
        turns = settings.n_steps if isinstance(settings, OnPolicySettings) else turns
        rollout = settings.lanes * turns
        return -(-settings.steps // rollout) * rollout

    def request(self) -> dict[str, Any]:
        """Everything that decides what comes out, plain JSON."""
        return {
            "environment": self.environment,
            "population": self.population.fingerprint,
            "algorithm": self.algorithm,
            "seed": self.seed,
            "view": asdict(self.view),
            "curve": self.curve,
            "settings": self.settings.model_dump(mode="json"),
            "versions": versions(self.algorithm),
        }


def versions(algorithm: str) -> dict[str, str]:
    """Versions of the packages that decide what training by an algorithm does."""
    names = (
        *("persona-carousel", "gymnasium", "numpy", "numba"),
        *("stable-baselines3", "sb3-contrib", "torch"),
        *optional_algorithms.packages_of(algorithm),
    )
    return {name: metadata.version(name) for name in names}


def train(
    population: AnyPopulation,
    *,
    environment: str,
    algorithm: str = "ppo",
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    view: View | None = None,
    curve: int = 0,
    **others: Any,
) -> PolicyFile:
    """Train a router: `execute` with `Run.of`, which say what the arguments mean.

    Raises:
        CarouselError: an argument is not allowed, or training failed.
    """
    run = Run.of(
        population,
        environment=environment,
        algorithm=algorithm,
        steps=steps,
        settings=settings,
        seed=seed,
        view=view or View(),
        curve=curve,
    )
    return execute(run, **others)


def execute(
    run: Run,
    *,
    report: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    tensorboard: Path | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> PolicyFile:
    """Train.

    Same run, same machine, same versions: same policy, bit for bit, however often it was killed
    and went on from its checkpoint.

    Args:
        run: what to train on what.
        report: called after every rollout, at most ten times a second.
        checkpoint: file to go on from if it is there, and to keep the state in; it stays when
            training is done (`checkpoint.discard`), until its policy is safe.
        checkpoint_seconds: training time between two checkpoints, 0 to 3600.
        tensorboard: folder for TensorBoard's logs.
        on_point: called with every new point of the curve; what it raises stops the run.

    Returns:
        The policy, ready to save.

    Raises:
        CarouselError: training diverged, or the checkpoint is damaged, belongs to another run or
            cannot be written.
    """
    real_number("checkpoint_seconds", checkpoint_seconds, 0.0, 3600.0)
    if checkpoint:
        check_writable(checkpoint)
    settings = run.settings
    torch.set_num_threads(settings.torch_threads)
    # before seeding: to import an extra may draw
    off_policy = algorithms.find(run.algorithm).off_policy
    set_random_seed(run.seed)
    env = CarouselVecEnv.of(
        run.population,
        settings.lanes,
        _TRAINING_STREAMS + run.seed * MAX_LANES,
        view=run.view,
        time_limit=settings.time_limit,
        infos="ends",
    )
    try:
        model: Any = algorithms.build(
            run.algorithm, settings, env, Scaling.of(run.population, run.view)
        )
    except MemoryError as error:
        # of all settings, these are what arrays are as long as
        raise CarouselError(
            f"the settings need more memory than there is ({error}); smaller lanes, n_steps or "
            "buffer_size need less"
        ) from None
    # made here and not when learning begins: a run that has nothing left to learn has one, too
    model.set_logger(_logger(tensorboard))
    watch = _Watch(run, checkpoint, checkpoint_seconds, report, on_point)
    resumed = checkpoint is not None and checkpoint.exists()
    if checkpoint and resumed:
        # the sessions must have begun before they can be brought to where they were
        env.reset()
        watch.go_on(load_checkpoint(checkpoint, model, run.request(), run.steps))
    # off-policy algorithms log by sessions, and all lanes end theirs together
    every = (4 * settings.lanes if off_policy else 1) if tensorboard else None
    try:
        if model.num_timesteps < run.steps:
            # else the sessions are under way, even if no turn was played before the checkpoint
            fresh = not resumed
            model.learn(run.steps - model.num_timesteps, watch, every, reset_num_timesteps=fresh)
        watch.finish(model)
    except (ValueError, RuntimeError):
        # torch refuses to draw from probabilities that are no numbers
        refuse_weights_not_finite(model)
        raise
    finally:
        env.close()
    return watch.policy(model)


class _Watch(BaseCallback):
    """Whatever happens between two rollouts: schedules, checks, checkpoints, curve, reports."""

    def __init__(
        self,
        run: Run,
        checkpoint: Path | None,
        interval: float,
        report: Callable[[Progress], None] | None,
        on_point: Callable[[Point], None] | None,
    ) -> None:
        super().__init__()
        self._run, self._checkpoint, self._interval = run, checkpoint, interval
        self._report, self._on_point = report, on_point
        self._curve: list[Point] = []
        self._resumed = 0
        self._trained = 0.0  # seconds, without what is done here
        self._since = time.perf_counter()
        self._kept_at = self._told_at = 0.0
        ent_coef = getattr(run.settings, "ent_coef", None)
        until = getattr(run.settings, "ent_coef_until", 0.0) * run.steps
        self._entropy = None if ent_coef is None else (ent_coef, until)

    def go_on(self, kept: KeptProgress) -> None:
        """Take up what a checkpoint kept."""
        self._curve = list(kept.curve)
        self._trained = self._kept_at = kept.seconds
        self._resumed = kept.resumed + 1

    def _on_training_start(self) -> None:
        self._since = time.perf_counter()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        # after an update, or before the first
        self._pause(self.model)
        self._tell()

    def _on_rollout_end(self) -> None:
        if self._entropy is not None:
            ent_coef, until = self._entropy
            left = max(0.0, 1.0 - self.num_timesteps / until) if until else 0.0
            self.model.ent_coef = ent_coef * left  # type: ignore[attr-defined]

    def finish(self, model: Any) -> None:
        """What is due after the last update."""
        self.model = model
        self._pause(model)
        self._told_at = 0.0
        self._tell()

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
        }
        return policy_file_of(
            model,
            population=run.population,
            environment=run.environment,
            algorithm=run.algorithm,
            view=run.view,
            training=training,
            versions=versions(run.algorithm),
        )

    def _pause(self, model: Any) -> None:
        """Stop the clock, do what is due, go on."""
        now = time.perf_counter()
        self._trained += now - self._since
        refuse_not_finite(model)
        total = self._run.steps
        if self._run.curve and model.num_timesteps:
            due = len(self._curve) + 1
            if model.num_timesteps * self._run.curve >= due * total:
                self._curve.append(self._point(model))
                if self._on_point:
                    self._on_point(self._curve[-1])
        if self._checkpoint and self._trained - self._kept_at >= self._interval:
            self._kept_at = self._trained
            progress = {
                "curve": self._curve,
                "seconds": self._trained,
                "resumed": self._resumed,
            }
            save_checkpoint(self._checkpoint, model, self._run.request(), progress)
        self._since = time.perf_counter()

    def _point(self, model: Any) -> Point:
        acting = LearnedRouter(self.policy(model), "training")
        sessions = rollout(self._run.population, acting, CURVE_USERS, _CURVE_SEED)
        return {
            "steps": model.num_timesteps,
            "seconds": round(self._trained, 3),
            "engagement": sessions.mean,
        }

    def _tell(self) -> None:
        if self._report is None or time.perf_counter() - self._told_at < 0.1:
            return
        self._told_at = time.perf_counter()
        late = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        mean = float(np.mean(late)) if late else float("nan")
        self._report(Progress(self.model.num_timesteps, self._run.steps, mean))


def _logger(folder: Path | None) -> Logger:
    """What the library logs to: TensorBoard's files, or nothing.

    Raises:
        CarouselError: the folder cannot be written.
    """
    if folder is None:
        return Logger(None, [])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return configure(str(folder), ["tensorboard"])
    except OSError as error:
        raise CarouselError(f"{folder} cannot be written: {error.strerror or error}") from None


def refuse_not_finite(model: Any) -> None:
    """Raise if the last update has left a loss that is no number.

    Raises:
        CarouselError: training diverged.
    """
    for name, value in model.logger.name_to_value.items():
        if "loss" in name and not np.isfinite(value):
            raise _diverged(f"{name} is {value}", model)


def refuse_weights_not_finite(model: Any) -> None:
    """Raise if a weight is no number.

    Raises:
        CarouselError: training diverged.
    """
    if not all(bool(torch.isfinite(weight).all()) for weight in model.policy.parameters()):
        raise _diverged("a weight is not finite", model)


def _diverged(what: str, model: Any) -> CarouselError:
    return CarouselError(
        f"training diverged: {what} after {model.num_timesteps} steps; settings nearer to the "
        "preset's, such as a smaller learning_rate, may help"
    )
