"""The Bayes filter against an independent computation, and against what was really hidden."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselVectorEnv, Population, column_names, user_table
from carousel_envs.reference import Filter
from carousel_envs.reference.acting.filtering import Filters
from carousel_envs.reference.model import Model
from carousel_envs.users.cues import cue_table
from support.env_helpers import busy, plain, sticky_actions
from support.properties import examples
from support.strategies import populations


class Book:
    """P(user, mood | observations of one session), before the next pick, shape (users, 2).

    By the book, user by user, with the probabilities that the kernel draws with.
    """

    def __init__(self, population: Population, first: dict[str, float]) -> None:
        self.population, self.table = population, user_table(population)
        table, actions = self.table, population.actions
        self.joint = np.zeros((len(table), 2))
        available = [first[f"available_{name}"] == 1 for name in actions]
        self.joint[:, 0] = (table.available == available).all(axis=1)
        if "vulnerable" in population.shows:
            self.joint[:, 0] *= table.vulnerable == first["vulnerable"]
        if population.badge is not None:
            worn = [first[f"badge_{name}"] for name in population.personas]
            self.joint[:, 0] *= table.badge == worn.index(1.0)
        self.joint /= self.joint.sum()
        self.evidence = 1.0
        self.satiation = np.zeros((len(table), len(actions)))

    def see(self, seen: dict[str, float]) -> None:
        """Take one more turn into account."""
        table, population, joint = self.table, self.population, self.joint
        k = next(i for i, name in enumerate(population.actions) if seen[f"persona_{name}"])
        if seen["turns_with_persona"] == 1:
            users = joint.sum(axis=1)
            joint = np.stack([users * table.fit[:, k], users * (1 - table.fit[:, k])], axis=1)
        lost = (table.gain * self.satiation)[:, k]
        engages = np.maximum(table.engagement[:, k] - lost[:, None], 0.0)
        joint = joint * (engages if seen["engagement"] else 1.0 - engages)
        shown = cue_table(population)
        levels = [seen[name] for name in column_names(population)[: len(population.cues)]]
        joint *= shown.probability[:, (shown.levels == levels).all(axis=1)][:, 0]
        joint *= 1.0 - table.leave
        if "farewell" in population.shows:
            joint *= table.farewell if seen["farewell"] else 1.0 - table.farewell
        moved = joint[:, 0] * table.hazard[:, k]
        joint += np.stack([-moved, moved], axis=1)
        self.evidence = joint.sum()
        self.joint = joint / joint.sum()
        self.satiation[:, k] += 1.0
        self.satiation *= table.memory[:, None]


def sessions(population: Population, lanes: int, seed: int):
    """Play sticky random picks; yield observations, hidden state and who still plays."""
    env = CarouselVectorEnv(lanes, population=population)
    obs, _ = env.reset(seed=seed)
    there = np.ones(lanes, dtype=bool)
    yield obs, env.hidden(), there.copy()
    turns = population.session_length - 1
    for actions in sticky_actions(seed, turns, lanes, population.n_actions):
        obs, _, terminated, truncated, _ = env.step(actions)
        there &= ~(terminated | truncated)
        yield obs, env.hidden(), there.copy()


EVERYTHING = busy(unavailability=0.0, session_length=15, leave_bored=(0.02, 0.05))
PER_PERSONA = EVERYTHING.replace(
    fit=((0.2, 0.5, 0.9, 0.7), (0.8, 0.6, 0.1, 1.0)),
    appeal=(-0.1, 0.0, 0.2, 0.1),
    satiation_wear=(0.0, 3.0, 1.0, 0.5),
    hook=(0.1, 1.0, 0.5, 0.9),
    vulnerable_appeal=(0.2, 0.0, -0.2, 0.1),
    unmask=True,
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "population",
    [
        EVERYTHING,
        Population.preset("Boredom"),
        Population.preset("Taste"),
        busy(unavailability=0.0, cues=(), satiation_gain=0.0),
        busy(unavailability=0.3, session_length=15),
        PER_PERSONA,
        PER_PERSONA.replace(shows=("farewell",)),
        Population.preset("Welfare"),
        Population.preset("Unmask"),
    ],
    ids=[
        "everything",
        "Boredom",
        "Taste",
        "no cues",
        "some personas unavailable",
        "personas differ",
        "vulnerable users unseen",
        "Welfare",
        "Unmask",
    ],
)
def test_the_posterior_is_that_of_bayes(population):
    names = column_names(population)
    known = Filter(population)
    lanes = 12
    belief, books = known.start(lanes), []
    checked = 0
    for obs, _, there in sessions(population, lanes, 5):
        belief, evidence = known.weigh(belief, obs)
        np.testing.assert_allclose(belief.joint.sum(axis=(1, 2)), 1.0, atol=1e-12)
        for i in np.flatnonzero(there):
            seen = dict(zip(names, obs[i].tolist(), strict=True))
            if len(books) < lanes:
                books.append(Book(population, seen))
            else:
                books[i].see(seen)
            expected = books[i].joint
            assert belief.bored[i] == pytest.approx(expected[:, 1].sum(), abs=1e-9)
            by_mood = np.sort(belief.joint[i].sum(axis=1))
            assert by_mood[-1] == pytest.approx(largest_kind(population, expected), abs=1e-9)
            assert evidence[i] == pytest.approx(books[i].evidence, rel=1e-9)
            checked += 1
    assert checked > 5 * lanes


def largest_kind(population: Population, joint: np.ndarray) -> float:
    """Probability of the likeliest kind of user: users whose rows are equal are one kind."""
    table = user_table(population)
    # not felt without a memory; who is available and vulnerable is no trait of a kind
    gain = table.gain * (table.memory > 0)[:, None]
    rows = np.column_stack([table.rows[:, :-1], gain, table.memory])
    _, kind = np.unique(rows, axis=0, return_inverse=True)
    return float(np.bincount(kind.ravel(), weights=joint.sum(axis=1)).max())


@pytest.mark.parametrize("name", ["Boredom", "Taste", "Welfare", "everything", "personas differ"])
def test_the_posterior_is_calibrated(name):
    others = {"everything": EVERYTHING, "personas differ": PER_PERSONA}
    population = others[name] if name in others else Population.preset(name)
    known = Filter(population)
    lanes = 6000
    belief = known.start(lanes)
    said, was = [], []
    for obs, hidden, there in sessions(population, lanes, 9):
        belief = known.update(belief, obs)
        said.append(belief.bored[there])
        was.append(hidden["mood"][there])
    said, was = np.concatenate(said), np.concatenate(was)
    for low in np.arange(0.0, 1.0, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        if inside.sum() < 500:
            continue
        error = np.sqrt((said[inside] * (1 - said[inside])).sum()) / inside.sum()
        assert abs(was[inside].mean() - said[inside].mean()) < 5 * error + 1e-3, low
    assert said.max() > 0.9
    assert np.log(np.clip(np.where(was == 1, said, 1 - said), 1e-9, 1)).mean() > np.log(0.5)


def test_the_belief_about_tastes_is_calibrated():
    population = Population.preset("Taste")
    table, model = user_table(population), Model.of(population)
    kinds = [int(np.flatnonzero((model.fit == fit).all(axis=1))[0]) for fit in table.fit]
    known, lanes = Filter(population), 6000
    belief, hits, said = known.start(lanes), [], []
    for obs, hidden, there in sessions(population, lanes, 2):
        belief = known.update(belief, obs)
        by_kind = belief.joint.sum(axis=2)
        guess = by_kind.argmax(axis=1)
        said.append(by_kind.max(axis=1)[there])
        hits.append((guess == np.array(kinds)[hidden["user"]])[there])
    said, hits = np.concatenate(said), np.concatenate(hits)
    assert said[-1000:].mean() > said[:1000].mean() + 0.1, "listening teaches the taste"
    for low in np.arange(0.3, 1.0, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        if inside.sum() > 1000:
            assert abs(hits[inside].mean() - said[inside].mean()) < 0.03


@given(populations(), st.integers(0, 1000))
@examples(40)
def test_beliefs_are_probabilities_whatever_is_seen(population, seed):
    """Also of a filter that believes in other users than it meets."""
    stranger = population.replace(
        pair=None,
        leave_bored=1.0,
        leave_fresh=0.0,
        fit=1.0,
        cues=tuple(((1.0,) + (0.0,) * (len(row[0]) - 1),) * 2 for row in population.cues),
    )
    for believed in (population, stranger):
        known = Filter(believed)
        belief = known.start(20)
        for obs, _, _ in sessions(population, 20, seed):
            belief = known.update(belief, obs)
            assert np.isfinite(belief.joint).all()
            assert (belief.joint >= 0.0).all()
            np.testing.assert_allclose(belief.joint.sum(axis=(1, 2)), 1.0, atol=1e-9)


def test_a_session_that_begins_starts_the_belief_anew():
    population = plain(boredom_hazard=0.5, session_length=3, fit=0.4)
    known = Filter(population)
    env = CarouselVectorEnv(4, population=population)
    first, _ = env.reset(seed=0)
    fresh = known.update(known.start(4), first)
    belief = fresh
    for t in range(4):
        obs, *_ = env.step(np.full(4, t % 3))
        belief = known.update(belief, obs)
        if t < 3:
            assert not np.allclose(belief.joint, fresh.joint)
    np.testing.assert_array_equal(belief.joint, fresh.joint)


def test_updating_does_not_change_the_belief_that_it_is_given():
    known = Filter(EVERYTHING)
    env = CarouselVectorEnv(5, population=EVERYTHING)
    obs, _ = env.reset(seed=0)
    before = known.update(known.start(5), obs)
    obs, *_ = env.step(np.zeros(5, dtype=np.int64))
    kept = before.joint.copy(), before.satiation.copy()
    one, other = known.update(before, obs), known.update(before, obs)
    np.testing.assert_array_equal(before.joint, kept[0])
    np.testing.assert_array_equal(before.satiation, kept[1])
    np.testing.assert_array_equal(one.joint, other.joint)


@pytest.mark.parametrize("preset", ["Boredom", "Taste", "Welfare"])
def test_filters_side_by_side_believe_what_each_does_alone(preset):
    """To the last bit, also of users who leave at once, who are impossible as soon as they stay."""
    population, lanes = Population.preset(preset), 200
    others = {"fit": 0.7}, {"leave_fresh": 1.0, "leave_bored": 1.0}, {"boredom_hazard": 0.3}
    models = [Model.of(population.replace(**changed)) for changed in ({}, *others)]
    together, ends = Filters(population, models), np.cumsum([m.n_types for m in models])
    # model by model, as those are that have several kinds
    by_model, walked = Filters(population, models), None
    by_model._bounds = np.array([0, *ends])
    alone = [Filter(population, model) for model in models]
    belief, beliefs = together.start(lanes), [known.start(lanes) for known in alone]
    impossible = 0
    for obs, *_ in sessions(population, lanes, 3):
        walked, found = by_model.weigh(walked or belief, obs)
        belief, evidence = together.weigh(belief, obs)
        np.testing.assert_array_equal(walked.joint, belief.joint)
        np.testing.assert_array_equal(found, evidence)
        for i, known in enumerate(alone):
            beliefs[i], weighed = known.weigh(beliefs[i], obs)
            mine = slice(ends[i] - models[i].n_types, ends[i])
            np.testing.assert_array_equal(belief.joint[:, mine], beliefs[i].joint)
            np.testing.assert_array_equal(evidence[:, i], weighed)
            impossible += (weighed == 0.0).sum()
        np.testing.assert_allclose(belief.joint.sum(axis=(1, 2)), len(models), atol=1e-9)
    assert impossible > lanes
