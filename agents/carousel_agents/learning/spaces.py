"""Where `tune` looks: ranges of the settings that matter, by algorithm."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna import Trial

_SCALED = {"lanes", "batch_size"}
_NETWORKS = ("", "32", "32,32", "64,64", "128,128")

_ALL: Mapping[str, Any] = {
    "learning_rate": (3e-4, 2e-2, "log"),
    "gamma": (0.9, 0.95, 0.98, 0.99, 1.0),
    "lanes": (64, 128, 256, 512),
    "network": _NETWORKS,
}
_ON_POLICY: Mapping[str, Any] = {**_ALL, "gae_lambda": (0.8, 0.9, 0.95, 0.98, 1.0)}
_ENTROPY: Mapping[str, Any] = {
    **_ON_POLICY,
    "ent_coef": (1e-3, 0.2, "log"),
    "ent_coef_until": (0.2, 1.0, "linear"),
}
_PPO: Mapping[str, Any] = {
    **_ENTROPY,
    "n_steps": (20, 40, 80),
    "batch_size": (512, 1024, 2048, 4096),
    "n_epochs": (2, 4, 8),
    "clip_range": (0.1, 0.2, 0.3),
}
_DQN: Mapping[str, Any] = {
    **_ALL,
    "batch_size": (256, 512, 1024, 2048),
    "gradient_steps": (1, 2, 4),
    "target_update_interval": (1000, 3000, 10_000, 30_000),
    "exploration_final_eps": (0.005, 0.1, "log"),
    "exploration_fraction": (0.1, 0.8, "linear"),
    "n_steps": (1, 3, 5),
}

SPACES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "ppo": _PPO,
        "maskable-ppo": _PPO,
        "recurrent-ppo": {
            **_PPO,
            "batch_size": (640, 1280, 2560, 5120),
            "lstm_hidden_size": (16, 32, 64),
        },
        "a2c": {**_ENTROPY, "n_steps": (5, 10, 20, 40)},
        "trpo": {
            **_ON_POLICY,
            "n_steps": (20, 40, 80),
            "batch_size": (1024, 2048, 4096),
            "target_kl": (1e-3, 5e-2, "log"),
            "n_critic_updates": (2, 4, 8),
        },
        "dqn": _DQN,
        "qr-dqn": {**_DQN, "n_quantiles": (10, 25, 50)},
        "sbx-ppo": _PPO,
        "sbx-dqn": {**_DQN, "network": ("32,32", "64,64", "128,128")},
    }
)
"""By setting: values to choose among, or (low, high, "log" or "linear")."""


def space_of(algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Where to look, in the form of `SPACES`, with the values of `settings` among those to choose:
    a preset's lanes and batches depend on its steps."""
    space = dict(SPACES[algorithm])
    for name in _SCALED & space.keys():
        space[name] = tuple(sorted({*space[name], settings[name]}))
    return space


def propose(trial: Trial, algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that a trial proposes, in the space of an algorithm with these settings."""
    found: dict[str, Any] = {}
    for name, space in space_of(algorithm, settings).items():
        if space[-1] in ("log", "linear"):
            low, high, scale = space
            found[name] = trial.suggest_float(name, low, high, log=scale == "log")
        else:
            found[name] = trial.suggest_categorical(name, list(space))
    return as_settings(found)


def as_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's parameters as settings: networks are told by text, which every storage can hold."""
    network = parameters["network"]
    return {**parameters, "network": [int(width) for width in network.split(",") if width]}


def as_parameters(algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a trial's parameters, as far as they lie in the space."""
    found = {}
    for name, space in space_of(algorithm, settings).items():
        value = settings[name]
        if name == "network":
            value = ",".join(str(width) for width in value)
        in_range = space[-1] in ("log", "linear") and space[0] <= value <= space[1]
        if in_range or value in space:
            found[name] = value
    return found
