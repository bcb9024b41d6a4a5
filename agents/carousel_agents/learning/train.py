"""Training a router with Stable-Baselines3."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.logger import Logger, configure
from stable_baselines3.common.utils import set_random_seed

from carousel_envs import CarouselError
from carousel_envs.lanes.base import MAX_LANES

from .adapter import CarouselVecEnv
from .algorithms import ALGORITHMS, OffPolicySettings
from .callback import Outputs, Progress, TrainingCallback
from .checkpoint import load_checkpoint
from .divergence import refuse_weights_not_finite
from .levels.record import value_of
from .levels.vec_env import LevelsVecEnv
from .run import Run, versions
from .view import Scaling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

    from .policy_file import PolicyFile

__all__ = ["Outputs", "Progress", "Run", "execute", "train", "versions"]

# Far from the seeds that evaluations and references use; no two training seeds share a session.
_TRAINING_STREAMS = 2**62


def train(
    population: AnyPopulation,
    *,
    environment: str,
    algorithm: str = "ppo",
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    **others: Any,
) -> PolicyFile:
    """Train a router: `execute` with `Run.of`, which say what the arguments mean.

    Args:
        population: as in `Run.of`, and so are environment, algorithm, steps, settings and seed.
        others: what else `Run` or `Outputs` has.

    Raises:
        CarouselError: an argument is not allowed, or training failed.
    """
    named = {field.name for field in fields(Outputs)}
    run = Run.of(
        population,
        environment=environment,
        algorithm=algorithm,
        steps=steps,
        settings=settings,
        seed=seed,
        **{name: value for name, value in others.items() if name not in named},
    )
    return execute(run, **{name: value for name, value in others.items() if name in named})


def execute(run: Run, **outputs: Any) -> PolicyFile:
    """Train.

    Same run, same machine, same versions: same policy, bit for bit, however often it was killed
    and went on from its checkpoint.

    Args:
        run: what to train on what.
        outputs: the fields of `Outputs`: report, checkpoint, checkpoint_seconds, tensorboard,
            on_point.

    Returns:
        The policy, ready to save.

    Raises:
        CarouselError: training diverged, or the checkpoint is damaged, belongs to another run or
            cannot be written.
    """
    wanted = Outputs(**outputs)
    model = _model_of(run)
    # made here and not when learning begins: a run that has nothing left to learn has one, too
    model.set_logger(_logger(wanted.tensorboard))
    callback = TrainingCallback(run, wanted)
    resumed = _resume(model, run, callback, wanted.checkpoint)
    try:
        if model.num_timesteps < run.steps:
            # else the sessions are under way, even if no turn was played before the checkpoint
            fresh = not resumed
            left = run.steps - model.num_timesteps
            model.learn(left, callback, _log_interval(run, wanted), reset_num_timesteps=fresh)
        callback.finish(model)
    except (ValueError, RuntimeError):
        # torch refuses to draw from probabilities that are not finite
        refuse_weights_not_finite(model)
        raise
    finally:
        model.env.close()
    return callback.policy(model)


def _model_of(run: Run) -> Any:
    """A model with fresh weights, in lanes of its own.

    Raises:
        CarouselError: it needs more memory than there is, or its algorithm cannot be loaded.
    """
    settings = run.settings
    torch.set_num_threads(settings.torch_threads)
    # before seeding: to import an extra may draw
    implementation = ALGORITHMS.find(run.algorithm).implementation
    set_random_seed(run.seed)
    levels = run.populations
    env = _lanes(run, levels)
    try:
        scaling = Scaling.of(run.population, run.view, levels[1:])
        return implementation.build(settings, env, scaling)
    except MemoryError as error:
        # of all settings, these are what arrays are as long as
        raise CarouselError(
            f"the settings need more memory than there is ({error}); smaller lanes, n_steps or "
            "buffer_size need less"
        ) from None


def _lanes(run: Run, levels: Sequence[AnyPopulation]) -> CarouselVecEnv | LevelsVecEnv:
    """The lanes of a run on these populations, not yet reset.

    Raises:
        CarouselError: a level has no reference and is to be played by regret.
    """
    settings, first = run.settings, _TRAINING_STREAMS + run.seed * MAX_LANES
    shown: dict[str, Any] = {"view": run.view, "time_limit": settings.time_limit, "infos": "ends"}
    if run.levels is None:
        dealt = settings.rewards == "others"
        return CarouselVecEnv.of(run.population, settings.lanes, first, dealt=dealt, **shown)
    values = [value_of(level) for level in levels] if run.levels.by_regret else None
    return LevelsVecEnv(levels, settings.lanes, first, values=values, **shown)


def _resume(model: Any, run: Run, callback: TrainingCallback, checkpoint: Path | None) -> bool:
    """Bring a model to where a checkpoint stands; whether there is one."""
    if checkpoint is None or not checkpoint.exists():
        return False
    # the sessions must have begun before they can be brought to where they were
    model.env.reset()
    callback.go_on(load_checkpoint(checkpoint, model, run.request(), run.steps))
    return True


def _log_interval(run: Run, wanted: Outputs) -> int | None:
    """Rollouts between two entries of the log, or sessions for algorithms that log by these."""
    if not wanted.tensorboard:
        return None
    # all lanes end their sessions together
    return 4 * run.settings.lanes if isinstance(run.settings, OffPolicySettings) else 1


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
