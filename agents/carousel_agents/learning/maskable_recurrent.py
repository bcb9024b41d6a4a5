"""`MaskableRecurrentPPO`: PPO with a memory, whose picks are limited by action masks.

Invalid action masking (arXiv 2006.14171) as in sb3-contrib's `MaskablePPO`, put on its
`RecurrentPPO`, whose loops stay as they are: what they hand to the policy is completed by a source
of masks, which is the environment while a rollout is played, and the rollout buffer while the
policy is trained. Nothing here knows Carousel; any environment will do whose masks `MaskablePPO`
finds.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.maskable.distributions import make_masked_proba_distribution
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from sb3_contrib.common.recurrent.buffers import RecurrentDictRolloutBuffer, RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import (
    RecurrentActorCriticCnnPolicy,
    RecurrentActorCriticPolicy,
    RecurrentMultiInputActorCriticPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    import torch
    from numpy.typing import NDArray
    from sb3_contrib.common.recurrent.type_aliases import RNNStates
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.policies import BasePolicy
    from stable_baselines3.common.type_aliases import MaybeCallback, Schedule
    from stable_baselines3.common.vec_env import VecEnv

    Masks = NDArray[Any] | torch.Tensor | None
    Actor = RecurrentActorCriticPolicy
    Buffer = RecurrentRolloutBuffer
else:
    # what is mixed in stands before these among the bases
    Actor = Buffer = object


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


def _choices(action_space: spaces.Space[Any]) -> int:
    """The number of choices that a mask is about."""
    if isinstance(action_space, spaces.Discrete):
        return int(action_space.n)
    if isinstance(action_space, spaces.MultiDiscrete):
        return int(action_space.nvec.sum())
    assert isinstance(action_space, spaces.MultiBinary)
    assert isinstance(action_space.n, int)
    return 2 * action_space.n


class MaskKeeper(Buffer):
    """What masks add to a recurrent rollout buffer: put before its class among the bases.

    Attributes:
        action_masks: as they were when actions were picked, float32, shape (turns, lanes, choices);
            once minibatches are drawn, (lanes * turns, choices).
        coming: masks of the turn that is added next, shape (lanes, choices); None: no limits.
        batch_masks: masks of the minibatch that was drawn last, in the order of its turns.
    """

    action_masks: NDArray[np.float32]
    coming: NDArray[Any] | None
    batch_masks: Masks

    def reset(self) -> None:
        """Forget all turns."""
        self.choices = _choices(self.action_space)
        shape = (self.buffer_size, self.n_envs, self.choices)
        self.action_masks = np.ones(shape, dtype=np.float32)
        self.coming = self.batch_masks = None
        super().reset()

    def add(self, *arguments: Any, **named: Any) -> None:
        """Keep a turn, and the masks that were put into `coming`."""
        if self.coming is not None:
            self.action_masks[self.pos] = self.coming.reshape(self.n_envs, self.choices)
        super().add(*arguments, **named)

    def get(self, batch_size: int | None = None) -> Generator[Any, None, None]:
        """Minibatches, as of the class that this is put before; see `batch_masks`."""
        if not self.generator_ready:
            self.action_masks = self.swap_and_flatten(self.action_masks)
        yield from super().get(batch_size)

    def _get_samples(  # type: ignore[override]
        self, batch_inds: NDArray[np.int64], env_change: NDArray[Any], env: Any = None
    ) -> Any:
        samples = super()._get_samples(batch_inds, env_change, env)
        # turns that only fill up a sequence count for nothing; let them forbid nothing either
        masks = self.pad(self.action_masks[batch_inds], padding_value=1.0)
        self.batch_masks = masks.reshape(-1, self.choices)
        return samples


class MaskableRecurrentRolloutBuffer(MaskKeeper, RecurrentRolloutBuffer):
    """A rollout of a recurrent policy that keeps masks."""


class MaskableRecurrentDictRolloutBuffer(  # type: ignore[misc]
    MaskKeeper, RecurrentDictRolloutBuffer
):
    """A rollout of a recurrent policy of several inputs that keeps masks."""


def replace_buffer(model: RecurrentPPO, kind: type[RolloutBuffer]) -> None:
    """Give a recurrent model, whose buffer is empty, a buffer of another class."""
    old: Any = model.rollout_buffer
    make: Any = kind
    model.rollout_buffer = make(
        old.buffer_size,
        old.observation_space,
        old.action_space,
        old.hidden_state_shape,
        old.device,
        gae_lambda=old.gae_lambda,
        gamma=old.gamma,
        n_envs=old.n_envs,
    )


class MaskableRecurrentPPO(RecurrentPPO):
    """Recurrent PPO that picks only what its environment's masks allow.

    Arguments as of `RecurrentPPO`; those of `learn` and `predict` that are about masks as of
    `MaskablePPO`. Actions are Discrete, MultiDiscrete or MultiBinary.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpLstmPolicy": MaskableRecurrentActorCriticPolicy,
        "CnnLstmPolicy": MaskableRecurrentActorCriticCnnPolicy,
        "MultiInputLstmPolicy": MaskableRecurrentMultiInputPolicy,
    }
    _use_masking = True

    def _setup_model(self) -> None:
        super()._setup_model()
        if not isinstance(self.policy, MaskedActor):
            raise ValueError("Policy must subclass MaskedActor")
        several = isinstance(self.observation_space, spaces.Dict)
        replace_buffer(
            self,
            MaskableRecurrentDictRolloutBuffer if several else MaskableRecurrentRolloutBuffer,
        )

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Play a rollout.

        Raises:
            ValueError: the environment has no masks, and they are to be used.
        """
        if not self._use_masking:
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        if not is_masking_supported(env):
            raise ValueError(
                "the environment has no method action_masks; ActionMasker of sb3_contrib gives it "
                "one, and learn(use_masking=False) does without"
            )
        buffer: Any = rollout_buffer

        def masks() -> NDArray[Any]:
            coming = get_action_masks(env)
            buffer.coming = coming
            return coming

        policy: Any = self.policy
        with policy.masked_by(masks):
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)

    def train(self) -> None:
        """Train on the rollout."""
        buffer: Any = self.rollout_buffer
        policy: Any = self.policy
        with policy.masked_by(lambda: buffer.batch_masks):
            super().train()

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
        action_masks: Masks = None,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Actions, and the memory after them; without masks, anything may be picked."""
        policy: Any = self.policy
        picked: tuple[NDArray[Any], tuple[NDArray[Any], ...] | None] = policy.predict(
            observation, state, episode_start, deterministic, action_masks=action_masks
        )
        return picked

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 1,
        tb_log_name: str = "MaskableRecurrentPPO",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
        use_masking: bool = True,
    ) -> MaskableRecurrentPPO:
        """Learn; `use_masking=False` leaves masks aside."""
        self._use_masking = use_masking
        return super().learn(
            total_timesteps,
            callback,
            log_interval,
            tb_log_name,
            reset_num_timesteps,
            progress_bar=progress_bar,
        )
