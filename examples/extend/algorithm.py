r"""An algorithm of one's own: double deep Q-learning (arXiv 1509.06461).

    carousel --plugin examples/extend/algorithm.py \
        train Boredom --algo double-dqn --out mine.safetensors
    carousel evaluate mine.safetensors Boredom

Any class that trains as those of Stable-Baselines3 do will serve. A policy file is data: it is
read and played without this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_agents.learning.algorithms import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from carousel_agents.learning.implementation import Implementation


def load() -> Implementation:
    """The class that trains; imported when a model is first built."""
    import torch
    from stable_baselines3 import DQN

    from carousel_agents.learning.implementation import Implementation

    class DoubleDQN(DQN):
        """DQN in which the network that is trained picks what the target network values."""

        def train(self, gradient_steps: int, batch_size: int = 100) -> None:
            self.policy.set_training_mode(True)
            self._update_learning_rate(self.policy.optimizer)
            for _ in range(gradient_steps):
                batch: Any = self.replay_buffer.sample(batch_size)
                discount = self.gamma if batch.discounts is None else batch.discounts
                with torch.no_grad():
                    best = self.q_net(batch.next_observations).argmax(dim=1, keepdim=True)
                    after = self.q_net_target(batch.next_observations).gather(1, best)
                    target = batch.rewards + (1 - batch.dones) * discount * after
                values = self.q_net(batch.observations).gather(1, batch.actions.long())
                loss = torch.nn.functional.smooth_l1_loss(values, target)
                self.policy.optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += gradient_steps
            self.logger.record("train/loss", loss.item())

    return Implementation(DoubleDQN)


# the settings of DQN, and no search space
ALGORITHMS.register(Algorithm("double-dqn", ALGORITHMS["dqn"].preset, load))
