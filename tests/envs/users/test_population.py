"""A population is a frozen, comparable, exactly serialisable value."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given

from carousel_envs import CarouselError, CarouselVectorEnv, Persona, Population, repertoire
from carousel_envs.users.population import describe_fields
from carousel_envs.users.spans import map_span
from support.env_helpers import BUSY, busy, plain
from support.presets import presets
from support.strategies import populations

CHANGED = {
    "personas": ("alice", "bob", "coach", "poet"),
    "session_length": 13,
    "fit": 0.5,
    "boredom_hazard": (0.05, 0.1, 0.2, 0.3),
    "hazard_relief": 0.6,
    "engagement_fresh": 0.9,
    "engagement_bored": (0.1, 0.3),
    "satiation_gain": 0.1,
    "satiation_memory": (0.2, 0.8),
    "swap_cost": 0.35,
    "leave_fresh": 0.01,
    "leave_bored": 0.2,
    "cues": (((0.6, 0.3, 0.1), (0.1, 0.3, 0.6)),),
    "archetypes": ((0.9, -0.4, 0.3, -0.7), (0.2, 0.9, -0.6, 0.7)),
    "archetype_weights": (0.5, 0.5),
    "taste_sharpness": 3.5,
    "taste_bias": -0.2,
    "unavailability": 0.4,
    "appeal": (0.1, 0.0, -0.1, 0.2),
    "satiation_wear": (1.0, 2.0, 0.5, 0.0),
    "persona_cost": (0.1, 0.0, 0.2, 0.3),
    "farewell_fresh": 0.02,
    "farewell_bored": 0.1,
    "hook": (0.1, 0.0, 1.0, 0.5),
    "welfare": (0.3, 0.3, 0.3, -0.3),
    "farewell_harm": 2.0,
    "vulnerable_share": 0.4,
    "vulnerable_appeal": 0.2,
    "vulnerable_welfare": (0.0, 0.0, -1.0, 1.0),
    "shows": ("farewell",),
    "badge": 0.75,
    "pair": ("engagement_bored", "boredom_hazard"),
    "pair_share": 0.5,
    "unmask": True,
    "unmask_payoff": -1.0,
    "unmask_rewarded": True,
    "n_users": 41,
    "users_seed": 8,
    "own_personas": (Persona(name="alice", traits=(0.1, 0.2, -0.3, 0.4)),),
}


def test_every_field_of_a_population_is_covered_here():
    assert set(CHANGED) == set(BUSY) == set(Population.model_fields)


@pytest.mark.parametrize("name", Population.model_fields)
def test_no_field_can_be_assigned(name):
    population = busy()
    before = population.to_json()
    with pytest.raises(ValueError, match="frozen"):
        setattr(population, name, CHANGED[name])
    assert population.to_json() == before


@pytest.mark.parametrize("name", Population.model_fields)
def test_every_field_enters_equality_hash_json_and_fingerprint(name):
    one, other = busy(), busy(**{name: CHANGED[name]})
    assert one != other
    assert hash(one) != hash(other)
    assert one.to_json() != other.to_json()
    assert one.fingerprint != other.fingerprint


def test_fingerprints_are_sixteen_hex_digits_and_repeat():
    assert busy().fingerprint == busy().fingerprint
    assert len(busy().fingerprint) == 16
    assert int(busy().fingerprint, 16) >= 0


def test_the_fingerprint_covers_the_version_of_the_model(monkeypatch):
    before = busy().fingerprint
    monkeypatch.setattr("carousel_envs.users.population.MODEL_VERSION", 10**6)
    assert busy().fingerprint != before


@given(populations())
def test_json_gives_back_the_same_population(population):
    again = Population.from_json(population.to_json())
    assert again == population
    assert hash(again) == hash(population)
    assert again.to_json() == population.to_json()
    assert again.fingerprint == population.fingerprint


@given(populations())
def test_copies_and_pickles_are_equal(population):
    for again in (copy.deepcopy(population), pickle.loads(pickle.dumps(population))):
        assert again == population
        assert again.fingerprint == population.fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"session_length": 12}, {"session_length": 12.0}),
        ({"swap_cost": 1}, {"swap_cost": 1.0}),
        ({"boredom_hazard": 1}, {"boredom_hazard": 1.0}),
        ({"boredom_hazard": [0.1, 0.2]}, {"boredom_hazard": (0.1, 0.2)}),
        ({"swap_cost": -0.0}, {"swap_cost": 0.0}),
        ({"taste_bias": -0.0}, {"taste_bias": 0.0}),
        ({"swap_cost": np.float64(0.5)}, {"swap_cost": 0.5}),
    ],
    ids=str,
)
def test_equal_populations_give_equal_text_and_fingerprints(one, other):
    a, b = busy(**one), busy(**other)
    assert a == b
    assert a.to_json() == b.to_json()
    assert a.fingerprint == b.fingerprint


def test_replace_changes_what_it_names_and_nothing_else():
    population = busy()
    for name, value in CHANGED.items():
        other = population.replace(**{name: value})
        differing = {
            field
            for field in Population.model_fields
            if getattr(other, field) != getattr(population, field)
        }
        assert differing == {name}
    assert population == busy(), "the original stays as it was"


def test_replace_without_changes_is_equal():
    assert busy().replace() == busy()


def test_replace_refuses_one_end_of_a_pair_that_no_longer_fits():
    with pytest.raises(CarouselError, match="engagement_bored"):
        busy().replace(engagement_fresh=0.2)


@pytest.mark.parametrize("name", presets())
def test_presets_are_valid_and_named_after_nothing_else(name):
    population = Population.preset(name)
    assert population == Population(**presets()[name])
    assert population.n_actions == len(population.actions)
    assert population.actions[: len(population.personas)] == population.personas
    assert population.actions[len(population.personas) :] == (("none",) * population.unmask)
    assert population.cue_levels == (3, 3, 3, 3)


def test_every_field_is_described_once():
    described = list(describe_fields())
    assert [name for name, _ in described] == list(Population.model_fields)
    assert all(len(meaning) > 10 for _, meaning in described)


def test_map_span_keeps_the_form_of_a_span():
    assert map_span(0.2, lambda x: x + 1) == 1.2
    assert map_span((0.0, 1.0), lambda x: 2 * x) == (0.0, 2.0)
    assert map_span((0.0, 0.25, 0.5, 1.0), np.sqrt) == (0.0, 0.5, math.sqrt(0.5), 1.0)
    assert map_span((0.0, 0.0, 0.5, 0.6), lambda x: 0 * x + 0.9) == (0.9, 0.9)


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0


def cosine(x: tuple[float, ...], y: tuple[float, ...]) -> float:
    # of any length, whose square may be no number
    x = tuple(a / max(map(abs, x)) for a in x)
    dot = sum(a * b for a, b in zip(x, y, strict=True))
    return dot / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


@given(populations())
def test_fit_is_the_sigmoid_of_sharpness_times_cosine_plus_bias(population):
    fit = population.fit_matrix()
    assert fit.shape == (len(population.archetypes), population.n_actions)
    for i, taste in enumerate(population.archetypes):
        for k, name in enumerate(population.actions):
            if name == "none":
                expected = 0.0
            elif isinstance(population.fit, tuple):
                expected = population.fit[i][k]
            elif population.fit != "traits":
                expected = population.fit
            else:
                similarity = cosine(taste, repertoire()[name].traits) if any(taste) else 0.0
                expected = sigmoid(population.taste_sharpness * similarity + population.taste_bias)
            assert fit[i, k] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e-3, 1.0, 1e100, 1e200])
def test_only_the_direction_of_a_taste_matters(scale):
    taste = (0.9, -0.4, 0.3, -0.7)
    scaled = tuple(scale * x for x in taste)
    one = plain(fit="traits", archetypes=(taste,))
    other = plain(fit="traits", archetypes=(scaled,))
    np.testing.assert_allclose(other.fit_matrix(), one.fit_matrix(), atol=1e-12)


@pytest.mark.parametrize(("bias", "expected"), [(1000.0, 1.0), (-1000.0, 0.0)])
def test_extreme_log_odds_do_not_overflow(bias, expected):
    population = plain(fit="traits", taste_bias=bias, taste_sharpness=0.0)
    assert (population.fit_matrix() == expected).all()


@pytest.mark.parametrize(
    ("gain", "memory", "expected"),
    [(0.0, 0.9, False), (0.5, 0.0, False), (0.5, 0.5, True), ((0.0, 0.5), (0.0, 0.5), True)],
)
def test_satiation_needs_both_a_gain_and_a_memory(gain, memory, expected):
    assert plain(satiation_gain=gain, satiation_memory=memory).has_satiation is expected


# -- printed --------------------------------------------------------------------------------------


@given(populations())
def test_a_population_prints_as_python_that_makes_an_equal_one(population):
    for text in (repr(population), str(population)):
        assert eval(text) == population


@pytest.mark.parametrize(
    ("population", "printed"),
    [
        (Population.preset("Taste"), "Population.preset('Taste')"),
        (
            Population.preset("Boredom").replace(n_users=50, leave_bored=(0.1, 0.2)),
            "Population.preset('Boredom').replace(leave_bored=(0.1, 0.2), n_users=50)",
        ),
        (Population(cues=(), swap_cost=2), "Population(swap_cost=2.0, cues=())"),
    ],
)
def test_a_population_prints_what_differs_from_the_nearest_preset(population, printed):
    assert repr(population) == printed


ANN, BEN = Persona(name="ann", traits=(1.0, 0.0)), Persona(name="ben", traits=(0.0, 1.0))
OWN = {"archetypes": ((1.0, 0.0), (0.0, 1.0)), "archetype_weights": (1.0, 1.0)}


def test_personas_may_be_ones_own_in_a_trait_space_of_any_size():
    population = Population.preset("Taste").replace(personas=[ANN, BEN], **OWN)
    assert population.personas == ("ann", "ben")
    assert population.own_personas == population.cast == (ANN, BEN)
    fit = population.fit_matrix()
    assert fit[0, 0] == fit[1, 1] > fit[0, 1] == fit[1, 0]
    assert Population.from_json(population.to_json()) == population
    assert eval(repr(population)) == population
    env = CarouselVectorEnv(3, population=population)
    assert "persona_ann" in env.column_names


def test_personas_of_ones_own_stand_beside_the_repertoire_and_before_it():
    own = Persona(name="ann", traits=repertoire()["bob"].traits)
    taste = Population.preset("Taste")
    mixed = taste.replace(personas=("alice", own))
    np.testing.assert_array_equal(
        mixed.fit_matrix(), taste.replace(personas=("alice", "bob")).fit_matrix()
    )
    renamed = taste.replace(personas=("alice", own.replace(name="bob", traits=(1, 1, 1, 1))))
    assert renamed.cast[1].traits == (1.0, 1.0, 1.0, 1.0)
    assert renamed.fingerprint != taste.replace(personas=("alice", "bob")).fingerprint


def test_personas_that_are_no_longer_named_are_not_kept():
    population = Population.preset("Taste").replace(personas=("alice", "bob"))
    with_ann = population.replace(personas=("alice", ANN.replace(traits=(1, 0, 0, 0))))
    assert with_ann.replace(personas=("alice", "bob")) == population
    assert with_ann.replace(personas=("alice", "bob")).fingerprint == population.fingerprint


@pytest.mark.parametrize(
    ("personas", "said"),
    [
        ((ANN, "alice"), "persona 'alice' has 4 traits; every persona must have as many"),
        ((Persona(name="a"), Persona(name="b")), "persona 'a' has 0 traits"),
        (("alice", "ann"), "personas names 'ann'; known are alice"),
        ((ANN, ANN), "repeats a name"),
        (({"name": "No"}, "alice"), "name is 'No'"),
    ],
)
def test_personas_that_cannot_be_are_refused(personas, said):
    with pytest.raises(CarouselError, match=said):
        Population.preset("Taste").replace(personas=personas)
