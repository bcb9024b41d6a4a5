"""Training a router with Stable-Baselines3."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import set_random_seed

from carousel_envs import CarouselError
from carousel_envs.errors import whole_number
from carousel_envs.lanes import MAX_LANES

from .adapter import CarouselVecEnv
from .extract import policy_file_of
from .network import ScaledColumns
from .view import Scaling, View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carousel_envs import Population

    from .policy_file import PolicyFile

ALGORITHMS = ("ppo",)
# Far from the seeds that evaluation and references use; no two training seeds share a session.
_TRAINING_STREAMS = 2**62
_ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


@dataclass(frozen=True)
class Progress:
    """Where a training run stands.

    Attributes:
        steps: environment steps so far.
        mean_return: over the last hundred sessions; NaN before any has ended.
    """

    steps: int
    mean_return: float


class _Schedule(BaseCallback):
    """Lowers the entropy bonus linearly to 0 by step `until`; reports after every rollout."""

    def __init__(
        self, ent_coef: float, until: float, report: Callable[[Progress], None] | None
    ) -> None:
        super().__init__()
        self._ent_coef, self._until, self._report = ent_coef, until, report

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        remaining = max(0.0, 1.0 - self.num_timesteps / self._until)
        self.model.ent_coef = self._ent_coef * remaining  # type: ignore[attr-defined]
        if self._report is None:
            return
        late = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        mean = float(np.mean(late)) if late else float("nan")
        self._report(Progress(self.num_timesteps, mean))


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """Settings of every algorithm, read-only."""
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {name: MappingProxyType(table) for name, table in tomllib.loads(text).items()}
    )


def versions() -> dict[str, str]:
    """Versions of the packages that decide what training does."""
    names = ("persona-carousel", "gymnasium", "numpy", "numba", "stable-baselines3", "torch")
    return {name: metadata.version(name) for name in names}


def check_request(algorithm: str, steps: int, seed: int) -> None:
    """Refuse what `train` would refuse.

    Raises:
        CarouselError: an argument is not allowed.
    """
    if algorithm not in ALGORITHMS:
        raise CarouselError(f"algorithm is {algorithm!r}; known are {', '.join(ALGORITHMS)}")
    whole_number("steps", steps, 1, 10**12)
    whole_number("seed", seed, 0, 2**32 - 1)


def train(
    population: Population,
    *,
    environment: str,
    algorithm: str = "ppo",
    steps: int,
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
) -> PolicyFile:
    """Train a router.

    Args:
        population: the users it is trained on.
        environment: id that the file will name.
        algorithm: one of `ALGORITHMS`.
        steps: environment steps, 1 to 10**12; rounded up to whole rollouts.
        seed: of the network, the batches and the sessions. Same seed, same machine, same versions:
            same policy.
        report: called after every rollout.

    Returns:
        The policy, ready to save.

    Raises:
        CarouselError: an argument is not allowed, or training diverged.
    """
    check_request(algorithm, steps, seed)
    settings = presets()[algorithm]
    torch.set_num_threads(settings["torch_threads"])
    set_random_seed(seed)
    env = CarouselVecEnv.of(
        population,
        settings["lanes"],
        _TRAINING_STREAMS + seed * MAX_LANES,
        time_limit=settings["time_limit"],
    )
    # whole rollouts, so that every schedule ends with the last one
    rollout = settings["lanes"] * settings["n_steps"]
    steps = -(-steps // rollout) * rollout
    first, last = settings["learning_rate"], settings["learning_rate_final"]
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=settings["n_steps"],
        batch_size=settings["batch_size"],
        n_epochs=settings["n_epochs"],
        learning_rate=lambda remaining: last + (first - last) * max(remaining, 0.0),
        gamma=settings["gamma"],
        gae_lambda=settings["gae_lambda"],
        ent_coef=settings["ent_coef"],
        clip_range=settings["clip_range"],
        policy_kwargs={
            "features_extractor_class": ScaledColumns,
            "features_extractor_kwargs": {"scaling": Scaling.of(population, View())},
            "net_arch": list(settings["network"]),
            "activation_fn": _ACTIVATIONS[settings["activation"]],
        },
        # not `seed`: Stable-Baselines3 would seed the environment with it, and so put training on
        # the streams of evaluation
        seed=None,
        device="cpu",
    )
    schedule = _Schedule(settings["ent_coef"], steps * settings["ent_coef_until"], report)
    started = time.perf_counter()
    try:
        model.learn(steps, callback=schedule)
    finally:
        env.close()
    seconds = time.perf_counter() - started
    training = {
        "steps": model.num_timesteps,
        "seed": seed,
        "seconds": round(seconds, 3),
        "settings": dict(settings),
    }
    return policy_file_of(
        model,
        population=population,
        environment=environment,
        algorithm=algorithm,
        view=View(),
        training=training,
        versions=versions(),
    )
