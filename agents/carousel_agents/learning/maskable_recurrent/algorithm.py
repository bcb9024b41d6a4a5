"""The algorithm: both loops of recurrent PPO, with masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

from .buffers import (
    MaskableRecurrentDictRolloutBuffer,
    MaskableRecurrentRolloutBuffer,
    replace_buffer,
)
from .policies import (
    MaskableRecurrentActorCriticCnnPolicy,
    MaskableRecurrentActorCriticPolicy,
    MaskableRecurrentMultiInputPolicy,
    MaskedActor,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.policies import BasePolicy
    from stable_baselines3.common.type_aliases import MaybeCallback
    from stable_baselines3.common.vec_env import VecEnv

    from .policies import Masks


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
