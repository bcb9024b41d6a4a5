"""Small models of every algorithm, trained until their weights are no longer the first ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.extract import Provenance, policy_file_of
from carousel_agents.learning.network import ScaledColumns
from carousel_agents.learning.view import Scaling, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_agents.learning import PolicyFile
    from carousel_envs.registry import AnyPopulation

LANES = 16
_OFF_POLICY = {"learning_starts": 100, "buffer_size": 2_000, "batch_size": 16, "train_freq": 1}
_ON_POLICY: dict[str, Any] = {"n_steps": 20, "ent_coef": 0.0}
OPTIONS: dict[str, dict[str, Any]] = {
    "ppo": {**_ON_POLICY, "batch_size": 80, "n_epochs": 4},
    "a2c": _ON_POLICY,
    "dqn": _OFF_POLICY,
    "recurrent-ppo": {**_ON_POLICY, "batch_size": 80, "n_epochs": 4},
    "qr-dqn": _OFF_POLICY,
    "maskable-ppo": {**_ON_POLICY, "batch_size": 80, "n_epochs": 4},
    "trpo": {"n_steps": 20, "batch_size": 80},
    "maskable-recurrent-ppo": {**_ON_POLICY, "batch_size": 80, "n_epochs": 4},
}


def trained_model(
    algorithm: str,
    population: AnyPopulation,
    view: View | None = None,
    *,
    steps: int = 960,
    plain: bool = False,
    net_arch: tuple[int, ...] = (16, 12),
    env: Any = None,
    **policy: Any,
) -> Any:
    """A model of this algorithm; `plain`: without our scaling, as somebody else would train it."""
    torch.manual_seed(0)
    view = view or View()
    lanes = env or CarouselVecEnv.of(population, LANES, 0, view=view, time_limit="end")
    kwargs: dict[str, Any] = {"net_arch": list(net_arch), **policy}
    if not plain:
        kwargs["features_extractor_class"] = ScaledColumns
        kwargs["features_extractor_kwargs"] = {"scaling": Scaling.of(population, view)}
    options = {"learning_rate": 3e-3, **OPTIONS[algorithm]}
    implementation = ALGORITHMS[algorithm].implementation
    make: Any = implementation.model
    model = make(implementation.policy, lanes, policy_kwargs=kwargs, device="cpu", **options)
    return model.learn(steps)


def file_of(
    model: Any, algorithm: str, population: AnyPopulation, view: View | None = None, **rest: Any
) -> PolicyFile:
    """The policy file of such a model."""
    provenance = Provenance(
        population=population,
        environment="Mine/Any-v0",
        algorithm=algorithm,
        view=view or View(),
        training={"steps": model.num_timesteps, "seed": 0},
        versions={"numpy": np.__version__},
    )
    return policy_file_of(model, provenance, **rest)


def played(
    population: AnyPopulation, view: View | None, lanes: int, turns: int
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.bool_]], list[NDArray[np.bool_]]]:
    """Observations, where sessions begin, and masks, of lanes in which uniform picks are made."""
    env = CarouselVecEnv.of(population, lanes, 10**6, view=view)
    rng = np.random.default_rng(0)
    personas = env.action_space.n
    observations, begins = [env.reset()], [np.ones(lanes, dtype=np.bool_)]
    masks = [np.stack(env.env_method("action_masks"))]
    for _ in range(turns - 1):
        # as learners see it: a lane's next row already shows the next session
        observation, _, done, _ = env.step(rng.integers(0, personas, lanes))
        observations.append(observation.copy())
        begins.append(done.copy())
        masks.append(np.stack(env.env_method("action_masks")))
    return observations, begins, masks
