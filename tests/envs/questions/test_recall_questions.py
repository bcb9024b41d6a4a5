"""Questions as a population: every field moves what it says, and bad input gets one sentence."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Persona, Questions, RecallVectorEnv
from carousel_envs.reference import solve_recall
from support.properties import examples
from support.recall_helpers import Asked, ask, digest_of_answers, noisy, questions, tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LANES = 4000


def mean_of(name: str) -> Callable[[Asked], np.ndarray]:
    return lambda asked: getattr(asked, name).mean(axis=0)


def turns(asked: Asked) -> np.ndarray:
    return np.full(asked.reward.shape[1], float(len(asked.reward)))


def about(topic: int) -> Callable[[Asked], np.ndarray]:
    return lambda asked: (asked.topic == topic).mean(axis=0)


def wrong_topic(asked: Asked) -> np.ndarray:
    return (asked.topic != asked.topic_shown).mean(axis=0)


def wrong_year(asked: Asked) -> np.ndarray:
    return (asked.year != asked.year_shown).mean(axis=0)


def years_off(asked: Asked) -> np.ndarray:
    return np.abs(asked.year - asked.year_shown).mean(axis=0)


class Case(NamedTuple):
    """Field from `low` to `high` raises (sign 1) or lowers (-1) a quantity of the play."""

    low: object
    high: object
    quantity: Callable[[Asked], np.ndarray]
    sign: int
    persona: int = 0
    base: Mapping[str, object] = MappingProxyType({})


LATE = {"forbidden_from": 2024, "forbidden_until": 2024}

CASES: dict[str, Case] = {
    "personas": Case(("alice", "poet"), ("poet", "alice"), mean_of("knowledgeable"), 1, persona=1),
    "topics": Case(
        ("science", "news", "politics", "sport", "music"),
        ("science", "news", "gossip", "sport", "music"),
        mean_of("knowledgeable"),
        -1,
    ),
    "topic_weights": Case((1.0,) * 5, (1.0, 4.0, 1.0, 1.0, 1.0), about(1), 1),
    "first_year": Case(2016, 2019, mean_of("knowledgeable"), -1, persona=1),
    "year_weights": Case((1.0,) * 10, (*(1.0,) * 9, 9.0), mean_of("year"), 1),
    "forbidden_topic": Case("music", "news", mean_of("forbidden"), 1),
    "forbidden_from": Case(2024, 2022, mean_of("forbidden"), 1),
    "forbidden_until": Case(2024, 2025, mean_of("forbidden"), 1),
    "cutoffs": Case((2025, 2020, 2022), (2025, 2024, 2022), mean_of("knowledgeable"), 1, persona=1),
    "interests": Case(
        (("news",), ("sport",), ("music",)),
        (("news",), ("sport", "news"), ("music",)),
        mean_of("knowledgeable"),
        1,
        persona=1,
    ),
    "lies": Case((), ((0.5,) * 5, (0.0,) * 5, (0.0,) * 5), mean_of("knowledgeable"), -1),
    "topic_noise": Case(0.1, 0.4, wrong_topic, 1),
    "year_noise": Case(0.1, 0.4, wrong_year, 1),
    "year_error": Case(1, 3, years_off, 1),
    "session_length": Case(7, 12, turns, 1),
    "own_personas": Case(
        (Persona(name="alice", interests=("news",), knowledge_cutoff=2016),),
        (Persona(name="alice", interests=("news",), knowledge_cutoff=2025),),
        mean_of("knowledgeable"),
        1,
    ),
}


def both(name: str) -> tuple[Questions, Questions]:
    case = CASES[name]
    return tuple(noisy(**{**case.base, name: value}) for value in (case.low, case.high))


def test_every_field_has_a_case():
    assert CASES.keys() == Questions.model_fields.keys()


@pytest.mark.parametrize("name", CASES)
def test_every_field_changes_the_trajectory(name):
    low, high = both(name)
    assert digest_of_answers(low) != digest_of_answers(high)
    assert low.fingerprint != high.fingerprint


@pytest.mark.parametrize("name", CASES)
def test_every_field_moves_what_it_says(name):
    case = CASES[name]
    low, high = (case.quantity(ask(x, case.persona, LANES)) for x in both(name))
    gain = case.sign * (high.mean() - low.mean())
    error = np.sqrt((low.var() + high.var()) / LANES)
    assert gain > 6 * error
    assert gain > 0


@pytest.mark.parametrize("name", ["topic_noise", "year_noise"])
def test_noise_costs_the_optimum(name):
    low, high = both(name)
    assert solve_recall(low).value > solve_recall(high).value


# -- making one -----------------------------------------------------------------------------------


@given(questions())
@examples(60)
def test_json_gives_the_same_questions_back(population):
    text = population.to_json()
    again = Questions.from_json(text)
    assert again == population
    assert hash(again) == hash(population)
    assert (again.to_json(), again.fingerprint) == (text, population.fingerprint)


def test_the_preset_is_the_default():
    assert Questions.preset("Recall") == Questions()
    assert dict(Questions.described()).keys() == Questions.model_fields.keys()
    assert all(meaning for _, meaning in Questions.described())
    assert Questions().actions == Questions().personas
    assert Questions().last_year == 2025
    with pytest.raises(CarouselError, match="one of Population, not of Questions"):
        Questions.preset("Boredom")


def test_overrides_equal_to_the_repertoire_play_alike():
    spelt = Questions(cutoffs=Questions().known_until, interests=Questions().known_topics)
    assert digest_of_answers(spelt) == digest_of_answers(Questions())
    assert spelt.fingerprint != Questions().fingerprint


BAD = (
    ({"personas": ("alice",)}, "personas is ('alice',)", "at least 2"),
    ({"personas": ("alice", "eve")}, "personas names 'eve'", "known are alice, bob"),
    ({"personas": ("alice", "alice")}, "repeats a name", "each may appear once"),
    ({"topics": ("news", "news")}, "topics ('news', 'news') repeats", "each may appear once"),
    ({"topics": ("news",)}, "topics is ('news',)", "at least 2"),
    ({"topics": ("news", "")}, "topics[1] is ''", "at least 1 character"),
    ({"topic_weights": (1.0,)}, "topic_weights has 1 entries", "one per topic (5)"),
    ({"topic_weights": (0.0,) * 5}, "topic_weights are all zero", "at least one"),
    ({"topic_weights": (1.0, -1.0, 1.0, 1.0, 1.0)}, "topic_weights[1] is -1.0", "not all zero"),
    ({"topic_weights": "12345"}, "topic_weights is '12345'", "numbers, not text"),
    ({"year_weights": (1.0,)}, "year_weights is (1.0,)", "2 to 64"),
    ({"year_weights": (0.0,) * 9}, "year_weights are all zero", "at least one"),
    ({"year_weights": (1e308,) * 10}, "year_weights have an infinite sum", "finite"),
    ({"year_weights": (float("nan"),) * 10}, "year_weights[0] is nan", "2 to 64"),
    ({"first_year": -1}, "first_year is -1", "0 to 9999"),
    ({"first_year": 9995}, "year_weights reach to the year 10004", "9999 at most"),
    ({"first_year": True}, "first_year is True", "numbers"),
    ({"first_year": 2016.5}, "first_year is 2016.5", "0 to 9999"),
    ({"forbidden_topic": "gossip"}, "forbidden_topic is 'gossip'", "None or one of science, news"),
    ({"forbidden_from": 2015}, "forbidden_from is 2015", "2016 to 2025"),
    ({"forbidden_until": 2023}, "forbidden_until is 2023", "2024 to 2025"),
    ({"cutoffs": (2025,)}, "cutoffs has 1 entries", "one per persona (3), or none"),
    ({"cutoffs": (2025, 2020, -1)}, "cutoffs[2] is -1", "0 to 9999"),
    ({"interests": ((), ())}, "interests has 2 entries", "one per persona (3), or none"),
    ({"interests": 5}, "interests is 5", "one tuple of names per persona"),
    ({"topic_noise": 1.1}, "topic_noise is 1.1", "in [0, 1]"),
    ({"year_noise": "0.1"}, "year_noise is '0.1'", "numbers, not text"),
    ({"year_error": 0}, "year_error is 0", "1 to 63"),
    ({"session_length": 0}, "session_length is 0", "1 to 10 000"),
    ({"personas": {"alice"}}, "personas is {'alice'}", "must have an order"),
    ({"topics": {"news"}}, "topics is {'news'}", "must have an order"),
    ({"topic_weights": {1.0, 2.0}}, "topic_weights is {1.0, 2.0}", "must have an order"),
    ({"cutoffs": frozenset({2025})}, "cutoffs is frozenset({2025})", "must have an order"),
    ({"year_weights": {1: 2, 3: 4}.keys()}, "year_weights is dict_keys([1, 3])", "made of numbers"),
    ({"interests": ({"news"}, (), ())}, "interests is ({'news'}, (), ())", "must have an order"),
    ({"topics": (b"news", b"sport")}, "topics is (b'news', b'sport')", "made of text"),
    ({"topic_noise": b"0.1"}, "topic_noise is b'0.1'", "numbers, not text"),
    ({"topic_noise": np.array(True)}, "topic_noise is array(True)", "truth values"),
    ({"swap_cost": 0.1}, "swap_cost is not a field of Questions", "fields are personas, topics"),
)


@pytest.mark.parametrize(("fields", "what", "allowed"), BAD, ids=str)
def test_bad_fields_are_named(fields, what, allowed):
    with pytest.raises(CarouselError) as caught:
        Questions(**fields)
    for fragment in (what, allowed):
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(CarouselError, match=re.escape(what[:20])):
        Questions().replace(**fields)


@pytest.mark.parametrize("text", ["", "[]", "5", "{", '{"topics": 3}', '{"nothing": 3}'])
def test_bad_json_is_one_sentence(text):
    with pytest.raises(CarouselError) as caught:
        Questions.from_json(text)
    assert "\n" not in str(caught.value)


JUNK = st.one_of(
    st.booleans(),
    st.floats(allow_nan=True),
    st.integers(-(10**6), 10**6),
    st.text(max_size=4),
    st.lists(st.integers(-3, 3), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@given(st.sampled_from(sorted(Questions.model_fields)), JUNK)
@examples(200)
def test_whatever_is_given_is_played_or_refused_by_name(name, value):
    population, sentence = None, ""
    try:
        population = tiny(**{name: value})
    except CarouselError as error:
        sentence = str(error)
    if population is None:
        # what hangs together is named by the field that no longer fits
        assert name in sentence or name in ("first_year", "topics", "personas")
        assert "\n" not in sentence
        return
    assert json.loads(population.to_json())
    env = RecallVectorEnv(3, population=population)
    assert env.reset(seed=0)[0].shape == (3, env.columns.width)


def test_questions_cannot_be_changed():
    with pytest.raises(CarouselError, match="frozen"):
        Questions().topic_noise = 0.5


def test_questions_print_what_differs_from_the_defaults():
    assert repr(Questions()) == str(Questions.preset("Recall")) == "Questions()"
    changed = Questions(topic_noise=0.5, cutoffs=(2020, 2021, 2022))
    assert repr(changed) == "Questions(cutoffs=(2020, 2021, 2022), topic_noise=0.5)"
    assert eval(repr(changed)) == changed
