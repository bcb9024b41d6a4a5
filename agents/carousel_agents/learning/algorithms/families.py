"""Settings and search ranges that several algorithms share.

Settings have the names of Stable-Baselines3 where it has one. Those that a class adds are passed to
the constructor of the model, or to that of its policy (`policy_fields`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from carousel_envs.foundation.validation import Fields, Unit, Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

Count = Annotated[int, Field(ge=1, le=10**9, strict=True)]
Several = Annotated[int, Field(ge=2, le=10**9, strict=True)]
Rate = Annotated[float, Field(gt=0.0, le=10.0, allow_inf_nan=False)]
Width = Annotated[int, Field(ge=1, le=4096, strict=True)]
NORM = "gradients are cut to this norm, above 0, up to 10"


class Settings(Fields):
    """What every algorithm has."""

    texts: ClassVar[tuple[str, ...]] = ("activation", "time_limit", "rewards")

    policy_fields: ClassVar[tuple[str, ...]] = ()
    """Settings that the policy takes (`policy_kwargs`), and not the model."""

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
    rewards: Literal["own", "others"] = Field(
        default="own",
        description="whose rewards a session is paid: its 'own', or for a control those of "
        "'others', so that nothing it picks is paid",
    )
    torch_threads: int = Field(ge=1, le=256, strict=True, description="threads of torch, 1 to 256")
    learning_rate: Rate = Field(description="step size at the start, above 0, up to 10")
    learning_rate_final: Weight = Field(
        description="step size at the end, linear in between, from 0 up"
    )
    gamma: Unit = Field(description="discount per turn, 0 to 1")

    @property
    def turns_per_update(self) -> int:
        """Turns that every lane plays between two updates."""
        return 1

    @model_validator(mode="after")
    def _somebody_else_is_paid(self) -> Self:
        if self.rewards == "others" and self.lanes < 2:
            raise ValueError("rewards is 'others' and lanes is 1; there must be another session")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `rewards` where it says nothing: most runs never had it."""
        found: dict[str, Any] = handler(self)
        if found.get("rewards") == "own":
            del found["rewards"]
        return found


class OnPolicySettings(Settings):
    """Algorithms that learn from the sessions that the present policy has just played."""

    n_steps: Count = Field(description="turns per lane between updates, from 1")
    gae_lambda: Unit = Field(description="bias against variance of the advantage, 0 to 1")

    @property
    def turns_per_update(self) -> int:
        """Turns that every lane plays between two updates."""
        return self.n_steps

    @model_validator(mode="after")
    def _more_than_one_turn(self) -> Self:
        if self.lanes * self.n_steps < 2:
            raise ValueError("lanes and n_steps are both 1; a rollout must have at least 2 turns")
        return self


class EntropySettings(OnPolicySettings):
    """Actor-critics with an entropy bonus and a weighted value loss."""

    ent_coef: Weight = Field(description="weight of the entropy bonus at the start, from 0 up")
    ent_coef_until: Unit = Field(
        description="share of training after which the entropy bonus is 0, linear until then"
    )
    vf_coef: Weight = Field(description="weight of the value loss, from 0 up")
    max_grad_norm: Rate = Field(description=NORM)


class OffPolicySettings(Settings):
    """Algorithms that learn from a memory of earlier turns."""

    buffer_size: Count = Field(description="turns that are remembered, from 1")
    learning_starts: Annotated[int, Field(ge=0, strict=True)] = Field(
        description="steps at random before learning, from 0"
    )
    batch_size: Count = Field(description="turns per gradient step, from 1")
    train_freq: Count = Field(description="turns per lane between updates, from 1")
    gradient_steps: Count = Field(description="gradient steps per update, from 1")

    @property
    def turns_per_update(self) -> int:
        """Turns that every lane plays between two updates."""
        return self.train_freq


ALL_SPACE: Mapping[str, Any] = {
    "learning_rate": (3e-4, 2e-2, "log"),
    "gamma": (0.9, 0.95, 0.98, 0.99, 1.0),
    "lanes": (64, 128, 256, 512),
    "network": ("", "32", "32,32", "64,64", "128,128"),
}
ON_POLICY_SPACE: Mapping[str, Any] = {**ALL_SPACE, "gae_lambda": (0.8, 0.9, 0.95, 0.98, 1.0)}
ENTROPY_SPACE: Mapping[str, Any] = {
    **ON_POLICY_SPACE,
    "ent_coef": (1e-3, 0.2, "log"),
    "ent_coef_until": (0.2, 1.0, "linear"),
}
