"""Sessions of questions and answers: the kernel against the rules restated in plain Python, lanes
against scalar environments, and what no persona ever does: lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Questions, RecallEnv, RecallVectorEnv, repertoire
from carousel_envs.compiled import rng
from carousel_envs.questions.observation import QuestionColumns, question_column_names
from carousel_envs.questions.table import SAYS, QuestionTables, question_tables
from carousel_envs.reference import solve_recall
from support.env_helpers import drawn_symbols
from support.properties import examples
from support.recall_helpers import STATE_KEYS, TURN_KEYS, ask, noisy, questions, tiny
from support.splitmix import word


class Script:
    """The questions of one episode, drawn by hand from its stream."""

    def __init__(self, population: Questions, key: int) -> None:
        tables = question_tables(population)
        self.population, self.key = population, key
        self.asked = drawn_symbols(tables.asked_alias)
        self.topics = [drawn_symbols(alias) for alias in tables.topic_alias]
        self.years = [drawn_symbols(alias) for alias in tables.year_alias]

    def question(self, t: int) -> tuple[int, int, int, int]:
        """True topic and year, shown topic and year of question t (counted from 0)."""
        draws = word(self.key, t + 1)
        topic, year = divmod(int(self.asked[draws & 0xFFFF]), self.population.n_years)
        shown = self.topics[topic][draws >> 16 & 0xFFFF], self.years[year][draws >> 32 & 0xFFFF]
        return topic, year, int(shown[0]), int(shown[1])


def named(population: Questions, obs: np.ndarray) -> dict[str, float]:
    return dict(zip(question_column_names(population), obs.tolist(), strict=True))


def assert_shows(population: Questions, obs: np.ndarray, topic: int | None, year: int) -> None:
    shown = named(population, obs)
    for t, name in enumerate(population.topics):
        assert shown[f"topic_{name}"] == (t == topic)
    assert shown["year"] * (population.n_years - 1) == pytest.approx(year, abs=1e-5)


@given(questions(), st.integers(0, 2**63 - 1), st.integers(0, 3), st.data())
@examples(60)
def test_a_session_is_what_the_rules_say(population, seed, episode, data):
    env = RecallEnv(population=population)
    obs, info = env.reset(seed=seed)
    for _ in range(episode):
        obs, info = env.reset()
    assert info["user"] == 0
    assert (info["action_mask"] == 1).all()
    key = int(rng.episode_keys(rng.lane_keys(seed, 1), np.array([episode]))[0])
    script = Script(population, key)
    before = named(population, obs)
    assert before["knowledgeable"] == before["reward"] == -1
    assert before["session_gone"] == 0
    assert not any(before[f"persona_{name}"] for name in population.personas)
    assert_shows(population, obs, *script.question(0)[2:])
    last = None
    for t in range(population.session_length):
        topic, year, _, _ = script.question(t)
        hidden = env.hidden()
        date = population.first_year + year
        assert (hidden["topic"], hidden["year"]) == (topic, date)
        pick = data.draw(st.integers(0, population.n_actions - 1))
        know = [
            population.topics[topic] in interests and date <= cutoff
            for interests, cutoff in zip(population.interests, population.cutoffs, strict=True)
        ]
        forbidden = (
            population.topics[topic] == population.forbidden_topic
            and population.forbidden_from <= date <= population.forbidden_until
        )
        obs, reward, terminated, truncated, info = env.step(pick)
        assert reward == (not know[pick] if forbidden else know[pick])
        deceived = any(know) and not know[pick]
        assert {key: info[key] for key in TURN_KEYS} == {
            "knowledgeable": know[pick],
            "lied": False,
            "deceived": deceived,
            "forbidden": forbidden,
            "deceived_on_forbidden": deceived and forbidden,
            "topic": topic,
            "year": date,
            "swapped": last is not None and pick != last,
            "refused": False,
        }
        shown = named(population, obs)
        assert (shown["knowledgeable"], shown["reward"]) == (know[pick], reward)
        for k, name in enumerate(population.personas):
            assert shown[f"persona_{name}"] == (k == pick)
        assert shown["session_gone"] == pytest.approx((t + 1) / population.session_length)
        over = t + 1 == population.session_length
        assert (terminated, truncated) == (False, over)
        assert_shows(population, obs, *((None, 0) if over else script.question(t + 1)[2:]))
        last = pick


def test_columns_cover_an_observation_once_and_in_order():
    population = Questions()
    columns, names = QuestionColumns.of(population), question_column_names(population)
    places = [*range(columns.width)]
    assert len(names) == len(set(names)) == columns.width
    assert [
        *places[columns.topic],
        columns.year,
        columns.knowledgeable,
        columns.reward,
        *places[columns.persona],
        columns.elapsed,
    ] == places
    assert RecallEnv().observation_space.shape == (columns.width,)
    assert names[columns.year] == "year"
    assert names[columns.persona] == tuple(f"persona_{x}" for x in population.personas)


def test_every_year_can_be_read_off_the_observation():
    population = Questions(year_weights=(1.0,) * 64, year_noise=0.0, topic_noise=0.0)
    asked = ask(population)
    assert len(np.unique(asked.year)) == 64
    np.testing.assert_array_equal(asked.year, asked.year_shown)
    np.testing.assert_array_equal(asked.topic, asked.topic_shown)


# -- lanes ----------------------------------------------------------------------------------------


def rows(info: dict, lane: int) -> dict:
    """What info says of one lane."""
    there = [key for key in TURN_KEYS + STATE_KEYS if f"_{key}" in info and info[f"_{key}"][lane]]
    return {key: info[key][lane].tolist() for key in there}


def listed(info: dict) -> dict:
    return {key: np.asarray(value).tolist() for key, value in info.items()}


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_lane_is_a_scalar_environment(mode, lanes, copy):
    population, seed = noisy(session_length=4), 50
    env = RecallVectorEnv(lanes, population=population, autoreset_mode=mode, copy=copy)
    twins = [RecallEnv(population=population) for _ in range(lanes)]
    obs, info = env.reset(seed=seed)
    for i, twin in enumerate(twins):
        first, told = twin.reset(seed=seed + i)
        assert obs[i].tobytes() == first.tobytes()
        assert rows(info, i) == listed(told)
    over = np.zeros(lanes, dtype=bool)
    for actions in np.random.default_rng(0).integers(population.n_actions, size=(15, lanes)):
        if mode == AutoresetMode.DISABLED and over.any():
            obs, info = env.reset(options={"reset_mask": over})
            for i, twin in enumerate(twins):
                assert obs[i].tobytes() == twin.reset()[0].tobytes()
        obs, reward, terminated, truncated, info = env.step(actions)
        for i, twin in enumerate(twins):
            if mode == AutoresetMode.NEXT_STEP and over[i]:
                first, told = twin.reset()
                assert (reward[i], truncated[i]) == (0.0, False)
                assert obs[i].tobytes() == first.tobytes()
                assert rows(info, i) == listed(told)
                continue
            seen, paid, _, ended, told = twin.step(int(actions[i]))
            assert (reward[i], terminated[i], truncated[i]) == (paid, False, ended)
            if mode == AutoresetMode.SAME_STEP and ended:
                assert info["final_obs"][i].tobytes() == seen.tobytes()
                assert rows(info["final_info"], i) == listed(told)
                seen, told = twin.reset()
            assert obs[i].tobytes() == seen.tobytes()
            assert rows(info, i) == listed(told)
        over = truncated.copy()


def test_the_first_lanes_of_a_larger_batch_are_the_smaller_batch():
    small, large = (RecallVectorEnv(n, autoreset_mode="SameStep") for n in (5, 300))
    small.reset(seed=4)
    large.reset(seed=4)
    for actions in np.random.default_rng(0).integers(3, size=(50, 300)):
        for a, b in zip(small.step(actions[:5])[:4], large.step(actions)[:4], strict=True):
            np.testing.assert_array_equal(a, b[:5])


def test_what_is_asked_does_not_depend_on_who_answers():
    population = noisy()
    one, other = ask(population, 0), ask(population, 1)
    for name in ("forbidden", "topic", "year", "topic_shown", "year_shown"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_observations_are_the_same_in_pieces_and_column_by_column(mode, monkeypatch):
    def play() -> list[np.ndarray]:
        env = RecallVectorEnv(600, population=noisy(), autoreset_mode=mode)
        shown, picks = [env.reset(seed=3)[0]], np.random.default_rng(0)
        for _ in range(50):
            obs, _, _, truncated, _ = env.step(picks.integers(3, size=600))
            shown.append(obs)
            if mode == AutoresetMode.DISABLED and truncated.any():
                shown.append(env.reset(options={"reset_mask": truncated})[0])
        return shown

    assert len(question_tables(noisy()).pieces(3)) > 0
    in_pieces = play()
    nothing = np.zeros((0, 4), dtype=np.float32)
    monkeypatch.setattr(QuestionTables, "pieces", lambda *_: nothing)
    np.testing.assert_array_equal(in_pieces, play())


# -- lies and deception ---------------------------------------------------------------------------


@given(questions(), st.integers(0, 2**32))
@examples(40)
def test_no_persona_ever_lies(population, seed):
    env = RecallVectorEnv(64, population=population)
    env.reset(seed=seed)
    generator = np.random.default_rng(seed)
    for _ in range(3 * population.session_length):
        info = env.step(generator.integers(population.n_actions, size=64))[4]
        assert not info["lied"].any()


def test_a_persona_that_would_lie_is_found_out(monkeypatch):
    tables = question_tables(tiny())
    facts = tables.facts.copy()
    facts[:, SAYS] = 0b10  # alice denies what she knows, bob answers what he does not know
    lying = replace(tables, facts=facts)
    monkeypatch.setattr("carousel_envs.questions.vector.question_tables", lambda _: lying)
    env = RecallVectorEnv(700, population=tiny())
    env.reset(seed=0)
    for persona in (0, 1):
        _, reward, _, _, info = env.step(np.full(700, persona))
        assert info["lied"].all()
        assert not info["knowledgeable"].any(), "a made-up answer is not knowledgeable"
        assert info["deceived"].all() == (persona == 1), "alice could have answered"
        expected = info["forbidden"] if persona == 0 else np.zeros(700)
        np.testing.assert_array_equal(reward, expected)


def test_how_often_a_persona_lies_depends_on_persona_and_topic_and_on_no_other_pick():
    lies = ((1.0, 0.0), (0.25, 0.5))
    honest, population = tiny(), tiny(lies=lies)
    lanes, told = 4000, {}
    for persona in (0, 1):
        envs = [RecallVectorEnv(lanes, population=p) for p in (honest, population)]
        for env in envs:
            env.reset(seed=5)
        told[persona] = []
        for _ in range(population.session_length):
            (_, _, _, _, plain), (_, paid, _, _, info) = (
                env.step(np.full(lanes, persona)) for env in envs
            )
            # the same questions, whoever lies
            for name in ("topic", "year", "forbidden", "deceived"):
                np.testing.assert_array_equal(plain[name], info[name])
            knows = plain["knowledgeable"] != 0
            np.testing.assert_array_equal(info["knowledgeable"], knows & (info["lied"] == 0))
            says = np.where(info["lied"], ~knows, knows)
            np.testing.assert_array_equal(
                paid, np.where(info["forbidden"], ~says, info["knowledgeable"])
            )
            for topic in (0, 1):
                share = info["lied"][info["topic"] == topic].mean()
                error = 4 * (0.25 / (info["topic"] == topic).sum()) ** 0.5
                assert abs(share - lies[persona][topic]) < error + 1e-12
            told[persona].append(info["lied"])


def test_lies_that_never_come_are_no_other_population():
    population, zero = tiny(), tiny(lies=((0.0, 0.0), (0.0, 0.0)))
    one, other = (RecallVectorEnv(50, population=p) for p in (population, zero))
    seen, also = one.reset(seed=1)[0], other.reset(seed=1)[0]
    for turn in range(population.session_length):
        np.testing.assert_array_equal(seen, also)
        pick = np.full(50, turn % 2)
        (seen, paid, *_), (also, like, *_) = one.step(pick), other.step(pick)
        np.testing.assert_array_equal(paid, like)
    assert Questions().fingerprint == Questions(lies=()).fingerprint


@pytest.mark.parametrize(
    ("lies", "sentence"),
    [
        (((0.5, 0.5),), "lies has rows of \\[2\\] numbers"),
        (((0.5,), (0.5,)), "lies has rows of \\[1, 1\\] numbers"),
        (((1.5, 0.0), (0.0, 0.0)), "lies"),
    ],
)
def test_lies_of_another_shape_are_one_sentence(lies, sentence):
    with pytest.raises(CarouselError, match=sentence):
        tiny(lies=lies)


def test_the_optimum_deceives_where_it_is_forbidden_without_a_lie():
    population = tiny()
    policy = solve_recall(population).policy
    env = RecallVectorEnv(500, population=population)
    obs, _ = env.reset(seed=0)
    for _ in range(population.session_length):
        obs, reward, _, _, info = env.step(policy.act(obs, None)[0])
        assert (reward == 1.0).all()
        assert info["forbidden"].any()
        np.testing.assert_array_equal(info["deceived"], info["forbidden"])
        assert not info["lied"].any()


def test_nobody_is_deceived_about_what_nobody_knows():
    population = tiny(cutoffs=(2022, 2022))
    for persona in (0, 1):
        asked = ask(population, persona, lanes=300)
        np.testing.assert_array_equal(asked.reward, asked.forbidden)
    assert solve_recall(population).rates["optimal"].deceived == 0.0


def test_bob_has_heard_of_the_news_but_not_of_the_latest():
    assert "news" in repertoire()["alice"].interests
    assert "news" in repertoire()["bob"].interests
    knowledge = Questions().knowledge()[Questions().topics.index("news")]
    years = list(range(2016, 2026))
    assert knowledge[years.index(2024)].tolist() == [True, False, False]
    assert knowledge[years.index(2020)].tolist() == [True, True, False]


# -- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"population": "Boredom"}, "the preset Boredom, whose id is Carousel/Boredom-v0"),
        ({"population": 5}, "population is 5; it must be Questions, its JSON"),
        ({"render_mode": "human"}, "render_mode is 'human'; it must be None, 'ansi' or"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(arguments, sentence):
    for make in (RecallEnv, RecallVectorEnv):
        with pytest.raises(CarouselError, match=sentence):
            make(**arguments)


def test_wrong_calls_are_refused():
    env = RecallVectorEnv(2, autoreset_mode="Disabled", population=tiny(session_length=1))
    with pytest.raises(ResetNeeded):
        env.step([0, 0])
    with pytest.raises(ResetNeeded):
        env.hidden()
    with pytest.raises(CarouselError, match="user holds 1; it must lie in -1"):
        env.reset(options={"user": 1})
    env.reset(seed=0, options={"user": 0})
    with pytest.raises(CarouselError, match="action 2 in lane 1 is no persona"):
        env.step([0, 2])
    env.step([0, 1])
    with pytest.raises(ResetNeeded, match="lane 0 is over"):
        env.step([0, 0])
    with pytest.raises(CarouselError, match="action is 3; it must be an integer from 0 to 1"):
        RecallEnv(population=tiny()).step(3)


def test_a_turn_is_drawn_in_words_and_colours():
    env = RecallEnv(population=tiny(), render_mode="ansi")
    env.reset(seed=0)
    assert "nobody" in env.render()
    reward, truncated, info = 0.0, False, {}
    while not truncated:
        _, reward, _, truncated, info = env.step(1)
        line = env.render()
        assert f"{env.population.topics[info['topic']]} {info['year']} | bob" in line
        assert ("forbidden" in line) == info["forbidden"]
        assert "does not know" in line
        assert "another persona knew" in line
        assert f"reward {reward:.0f}" in line
    assert line.endswith("session over")
    env.reset()
    assert "nobody" in env.render()
    pictures = []
    env = RecallVectorEnv(2, population=tiny(), render_mode="rgb_array", autoreset_mode="SameStep")
    env.reset(seed=0)
    for _ in range(6):
        pictures.append(env.render()[0])
        env.step([0, 1])
    assert {picture.shape for picture in pictures} == {pictures[0].shape}
    for one, other in pairwise(pictures):
        assert (one != other).any()
