"""Distances against all sessions that there can be, with probabilities from the tables alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from carousel_agents.generalisation import distance
from carousel_envs import Population, user_table
from carousel_envs.users.cues import cue_table
from carousel_envs.users.table import UNIT
from support.distance_helpers import TINY


class Book:
    """P(everything shown so far, user, mood), user by user, with what has worn off."""

    def __init__(self, population: Population) -> None:
        self.table, self.cues = user_table(population), cue_table(population).probability
        self.hook = np.rint(population.per_action("hook") * UNIT) / UNIT
        self.start = np.zeros((len(self.table), 2))
        self.start[:, 0] = 1.0 / len(self.table)

    def turn(self, mass, satiation, persona: int, arrives: bool, said: bool):
        """(engaged, symbol, goodbye, left) -> mass of those who show it, before boredom."""
        table = self.table
        if arrives:
            fit = table.fit[:, persona]
            mass = mass.sum(axis=1)[:, None] * np.stack([fit, 1 - fit], axis=1)
        lost = (table.gain * satiation)[:, persona]
        engages = np.maximum(table.engagement[:, persona] - lost[:, None], 0.0)
        kept = self.hook[persona] if said else 1.0
        found = {}
        for shown in itertools.product((0, 1), range(self.cues.shape[1]), (0, 1), (0, 1)):
            engaged, symbol, goodbye, left = shown
            like = kept * (engages if engaged else 1 - engages)
            like = like * (table.farewell if goodbye else 1 - table.farewell)
            like = like * (table.leave if left else 1 - table.leave)
            if left and not engaged and not goodbye:
                like = like + (1 - kept)
            found[shown] = mass * like * self.cues[:, symbol]
        return found

    def after(self, mass, satiation, persona: int):
        """Mass and satiation before the next turn."""
        moved = mass[:, 0] * self.table.hazard[:, persona]
        eaten = np.arange(satiation.shape[1]) == persona
        next_satiation = self.table.memory[:, None] * (satiation + eaten)
        return mass + np.stack([-moved, moved], axis=1), next_satiation


def enumerated(source: Population, target: Population) -> tuple[float, float]:
    """Relative entropy per session, and expected turns, over all sessions there can be."""
    books = Book(target), Book(source)
    k, length = target.n_actions, target.session_length

    def ahead(states, turn: int, current: int, said: bool, chance: float) -> tuple[float, float]:
        nats = turns = 0.0
        for persona in range(k):
            options = [
                book.turn(mass, satiation, persona, persona != current, said)
                for book, (mass, satiation) in zip(books, states, strict=True)
            ]
            for shown, mass in options[0].items():
                p, q = mass.sum(), options[1][shown].sum()
                if p == 0.0:
                    continue
                _, _, goodbye, left = shown
                if left or turn == length:
                    nats += chance / k * p * math.log(p / q)
                    turns += chance / k * p * turn
                    continue
                following = [
                    book.after(option[shown], satiation, persona)
                    for book, option, (_, satiation) in zip(books, options, states, strict=True)
                ]
                found = ahead(following, turn + 1, persona, bool(goodbye), chance / k)
                nats, turns = nats + found[0], turns + found[1]
        return nats, turns

    states = [(book.start, np.zeros((len(book.table), k))) for book in books]
    return ahead(states, 1, -1, False, 1.0)


BUSY = TINY.replace(
    satiation_gain=0.2,
    satiation_memory=0.6,
    farewell_fresh=0.1,
    farewell_bored=0.4,
    hook=(0.3, 0.8),
    shows=("farewell",),
)
TWO_CUES = TINY.replace(session_length=2, cues=(((0.7, 0.3), (0.2, 0.8)), ((0.1, 0.9), (0.5, 0.5))))


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        (TINY, {"boredom_hazard": 0.8}),
        (TINY, {"archetype_weights": (1.0, 4.0), "leave_bored": 0.5}),
        (TWO_CUES, {"cues": (TWO_CUES.cues[0][::-1], TWO_CUES.cues[1])}),
        (BUSY, {"farewell_bored": 0.7, "hook": (0.7, 0.1), "satiation_gain": 0.4}),
    ],
    ids=["hazard", "kinds and leaving", "cues", "goodbyes and satiation"],
)
def test_all_sessions_there_can_be_are_what_is_estimated(source: Population, changes):
    target = source.replace(**changes)
    nats, turns = enumerated(source, target)
    found = distance(source, target, sessions=20_000)
    assert nats > 5 * found.nats_se > 0.0
    assert abs(found.nats - nats) < 4 * found.nats_se
    assert abs(found.per_turn - nats / turns) < 4 * found.per_turn_se
