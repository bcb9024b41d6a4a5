"""Environments in plain NumPy: what a subclass returns is checked."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

from carousel_envs import BasePopulation, CarouselError
from carousel_envs.lanes.numpy_env import NumpyVectorEnv


class Coins(BasePopulation):
    """Coins that come up heads as often as they are said to."""

    texts = ("personas",)
    personas: tuple[str, ...] = Field(("left", "right"), description="which coin")
    session_length: int = Field(5, ge=1, le=100, description="throws, 1 to 100")
    heads: float = Field(0.5, ge=0, le=1, description="P(heads), in [0, 1]")


class CoinsEnv(NumpyVectorEnv):
    """Throws of coins."""

    population_type = Coins
    info_keys: ClassVar = {"heads": np.bool_}
    answer = None
    shown = None

    @classmethod
    def own_columns(cls, population):
        return {"heads": (-1.0, 1.0)}

    def make_state(self, lanes):
        return {"heads": np.full(lanes, -1.0)}

    def begin(self, which, users):
        self.state["heads"][which] = -1.0

    def turn(self, turn):
        heads = turn.uniform(0) < self.population.heads
        self.state["heads"][:] = heads
        own = heads * 1.0, np.zeros(len(heads), np.bool_), {"heads": heads}
        return own if self.answer is None else self.answer(*own)

    def observe(self):
        return self.state["heads"][:, None] if self.shown is None else self.shown


def env(**options) -> CoinsEnv:
    return CoinsEnv(4, population=Coins(), **options)


def test_a_coin_comes_up_heads_as_often_as_said():
    coins = CoinsEnv(4000, population=Coins(heads=0.3))
    coins.reset(seed=0)
    _, reward, _, _, info = coins.step(np.zeros(4000, np.int64))
    assert abs(reward.mean() - 0.3) < 4 * np.sqrt(0.21 / 4000)
    np.testing.assert_array_equal(info["heads"], reward > 0)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda r, leaves, info: (r, leaves), r"turn returned .*; it must return reward"),
        (lambda r, leaves, info: (r[:, None], leaves, info), r"reward .*shape \(4, 1\)"),
        (lambda r, leaves, info: (r * np.nan, leaves, info), "reward of turn holds nan"),
        (lambda r, leaves, info: (r, r, info), "leaves of turn has dtype float64"),
        (lambda r, leaves, info: (r, leaves, {}), "they must be those of info_keys"),
        (lambda r, leaves, info: (r, leaves, {"heads": r}), "heads of turn has dtype float64"),
        (lambda r, leaves, info: (r, leaves, {"heads": leaves[:1]}), "info_keys says bool"),
        (lambda r, leaves, info: (r, leaves, {**info, "x": 1}), "info of turn has the keys"),
    ],
)
def test_what_a_turn_returns_is_checked(answer, said, monkeypatch):
    coins = env()
    coins.reset(seed=0)
    monkeypatch.setattr(coins, "answer", answer)
    with pytest.raises(CarouselError, match=said):
        coins.step(np.zeros(4, np.int64))


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (np.zeros((4, 2)), r"observe returned shape \(4, 2\); it must be \(4, 1\)"),
        (np.full((4, 1), "x"), "observe returned dtype <U1; it must return numbers"),
        (np.array([[0], [1], [1.5], [2]]), "returned 1.5 for 'heads' of lane 2; own_columns says"),
        (np.array([[0], [np.nan], [0], [0]]), "returned nan for 'heads' of lane 1"),
    ],
)
def test_what_is_observed_is_checked(shown, said, monkeypatch):
    coins = env()
    monkeypatch.setattr(coins, "shown", shown)
    with pytest.raises(CarouselError, match=said):
        coins.reset(seed=0)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (["heads"], r"own_columns returned \['heads'\]; it must return a dict"),
        ({"heads": 1.0}, "own_columns says 1.0 of 'heads'"),
        ({"heads": (1.0, -1.0)}, r"own_columns says \(1.0, -1.0\) of 'heads'"),
        ({"heads": (0.0, np.nan)}, "it must say the smallest and the largest value"),
        ({"heads": ("low", "high")}, "two numbers"),
    ],
)
def test_limits_of_columns_are_two_numbers(own, said, monkeypatch):
    monkeypatch.setattr(CoinsEnv, "own_columns", classmethod(lambda cls, population: own))
    with pytest.raises(CarouselError, match=said):
        env()
