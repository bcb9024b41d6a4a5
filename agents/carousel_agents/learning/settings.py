"""What decides how an algorithm trains: validated settings, and one preset per algorithm.

Nothing here imports torch.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import named
from carousel_envs.foundation.files import read_whole, unreadable
from carousel_envs.foundation.validation import Fields, Unit, Weight

from .optional_algorithms import EXTRAS, refuse_missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Count = Annotated[int, Field(ge=1, le=10**9, strict=True)]
Several = Annotated[int, Field(ge=2, le=10**9, strict=True)]
Rate = Annotated[float, Field(gt=0.0, le=10.0, allow_inf_nan=False)]
Width = Annotated[int, Field(ge=1, le=4096, strict=True)]
_NORM = "gradients are cut to this norm, above 0, up to 10"


class Settings(Fields):
    """What every algorithm has. Names are those of Stable-Baselines3 where it has one."""

    texts: ClassVar[tuple[str, ...]] = ("activation", "time_limit")

    steps: int = Field(
        ge=1, le=10**12, strict=True, description="environment steps of a training run, 1 to 10**12"
    )
    lanes: int = Field(
        ge=1, le=2**16, strict=True, description="sessions played at a time, 1 to 65536"
    )
    network: tuple[Width, ...] = Field(
        max_length=16,
        description="widths of the hidden layers, up to 16 of them, each 1 to 4096; none: linear",
    )
    activation: Literal["tanh", "relu"] = Field(
        description="between layers: 'tanh' or 'relu'",
    )
    time_limit: Literal["end", "bootstrap"] = Field(
        description="what the last turn means: 'end' (nothing comes after it) or 'bootstrap'"
    )
    torch_threads: int = Field(ge=1, le=256, strict=True, description="threads of torch, 1 to 256")
    learning_rate: Rate = Field(description="step size at the start, above 0, up to 10")
    learning_rate_final: Weight = Field(
        description="step size at the end, linear in between, from 0 up"
    )
    gamma: Unit = Field(description="discount per turn, 0 to 1")


class OnPolicySettings(Settings):
    """What learns from its own last sessions."""

    n_steps: Count = Field(description="turns per lane between updates, from 1")
    gae_lambda: Unit = Field(description="bias against variance of the advantage, 0 to 1")

    @model_validator(mode="after")
    def _more_than_one_turn(self) -> Self:
        if self.lanes * self.n_steps < 2:
            raise ValueError("lanes and n_steps are both 1; a rollout must have at least 2 turns")
        return self


class EntropySettings(OnPolicySettings):
    """What has a bonus for picking in many ways."""

    ent_coef: Weight = Field(description="weight of the entropy bonus at the start, from 0 up")
    ent_coef_until: Unit = Field(
        description="share of training after which the entropy bonus is 0, linear until then"
    )
    vf_coef: Weight = Field(description="weight of the value loss, from 0 up")
    max_grad_norm: Rate = Field(description=_NORM)


class A2CSettings(EntropySettings):
    """Advantage actor-critic."""

    normalize_advantage: bool = Field(description="whether advantages are brought to one scale")


class PPOSettings(EntropySettings):
    """Proximal policy optimisation, masked or not."""

    batch_size: Several = Field(description="turns per gradient step, from 2")
    n_epochs: Count = Field(description="passes over each rollout, from 1")
    clip_range: Rate = Field(description="how far a probability ratio may move, above 0")


class RecurrentPPOSettings(PPOSettings):
    """PPO with a long short-term memory before the network."""

    lstm_hidden_size: Width = Field(description="units of the memory, 1 to 4096")
    enable_critic_lstm: bool = Field(description="whether the critic has a memory of its own")
    shared_lstm: bool = Field(description="whether the critic reads the actor's memory")

    @model_validator(mode="after")
    def _one_memory_for_the_critic(self) -> Self:
        if self.shared_lstm and self.enable_critic_lstm:
            raise ValueError(
                "shared_lstm and enable_critic_lstm are both true; the critic reads the actor's "
                "memory or has its own"
            )
        return self


class TRPOSettings(OnPolicySettings):
    """Trust-region policy optimisation."""

    batch_size: Several = Field(description="turns per gradient step of the critic, from 2")
    target_kl: Rate = Field(description="size of the trust region, above 0")
    n_critic_updates: Count = Field(description="passes of the critic over each rollout, from 1")
    cg_max_steps: Count = Field(description="steps of conjugate gradients at most, from 1")
    cg_damping: Weight = Field(description="damping of the Hessian, from 0 up")
    sub_sampling_factor: Count = Field(
        description="the actor's step sees every so many-th turn, from 1"
    )


class DQNSettings(Settings):
    """Deep Q-learning."""

    buffer_size: Count = Field(description="turns that are remembered, from 1")
    learning_starts: Annotated[int, Field(ge=0, strict=True)] = Field(
        description="steps at random before learning, from 0"
    )
    batch_size: Count = Field(description="turns per gradient step, from 1")
    train_freq: Count = Field(description="turns per lane between updates, from 1")
    gradient_steps: Count = Field(description="gradient steps per update, from 1")
    target_update_interval: Count = Field(description="steps between copies to the target network")
    exploration_initial_eps: Unit = Field(description="share of random picks at the start, 0 to 1")
    exploration_final_eps: Unit = Field(description="share of random picks in the end, 0 to 1")
    exploration_fraction: Unit = Field(description="share of training over which it falls, 0 to 1")
    n_steps: Count = Field(description="turns of reward before the target network is asked")
    max_grad_norm: Rate = Field(description=_NORM)


class QRDQNSettings(DQNSettings):
    """Quantile-regression deep Q-learning."""

    n_quantiles: Width = Field(description="quantiles of the return per persona, 1 to 4096")


class SbxDQNSettings(DQNSettings):
    """Deep Q-learning in SBX."""

    network: tuple[Width, ...] = Field(
        description="width of the first hidden layer and of the second, equal, each 1 to 4096"
    )

    @field_validator("network")
    @classmethod
    def _two_of_one_width(cls, network: tuple[int, ...]) -> tuple[int, ...]:
        if len(network) != 2 or network[0] != network[1]:
            raise ValueError("must be two layers of one width, the only network that SBX makes")
        return network


_KINDS: Mapping[str, type[Settings]] = MappingProxyType(
    {
        "ppo": PPOSettings,
        "a2c": A2CSettings,
        "dqn": DQNSettings,
        "recurrent-ppo": RecurrentPPOSettings,
        "qr-dqn": QRDQNSettings,
        "maskable-ppo": PPOSettings,
        "trpo": TRPOSettings,
        "sbx-ppo": PPOSettings,
        "sbx-dqn": SbxDQNSettings,
    }
)

OPTIONAL = tuple(EXTRAS)
"""Names of the learning algorithms that need an extra."""

ALGORITHMS = tuple(name for name in _KINDS if name not in OPTIONAL)
"""Names of the learning algorithms that need none."""


def check_algorithm(name: str) -> str:
    """The name, if there is such an algorithm.

    Raises:
        CarouselError: there is none (`UsageError`), or its extra is not installed.
    """
    found = named("algorithm", name, (*ALGORITHMS, *OPTIONAL))
    refuse_missing(found)
    return found


@dataclass(frozen=True)
class Budget:
    """How few steps a preset can do with; the table `budget` of its file says how it was measured.

    Attributes:
        full: steps from which the preset stays as it is. With fewer, fewer lanes play and batches
            are smaller in proportion, so that there are as many updates as with these.
        needs: steps with which every seed that was tried learnt to swap on Boredom.
    """

    full: int
    needs: int


_FEWEST_LANES = 32
"""Fewer lanes make batches so small that their gradients are noise."""


@cache
def _preset(algorithm: str) -> tuple[Settings, Budget]:
    algorithm = check_algorithm(algorithm)
    text = resources.files(__package__).joinpath("presets", f"{algorithm}.toml")
    document = tomllib.loads(text.read_text(encoding="utf-8"))
    budget = Budget(**document.pop("budget"))
    return _KINDS[algorithm](**document), budget


def preset(algorithm: str) -> Settings:
    """The settings that come with an algorithm.

    Raises:
        CarouselError: no such algorithm, or its extra is not installed.
    """
    return _preset(algorithm)[0]


def settings_of(algorithm: str, changes: Mapping[str, Any] | None = None) -> Settings:
    """The preset with some values changed.

    Where `steps` is small (`Budget.full`), so are lanes and batches, unless one of the two is among
    the changes.

    Raises:
        CarouselError: no such algorithm, its extra is not installed, or a value that is not
            allowed.
    """
    known, budget = _preset(algorithm)
    if not changes:
        return known
    chosen = known.replace(**changes)
    given = not changes.keys().isdisjoint(("lanes", "batch_size"))
    if chosen.steps >= budget.full or given:
        return chosen
    lanes = round(chosen.lanes * chosen.steps / budget.full)
    lanes = min(chosen.lanes, max(_FEWEST_LANES, lanes))
    scaled = {"lanes": lanes}
    if batch := getattr(chosen, "batch_size", None):
        scaled["batch_size"] = math.ceil(batch * lanes / chosen.lanes)
    return chosen.replace(**scaled)


def shortfall(algorithm: str, steps: int | None) -> str | None:
    """A sentence, if an algorithm's preset needs more steps than these; None: those of the preset.

    Raises:
        CarouselError: no such algorithm, or its extra is not installed.
    """
    known, budget = _preset(algorithm)
    if (known.steps if steps is None else steps) >= budget.needs:
        return None
    return (
        f"steps is {steps}, and {algorithm} needs {budget.needs} to learn Boredom with most seeds: "
        "with fewer, a router may never swap"
    )


def read_settings(path: Path) -> dict[str, Any]:
    """Changes to a preset, from a TOML file of `name = value` lines.

    Raises:
        CarouselError: the file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(read_whole(path).decode())
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError) as error:
        # not only of syntax: a number of thousands of digits is refused as well
        raise CarouselError(f"{path} is no TOML: {error}") from None
