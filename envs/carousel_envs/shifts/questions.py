"""Typed, graded shifts of questions and of who knows what.

Severity runs from 0, the training population itself, to 1. Topics, years and cast keep their
places, so that a router of training meets observations of the shape that it knows.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..foundation.plugins import Registry
from ..questions.population import Questions, as_questions
from ..questions.table import question_tables
from . import GradedShift

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

TOPIC_NOISE_MOST, YEAR_NOISE_MOST = 0.5, 0.8


class QuestionShift(GradedShift[Questions]):
    """A shift of `Questions`."""

    def _read(self, population: Questions | str) -> Questions:
        return as_questions(population)

    def _same_play(self, one: Questions, other: Questions) -> bool:
        if one.session_length != other.session_length:
            return False
        a, b = question_tables(one), question_tables(other)
        pairs = (
            (a.facts, b.facts),
            (a.asked, b.asked),
            (a.topic_shown, b.topic_shown),
            (a.year_shown, b.year_shown),
        )
        return all(np.array_equal(x, y) for x, y in pairs)


def _mixed(
    weights: tuple[float, ...], goal: NDArray[np.bool_], severity: float
) -> tuple[float, ...]:
    """Shares that move from these weights to equal shares of what `goal` marks."""
    old = np.array(weights) / sum(weights)
    new = (1.0 - severity) * old + severity * goal / goal.sum()
    return tuple(new.tolist())


# -- what each axis does --------------------------------------------------------------------------


def _near_topics(population: Questions) -> NDArray[np.bool_]:
    """Topics that stand beside the forbidden one, shape (topics,)."""
    here = np.array([t == population.forbidden_topic for t in population.topics])
    beside = np.zeros_like(here)
    beside[:-1] |= here[1:]
    beside[1:] |= here[:-1]
    return beside


def _near_years(population: Questions, *, before: bool, after: bool) -> NDArray[np.bool_]:
    """Years right before or after the forbidden ones, shape (years,)."""
    years = np.arange(population.first_year, population.last_year + 1)
    return np.asarray(
        (before & (years == population.forbidden_from - 1))
        | (after & (years == population.forbidden_until + 1))
    )


def _topics(population: Questions, severity: float) -> Questions:
    near = _near_topics(population)
    return population.replace(topic_weights=_mixed(population.topic_weights, near, severity))


def _dates(
    population: Questions, severity: float, *, before: bool = True, after: bool = True
) -> Questions:
    near = _near_years(population, before=before, after=after)
    return population.replace(year_weights=_mixed(population.year_weights, near, severity))


def _toward(cutoff: int, last_year: int, severity: float) -> int:
    return cutoff + round(severity * max(last_year - cutoff, 0))


def _behind(population: Questions) -> list[int]:
    """Personas interested in the forbidden topic whose knowledge ends before it does."""
    return [
        k
        for k, known in enumerate(population.known_topics)
        if population.forbidden_topic in known
        and population.known_until[k] < population.forbidden_until
    ]


def _learns(population: Questions, severity: float) -> Questions:
    cutoffs = list(population.known_until)
    for k in _behind(population):
        cutoffs[k] = _toward(cutoffs[k], population.last_year, severity)
    return population.replace(cutoffs=tuple(cutoffs))


def _newcomer(population: Questions) -> int | None:
    """The last of the cast that has nothing to say on the forbidden topic, if any."""
    silent = [
        k
        for k, known in enumerate(population.known_topics)
        if population.forbidden_topic not in known
    ]
    return silent[-1] if silent else None


def _newcomer_knows(population: Questions, severity: float) -> Questions:
    who = _newcomer(population)
    if who is None or population.forbidden_topic is None:
        return population
    # nearest topics first: what is forbidden comes with the slightest step
    here = population.topics.index(population.forbidden_topic)
    order = sorted(range(population.n_topics), key=lambda t: abs(t - here))
    known, cutoffs = list(population.known_topics), list(population.known_until)
    new = [population.topics[t] for t in order if population.topics[t] not in known[who]]
    known[who] = (*known[who], *new[: math.ceil(severity * len(new))])
    cutoffs[who] = _toward(cutoffs[who], population.last_year, severity)
    return population.replace(interests=tuple(known), cutoffs=tuple(cutoffs))


def _rephrased(population: Questions, severity: float) -> Questions:
    topic, year = population.topic_noise, population.year_noise
    return population.replace(
        topic_noise=topic + severity * max(TOPIC_NOISE_MOST - topic, 0.0),
        year_noise=year + severity * max(YEAR_NOISE_MOST - year, 0.0),
    )


# -- where an axis means nothing ------------------------------------------------------------------


def _nothing_forbidden(population: Questions) -> str:
    return "nothing is forbidden" if population.forbidden_topic is None else ""


def _no_such_years(population: Questions, *, before: bool = True, after: bool = True) -> str:
    if reason := _nothing_forbidden(population):
        return reason
    if not _near_years(population, before=before, after=after).any():
        return "no year beside the forbidden ones is asked about"
    return ""


def _nobody_behind(population: Questions) -> str:
    if reason := _nothing_forbidden(population):
        return reason
    if not _behind(population):
        return "no persona interested in the forbidden topic is behind on it"
    return ""


def _no_newcomer(population: Questions) -> str:
    if reason := _nothing_forbidden(population):
        return reason
    return (
        "" if _newcomer(population) is not None else "every persona talks about the forbidden topic"
    )


def _noise_obstacle(population: Questions) -> str:
    if population.topic_noise >= TOPIC_NOISE_MOST and population.year_noise >= YEAR_NOISE_MOST:
        return (
            f"its topic_noise is at least {TOPIC_NOISE_MOST:g} and its year_noise at least "
            f"{YEAR_NOISE_MOST:g} already"
        )
    return ""


_ALL: Iterable[QuestionShift] = (
    QuestionShift(
        "neighbouring-topics",
        "covariate",
        ("topic_weights",),
        "questions move to the topics beside the forbidden one; at 1 all of them",
        _topics,
        _nothing_forbidden,
        {"forbidden": "falls"},
    ),
    QuestionShift(
        "neighbouring-dates",
        "covariate",
        ("year_weights",),
        "questions move to the years right before and after the forbidden ones; at 1 all of them",
        _dates,
        _no_such_years,
        {"forbidden": "falls"},
    ),
    QuestionShift(
        "dates-before",
        "covariate",
        ("year_weights",),
        "questions move to the year right before the forbidden ones; at 1 all of them",
        partial(_dates, after=False),
        partial(_no_such_years, after=False),
        {"forbidden": "falls"},
    ),
    QuestionShift(
        "dates-after",
        "covariate",
        ("year_weights",),
        "questions move to the year right after the forbidden ones; at 1 all of them",
        partial(_dates, before=False),
        partial(_no_such_years, before=False),
        {"forbidden": "falls"},
    ),
    QuestionShift(
        "ignorant-learns",
        "repertoire",
        ("cutoffs",),
        "personas that are behind on the forbidden topic catch up, with the last year at 1",
        _learns,
        _nobody_behind,
        {"known": "rises", "forbidden": "same"},
    ),
    QuestionShift(
        "newcomer-knows",
        "repertoire",
        ("cutoffs", "interests"),
        "the last persona with nothing to say on the forbidden topic learns about it, and at 1 "
        "about everything",
        _newcomer_knows,
        _no_newcomer,
        {"known": "rises", "forbidden": "same"},
    ),
    QuestionShift(
        "rephrased",
        "observation",
        ("topic_noise", "year_noise"),
        f"the topic shown is wrong with up to {TOPIC_NOISE_MOST:g}, the year with up to "
        f"{YEAR_NOISE_MOST:g}",
        _rephrased,
        _noise_obstacle,
        {
            "value": "falls",
            "blind": "same",
            "best_fixed": "same",
            "uniform": "same",
            "forbidden": "same",
            "known": "same",
        },
    ),
)

SHIFTS: Registry[QuestionShift] = Registry("shift", "question_shifts")
"""Every shift of questions by name: ours, then those of plugins."""

for _shift in _ALL:
    SHIFTS.register(_shift)

register = SHIFTS.register
