"""Recurrent actor-critics that take masks."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from gymnasium import spaces
from sb3_contrib.common.maskable.distributions import make_masked_proba_distribution
from sb3_contrib.common.recurrent.policies import (
    RecurrentActorCriticCnnPolicy,
    RecurrentActorCriticPolicy,
    RecurrentMultiInputActorCriticPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import torch
    from numpy.typing import NDArray
    from sb3_contrib.common.recurrent.type_aliases import RNNStates
    from stable_baselines3.common.type_aliases import Schedule

    Masks = NDArray[Any] | torch.Tensor | None
    Actor = RecurrentActorCriticPolicy
else:
    # what is mixed in stands before it among the bases
    Actor = object


class MaskedActor(Actor):
    """What masks add to a recurrent actor-critic: put before its class among the bases.

    Masks are true, or not 0, where an action may be picked: shape (N, actions), for several actions
    at once one row of all their choices. None: everything may be.
    """

    _masks: Callable[[], Masks] | None = None

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        # the layer stays: one output per choice, as the library makes it for its own distributions
        self.action_dist: Any = make_masked_proba_distribution(self.action_space)
        if isinstance(self.action_space, spaces.MultiBinary):
            # but for switches, which masks need two outputs of
            width = self.mlp_extractor.latent_dim_pi
            self.action_net = self.action_dist.proba_distribution_net(width)
            if self.ortho_init:
                self.action_net.apply(partial(self.init_weights, gain=0.01))

    @contextmanager
    def masked_by(self, source: Callable[[], Masks]) -> Iterator[None]:
        """Ask for masks here, whenever none are given."""
        before, self._masks = self._masks, source
        try:
            yield
        finally:
            self._masks = before

    def _given(self, masks: Masks) -> AbstractContextManager[None]:
        return nullcontext() if masks is None else self.masked_by(lambda: masks)

    def _get_action_dist_from_latent(self, latent_pi: torch.Tensor) -> Any:
        distribution = self.action_dist.proba_distribution(self.action_net(latent_pi))
        distribution.apply_masking(None if self._masks is None else self._masks())
        return distribution

    def forward(  # type: ignore[override]
        self,
        obs: torch.Tensor,
        lstm_states: RNNStates,
        episode_starts: torch.Tensor,
        deterministic: bool = False,
        action_masks: Masks = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, RNNStates]:
        """As in the class that this is put before."""
        with self._given(action_masks):
            return super().forward(obs, lstm_states, episode_starts, deterministic)

    def get_distribution(  # type: ignore[override]
        self,
        obs: torch.Tensor,
        lstm_states: tuple[torch.Tensor, torch.Tensor],
        episode_starts: torch.Tensor,
        action_masks: Masks = None,
    ) -> tuple[Any, tuple[torch.Tensor, ...]]:
        """As in the class that this is put before."""
        with self._given(action_masks):
            return super().get_distribution(obs, lstm_states, episode_starts)

    def evaluate_actions(  # type: ignore[override]
        self,
        obs: torch.Tensor,
        actions: torch.Tensor,
        lstm_states: RNNStates,
        episode_starts: torch.Tensor,
        action_masks: Masks = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As in the class that this is put before."""
        with self._given(action_masks):
            return super().evaluate_actions(obs, actions, lstm_states, episode_starts)

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
        action_masks: Masks = None,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """As in the class that this is put before.

        Without masks anything may be picked, also while a rollout is played: what a callback
        evaluates there are other lanes than those of training.
        """
        with self.masked_by(lambda: action_masks):
            return super().predict(observation, state, episode_start, deterministic)


class MaskableRecurrentActorCriticPolicy(MaskedActor, RecurrentActorCriticPolicy):
    """A recurrent actor-critic that takes masks."""


class MaskableRecurrentActorCriticCnnPolicy(MaskedActor, RecurrentActorCriticCnnPolicy):
    """A recurrent actor-critic of pictures that takes masks."""


class MaskableRecurrentMultiInputPolicy(MaskedActor, RecurrentMultiInputActorCriticPolicy):
    """A recurrent actor-critic of several inputs that takes masks."""
