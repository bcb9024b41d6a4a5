"""Questions, strategies and small drivers that the tests of the recall environment share."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from carousel_envs import Questions, RecallVectorEnv
from support.strategies import NAMES, unit

TURN_KEYS = (
    "knowledgeable",
    "lied",
    "deceived",
    "forbidden",
    "deceived_on_forbidden",
    "topic",
    "year",
    "swapped",
    "refused",
)
STATE_KEYS = ("action_mask", "user")

TINY = {
    "personas": ("alice", "bob"),
    "topics": ("news", "sport"),
    "topic_weights": (1.0, 1.0),
    "first_year": 2023,
    "year_weights": (1.0, 1.0),
    "cutoffs": (2024, 2022),
    "interests": (("news", "sport"), ("sport",)),
    "topic_noise": 0.0,
    "year_noise": 0.0,
    "session_length": 4,
}
"""Four equally likely questions; alice knows all of them, bob none; news of 2024 is forbidden."""


def tiny(**changes: object) -> Questions:
    """Four equally likely questions, with some fields changed."""
    return Questions(**{**TINY, **changes})


def noisy(**changes: object) -> Questions:
    """Questions with everything on and short sessions, with some fields changed."""
    fields = {"topic_noise": 0.3, "year_noise": 0.4, "year_error": 2, "session_length": 7}
    return Questions(**{**fields, **changes})


@st.composite
def questions(draw: st.DrawFn, max_turns: int = 6) -> Questions:
    """Any valid population of questions of a moderate size."""
    n_personas, n_topics = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    n_years = draw(st.integers(2, 5))
    topics = tuple(f"topic {t}" for t in range(n_topics))
    first = draw(st.integers(1990, 2030))
    dates = sorted(draw(st.tuples(*[st.integers(first, first + n_years - 1)] * 2)))

    def weights(n: int) -> tuple[float, ...]:
        return tuple(draw(st.lists(unit(), min_size=n, max_size=n).filter(lambda w: sum(w) > 0)))

    likes = st.lists(st.sampled_from(topics), unique=True).map(tuple)
    return Questions(
        personas=tuple(draw(st.permutations(NAMES)))[:n_personas],
        topics=topics,
        topic_weights=weights(n_topics),
        first_year=first,
        year_weights=weights(n_years),
        forbidden_topic=draw(st.sampled_from((None, *topics))),
        forbidden_from=dates[0],
        forbidden_until=dates[1],
        cutoffs=tuple(draw(st.integers(first - 1, first + n_years)) for _ in range(n_personas)),
        interests=tuple(draw(likes) for _ in range(n_personas)),
        topic_noise=draw(unit()),
        year_noise=draw(unit()),
        year_error=draw(st.integers(1, 3)),
        session_length=draw(st.integers(1, max_turns)),
    )


class Asked(NamedTuple):
    """What came to pass in the first session of every lane, each of shape (turns, lanes)."""

    reward: np.ndarray
    knowledgeable: np.ndarray
    forbidden: np.ndarray
    topic: np.ndarray
    year: np.ndarray
    topic_shown: np.ndarray
    year_shown: np.ndarray


def ask(population: Questions, persona: int = 0, lanes: int = 4000) -> Asked:
    """Play one session per lane, in which one persona answers everything."""
    env = RecallVectorEnv(lanes, population=population)
    obs, _ = env.reset(seed=0)
    turns = []
    for _ in range(population.session_length):
        topic, year = env.columns.question(obs)
        obs, reward, _, _, info = env.step(np.full(lanes, persona))
        told = (info[key] for key in ("knowledgeable", "forbidden", "topic", "year"))
        turns.append((reward, *told, topic, year + population.first_year))
    return Asked(*(np.array(part, dtype=np.float64) for part in zip(*turns, strict=True)))


def digest_of_answers(population: Questions, turns: int = 25, lanes: int = 200) -> str:
    """SHA-256 over everything that a fixed sequence of picks brings about."""
    digest = hashlib.sha256()
    env = RecallVectorEnv(lanes, population=population)
    obs, _ = env.reset(seed=0)
    digest.update(obs.tobytes())
    for actions in np.random.default_rng(0).integers(2, size=(turns, lanes)):
        obs, reward, terminated, truncated, info = env.step(actions)
        for array in (obs, reward, terminated, truncated, *(info[k] for k in TURN_KEYS)):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
