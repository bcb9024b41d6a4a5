"""An environment of one's own: users get bored faster the more often they were swapped.

    carousel --plugin examples/extend/environment.py evaluate uniform Restless

or, once this is imported, `gym.make_vec("Mine/Restless-v0", num_envs=64)`. There is no solver, so
there is engagement and every paired comparison, but no score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from carousel_envs import BasePopulation, EnvironmentSpec, register_environment
from carousel_envs.lanes.numpy_env import NumpyEnv, NumpyVectorEnv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.lanes.numpy_env import NumpyTurn


class RestlessUsers(BasePopulation):
    """Users whom swaps make restless (frozen)."""

    texts = ("personas",)
    personas: tuple[str, ...] = Field(("alice", "bob", "coach"), description="who may speak")
    session_length: int = Field(40, ge=1, le=10_000, description="turns of a session, 1 to 10 000")
    hazard: float = Field(0.05, ge=0, le=1, description="P(bored) per turn at first, in [0, 1]")
    restlessness: float = Field(1.3, ge=1, le=10, description="hazard's factor per swap, 1 to 10")
    engagement: tuple[float, float] = Field((0.8, 0.2), description="P(engaged) if fresh, if bored")
    swap_cost: float = Field(0.3, ge=0, le=100, description="engagement a swap costs, 0 to 100")


class RestlessVectorEnv(NumpyVectorEnv):
    """Users who get bored faster the more often they were swapped, many sessions at once."""

    population_type = RestlessUsers
    info_keys = {"engagement_mean": np.float64, "mood": np.int8}

    @classmethod
    def own_columns(cls, population: RestlessUsers) -> dict[str, tuple[float, float]]:
        return {"engagement": (-1.0, 1.0)}

    def make_state(self, lanes: int) -> dict[str, NDArray[Any]]:
        return {"bored": np.zeros(lanes, np.int8), "swaps": np.zeros(lanes, np.int64),
                "engaged": np.full(lanes, -1.0)}  # fmt: skip

    def begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        self.state["bored"][which], self.state["swaps"][which] = 0, 0
        self.state["engaged"][which] = -1.0

    def turn(self, turn: NumpyTurn) -> tuple[Any, Any, dict[str, Any]]:
        users, state = self.population, self.state
        state["swaps"] += turn.swapped
        mood = state["bored"] & ~turn.swapped  # a swap lands fresh
        mean = np.where(mood, users.engagement[1], users.engagement[0])
        state["engaged"][:] = turn.uniform(0) < mean
        hazard = np.minimum(users.hazard * users.restlessness ** state["swaps"], 1.0)
        state["bored"][:] = mood | (turn.uniform(1) < hazard)
        reward = state["engaged"] - users.swap_cost * turn.swapped
        return reward, np.zeros(len(mean), np.bool_), {"engagement_mean": mean, "mood": mood}

    def observe(self) -> NDArray[np.float32]:
        return self.state["engaged"][:, None].astype(np.float32)


class RestlessEnv(NumpyEnv):
    """Users who get bored faster the more often they were swapped."""

    vector = RestlessVectorEnv


SPEC = register_environment(
    EnvironmentSpec(name="Restless", namespace="Mine", model=RestlessEnv.model())
)
