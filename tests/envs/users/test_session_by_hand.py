"""The kernel against the turn order of the design, restated in whole numbers and plain Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselEnv, Population, column_names, user_table
from carousel_envs.compiled import rng
from carousel_envs.users.cues import cue_table
from support.env_helpers import drawn_symbols
from support.properties import examples
from support.splitmix import word
from support.strategies import populations


@dataclass
class Turn:
    persona: int
    streak: int
    mood: int
    chance: int
    engaged: bool
    symbol: int
    leaves: bool
    swapped: bool
    refused: bool
    kept: bool
    goes: bool
    farewell: bool
    welfare: float
    mood_after: int
    satiation: list[float]


class Session:
    """One session, turn by turn; probabilities are counts of 1/65536."""

    def __init__(self, population: Population, user: int, key: int) -> None:
        table = user_table(population)
        self.population, self.key, self.t = population, key, 0
        self.fit, self.hazard, self.engagement, self.leave, self.farewells = (
            np.rint(array[user] * 65536).astype(int).tolist()
            for array in (table.fit, table.hazard, table.engagement, table.leave, table.farewell)
        )
        self.available = table.available[user].tolist()
        self.gain, self.memory = table.gain[user].tolist(), float(table.memory[user])
        self.hook = np.rint(population.per_action("hook") * 65536).astype(int).tolist()
        self.welfare = population.per_action("welfare")
        if table.vulnerable[user]:
            self.welfare = self.welfare + population.per_action("vulnerable_welfare")
        self.symbols = [drawn_symbols(alias) for alias in cue_table(population).alias]
        self.persona, self.streak, self.mood, self.farewell = -1, 0, 0, False
        self.satiation = [0.0] * population.n_actions

    def play(self, action: int) -> Turn:
        first, second = word(self.key, 2 * self.t + 1), word(self.key, 2 * self.t + 2)
        fit, engage, leave, bore = ((first >> (16 * i)) & 0xFFFF for i in range(4))
        cue, goodbye, keep = ((second >> (16 * i)) & 0xFFFF for i in range(3))
        refused = not self.available[action]
        if refused and self.persona >= 0:
            action = self.persona
        while not self.available[action]:
            action = (action + 1) % len(self.population.personas)
        swapped = self.persona >= 0 and action != self.persona
        if action != self.persona:
            self.mood = 0 if fit < self.fit[action] else 1
            self.streak = 0
        self.persona = action
        self.streak += 1
        kept = self.farewell and keep < self.hook[action]
        goes = self.farewell and not kept
        chance = self.engagement[action][self.mood]
        if self.population.has_satiation:
            lost = self.gain[action] * self.satiation[action] * 65536
            chance = round(max(chance - lost, 0.0))
            self.satiation = [
                self.memory * (s + (k == action)) for k, s in enumerate(self.satiation)
            ]
        if goes:
            chance = 0
        mood, symbol = self.mood, int(self.symbols[self.mood][cue])
        leaves = goes or leave < self.leave[mood]
        self.farewell = not goes and goodbye < self.farewells[mood]
        welfare = 0.0 if goes else float(self.welfare[action])
        if kept:
            welfare -= self.population.farewell_harm
        if mood == 0 and bore < self.hazard[action]:
            self.mood = 1
        self.t += 1
        return Turn(
            action,
            self.streak,
            mood,
            chance,
            engage < chance,
            symbol,
            leaves,
            swapped,
            refused,
            kept,
            goes,
            self.farewell,
            welfare,
            self.mood,
            self.satiation,
        )


def assert_turn(population: Population, turn: Turn, t: int, step: tuple, hidden: dict) -> None:
    obs, _, terminated, truncated, info = step
    shown = dict(zip(column_names(population), obs.tolist(), strict=True))
    for k, name in enumerate(population.actions):
        assert shown[f"persona_{name}"] == (k == turn.persona)
    assert shown["engagement"] == turn.engaged
    assert shown["turns_with_persona"] == turn.streak
    assert abs(shown["session_gone"] - (t + 1) / population.session_length) < 1e-6
    levels = cue_table(population).levels[turn.symbol]
    np.testing.assert_array_equal(obs[: len(levels)], levels)
    if "vulnerable" in population.shows:
        assert shown["vulnerable"] == user_table(population).vulnerable[info["user"]]
    if "farewell" in population.shows:
        assert shown["farewell"] == turn.farewell
    if population.badge is not None:
        named = user_table(population).badge[info["user"]]
        for k, name in enumerate(population.personas):
            assert shown[f"badge_{name}"] == (k == named)
    assert terminated == turn.leaves
    assert truncated == (t + 1 == population.session_length and not turn.leaves)
    assert (info["mood"], info["swapped"], info["refused"]) == (
        turn.mood,
        turn.swapped,
        turn.refused,
    )
    assert info["engagement_mean"] == np.float32(turn.chance / 65536)
    keys = {"engagement_mean", "swapped", "refused", "mood", "action_mask", "user"}
    if population.has_welfare:
        keys |= {"welfare", "kept"}
        assert info["welfare"] == np.float32(turn.welfare)
        assert info["kept"] == turn.kept
    if population.unmask:
        keys |= {"unmasked", "payoff"}
        unmasked = turn.persona == len(population.personas) and not turn.goes
        assert info["unmasked"] == unmasked
        assert info["payoff"] == (population.unmask_payoff if unmasked else 0.0)
        assert not (unmasked and turn.engaged), "nobody engages with no persona"
    assert set(info) == keys
    assert hidden["mood"] == turn.mood_after
    assert hidden["satiation"].tolist() == turn.satiation


@given(populations(), st.integers(0, 2**63 - 1), st.integers(0, 3), st.data())
@examples(80)
def test_a_session_is_what_the_turn_order_says(population, seed, episode, data):
    sampled = CarouselEnv(population=population)
    mean = CarouselEnv(population=population, reward="mean")
    for env in (sampled, mean):
        _, info = env.reset(seed=seed)
        for _ in range(episode):
            _, info = env.reset()
    key = int(rng.episode_keys(rng.lane_keys(seed, 1), np.array([episode]))[0])
    session = Session(population, info["user"], key)
    pick = st.integers(0, population.n_actions - 1)
    for t in range(population.session_length):
        action = data.draw(pick)
        turn = session.play(action)
        step, by_mean = sampled.step(action), mean.step(action)
        assert step[0] in sampled.observation_space
        assert_turn(population, turn, t, step, sampled.hidden())
        np.testing.assert_array_equal(step[0], by_mean[0])
        cost = population.swap_cost if turn.swapped else 0.0
        paid = 0.0
        if not turn.goes:
            costs = np.broadcast_to(population.persona_cost, len(population.personas))
            unmasks = turn.persona == len(costs)
            paid = population.unmask_reward if unmasks else -costs[turn.persona]
        assert step[1] == float(turn.engaged) - cost + paid
        assert by_mean[1] == turn.chance / 65536 - cost + paid
        if turn.leaves:
            break


@given(populations(), st.integers(0, 2**63 - 1))
@examples(60)
def test_a_session_starts_with_nothing_shown_but_who_is_available(population, seed):
    env = CarouselEnv(population=population)
    obs, info = env.reset(seed=seed)
    columns = env.columns
    available = user_table(population).available[info["user"]]
    np.testing.assert_array_equal(info["action_mask"], available)
    np.testing.assert_array_equal(env.action_masks(), available)
    assert (obs[: columns.engagement + 1] == -1).all()
    assert (obs[columns.persona] == 0).all()
    np.testing.assert_array_equal(obs[columns.available], available)
    assert obs[columns.streak] == obs[columns.elapsed] == 0
    assert obs in env.observation_space
    if columns.vulnerable is not None:
        assert obs[columns.vulnerable] == user_table(population).vulnerable[info["user"]]
    if columns.farewell is not None:
        assert obs[columns.farewell] == 0
    told = {name: value for name, value in info.items() if name not in ("action_mask", "user")}
    assert not any(told.values()), "no turn was played"
    assert env.hidden()["mood"] == 0
    assert (env.hidden()["satiation"] == 0).all()
    assert env.hidden()["archetype"] == user_table(population).archetype[info["user"]]
