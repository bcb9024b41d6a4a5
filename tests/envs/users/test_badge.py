"""Badges: a visible context that names, as often as said, the persona that fits a user best."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import (
    CarouselEnv,
    CarouselError,
    CarouselVectorEnv,
    Columns,
    Population,
    column_names,
    user_table,
)
from carousel_envs.reference import solve
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.shifts import SEVERITIES, SHIFTS
from support.env_helpers import busy, digest_of_play, frequency_fits, plain
from support.plays import turns

MANY = 40_000


def badged(accuracy: float | None, **changes: object) -> Population:
    """Three kinds of user, each of whom likes one persona, in short sessions."""
    fields = {
        "session_length": 3,
        "fit": ((0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.2, 0.1, 0.9)),
        "archetypes": ((1.0, 0.0, 0.0, 0.0),) * 3,
        "archetype_weights": (0.4, 0.3, 0.3),
        "boredom_hazard": 0.1,
        "engagement_fresh": 0.8,
        "engagement_bored": 0.1,
        "swap_cost": 0.5,
        "cues": (((0.8, 0.2), (0.3, 0.7)),),
        "n_users": 400,
        "badge": accuracy,
    }
    return plain(**{**fields, **changes})


def best(population: Population) -> np.ndarray:
    return user_table(population).fit[:, : len(population.personas)].argmax(axis=1)


def right(population: Population) -> float:
    return float((user_table(population).badge == best(population)).mean())


@pytest.mark.parametrize("accuracy", [0.0, 0.3, 0.9, 1.0])
def test_a_badge_names_the_best_as_often_as_said_and_others_alike(accuracy):
    population = badged(accuracy, n_users=MANY)
    named, fits = user_table(population).badge, best(population)
    assert frequency_fits((named == fits).sum(), MANY, accuracy)
    for step in (1, 2):
        assert frequency_fits((named == (fits + step) % 3).sum(), MANY, (1.0 - accuracy) / 2)


def test_another_accuracy_moves_only_those_whose_badge_turns_right_or_wrong():
    low, high = (user_table(badged(x, n_users=4000)).badge for x in (0.4, 0.7))
    fits = best(badged(0.4, n_users=4000))
    assert ((low == high) | (high == fits)).all()
    assert ((low == fits) <= (high == fits)).all()
    assert 0.25 < (low != high).mean() < 0.35


def test_without_badges_text_fingerprint_and_users_are_what_they_were():
    population = Population.preset("Boredom")
    assert population.badge is None
    assert "badge" not in population.to_json()
    assert population.fingerprint == "eeba468a3b58e684"
    assert user_table(population).fingerprint == "8af9059b09bb5df5"
    assert (user_table(population).badge == -1).all()
    shown = user_table(busy(badge=0.5))
    for name in ("fit", "hazard", "engagement", "leave", "farewell", "available", "vulnerable"):
        np.testing.assert_array_equal(getattr(shown, name), getattr(user_table(busy()), name))


def test_a_badge_adds_columns_that_stay_and_moves_nothing_else():
    one, other = busy(unmask=True), busy(unmask=True, badge=0.6)
    columns = Columns.of(other)
    assert column_names(other)[columns.badge] == tuple(f"badge_{x}" for x in other.personas)
    named = user_table(other).badge
    for before, after in zip(
        turns(one, lambda t: t % 5), turns(other, lambda t: t % 5), strict=True
    ):
        np.testing.assert_array_equal(before.obs, after.obs[:, : columns.badge.start])
        np.testing.assert_array_equal(before.reward, after.reward)
        expected = np.eye(4)[named[after.user]]
        np.testing.assert_array_equal(
            after.obs[after.there][:, columns.badge], expected[after.there]
        )
        for key in before.info:
            np.testing.assert_array_equal(before.info[key], after.info[key])


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_the_next_session_shows_the_badge_of_its_own_user(mode):
    population = badged(0.5)
    env = CarouselVectorEnv(50, population=population, autoreset_mode=mode)
    obs, info = env.reset(seed=0)
    for _ in range(12):
        worn = np.eye(3)[user_table(population).badge[info["user"]]]
        np.testing.assert_array_equal(obs[:, env.columns.badge], worn)
        assert env.single_observation_space.contains(obs[0])
        obs, *_, info = env.step(np.zeros(50, dtype=np.int64))


def test_who_is_told_apart_by_badge_and_vulnerability_at_once_has_a_context_of_their_own():
    population = busy(badge=0.5, n_users=300)
    table, columns = user_table(population), Columns.of(population)
    env = CarouselVectorEnv(300, population=population)
    obs, _ = env.reset(seed=0, options={"user": np.arange(300)})
    seen = columns.context(obs)
    model = Model.of(population)
    assert set(seen) == set(model.contexts)
    assert seen.max() < columns.n_contexts
    kinds = {
        (tuple(a), bool(v), int(b))
        for a, v, b in zip(table.available, table.vulnerable, table.badge, strict=True)
    }
    assert len(kinds) == len(model.contexts)


def test_badges_are_drawn_with_the_turn():
    population = badged(1.0)
    env = CarouselEnv(population=population, render_mode="ansi")
    env.reset(seed=0, options={"user": 0})
    env.step(0)
    assert f"badge {population.personas[best(population)[0]]}" in env.render()


def test_the_reference_reads_badges_and_is_what_its_policies_earn():
    values = {}
    for accuracy in (None, 1 / 3, 0.9):
        population = badged(accuracy)
        reference = solve(population)
        values[accuracy] = reference
        for name, policy in (("value", reference.policy), ("blind", reference.blind_policy)):
            played = rollout(population, policy, 100_000, 7)
            assert abs(played.mean - getattr(reference, name)) < 4 * played.standard_error
    assert values[0.9].blind > values[None].blind + 0.3, "a badge is visible from the start"
    assert values[0.9].value > values[None].value + 0.2
    for name in ("best_fixed", "uniform"):
        assert getattr(values[0.9], name) == pytest.approx(getattr(values[None], name), abs=1e-9)


def test_badge_reversal_ends_in_badges_that_are_never_right():
    shift, training = SHIFTS["badge-reversal"], badged(0.9)
    casts = [shift.apply(training, s) for s in SEVERITIES]
    assert (np.diff([right(p) for p in casts]) < 0).all()
    assert right(casts[-1]) == 0.0
    assert len({digest_of_play(p) for p in casts}) == 5
    for quantity in ("best_fixed", "uniform"):
        assert shift.expected[quantity] == "same"
        figures = [getattr(solve(p), quantity) for p in (training, casts[-1])]
        assert figures[1] == pytest.approx(figures[0], abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"accuracy": None}, "show no badge"),
        ({"accuracy": 0.0}, "never name the best"),
        ({"fit": 0.5}, "every persona fits alike"),
    ],
)
def test_where_badges_mean_nothing_the_shift_says_so(changes, reason):
    population = badged(**{"accuracy": 0.9, **changes})
    with pytest.raises(CarouselError, match=f"'badge-reversal' does not apply: .*{reason}"):
        SHIFTS["badge-reversal"].apply(population, 0.5)
