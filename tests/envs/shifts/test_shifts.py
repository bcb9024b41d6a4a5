"""Shifts: graded, typed, and never without effect."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Population, user_table
from carousel_envs.foundation.errors import shown
from carousel_envs.shifts import (
    SEVERITIES,
    SHIFTS,
    UNAVAILABLE_MOST,
    find_shift,
    parse_shift,
    shifted,
)
from carousel_envs.shifts import questions as question_shifts
from carousel_envs.spec import ENVIRONMENTS
from carousel_envs.users.spans import span_numbers
from support.env_helpers import digest_of_play, plain
from support.presets import presets
from support.properties import examples
from support.strategies import populations

NAN = float("nan")
PRESETS = {name: Population.preset(name) for name in presets()}


def applies(shift: str, population: Population) -> bool:
    return not SHIFTS[shift].obstacle(population)


def test_each_shift_is_filed_under_its_name_and_moves_fields_that_exist():
    for name, shift in SHIFTS.items():
        assert shift.name == name
        assert find_shift(name) is shift
        assert shift.description
        assert set(shift.moves) <= set(Population.model_fields)
        assert shift.moves
    assert SEVERITIES[0] == 0.0
    assert SEVERITIES[-1] == 1.0
    with pytest.raises(TypeError):
        SHIFTS["new"] = None
    with pytest.raises(dataclasses.FrozenInstanceError):
        SHIFTS["hazard"].name = "other"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", SHIFTS)
def test_every_shift_of_every_preset_applies_or_says_why_not(name, preset):
    population, shift = PRESETS[preset], SHIFTS[name]
    if not applies(name, population):
        with pytest.raises(CarouselError, match=f"'{name}' does not apply: .{{10,}}") as caught:
            shift.apply(population, 0.5)
        assert "\n" not in str(caught.value)
        return
    assert shift.apply(population, 0.0) is population
    n = population.n_actions
    digests = {digest_of_play(population, turns=60, n_actions=n)}
    for severity in SEVERITIES[1:]:
        other = shift.apply(population, severity)
        moved = {
            field
            for field in Population.model_fields
            if getattr(other, field) != getattr(population, field)
        }
        assert moved
        assert moved <= set(shift.moves)
        digests.add(digest_of_play(other, turns=60, n_actions=n))
    assert len(digests) == len(SEVERITIES), "every severity plays differently"


def test_every_shift_applies_to_some_preset_and_the_axes_of_a_preset_are_pinned():
    refused = {
        preset: {name for name in SHIFTS if not applies(name, population)}
        for preset, population in PRESETS.items()
    }
    welfare, unmask = {"vulnerable-share", "farewells"}, {"unmask-pays", "unmask-rewarded"}
    bare = unmask | {"badge-reversal"}
    bare |= {"inside-hole", "unseen-corner", "beyond-ranges"}
    wear, alike = {"satiation", "recovery"}, {"archetype-mix", "unseen-persona"}
    assert refused["Boredom"] == welfare | bare | wear | alike | {"permuted-slots"}
    assert refused["Taste"] == welfare | bare | wear
    assert refused["Satiation"] == welfare | bare | {"hazard", "unseen-persona"}
    assert refused["Welfare"] == bare | wear | alike
    assert refused["Unmask"] == welfare | wear | (bare - {"unmask-pays"})
    for variant in ("BoredomFaint", "TasteFaint"):
        assert refused[variant] == refused[ENVIRONMENTS[variant].variant_of]
    assert refused["UnmaskShown"] == welfare | wear | (bare - unmask)


@pytest.mark.parametrize(
    "severity", [-0.1, 1.1, NAN, float("inf"), "much", None, 10**400], ids=lambda x: str(x)[:8]
)
def test_a_severity_outside_zero_to_one_is_named(severity):
    for name, shift in SHIFTS.items():
        with pytest.raises(CarouselError) as caught:
            shift.apply(PRESETS["Boredom"], severity)
        message = str(caught.value)
        assert f"severity of {name} is {shown(severity)}" in message
        assert "from 0 to 1" in message
        assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("hazard", ("'hazard'", "axis=severity")),
        ("", ("''", "axis=severity")),
        ("speed=0.5", ("'speed'", "known are", "hazard", "unavailable")),
        ("=0.5", ("''", "known are")),
        ("hazard=", ("severity of hazard is ''", "0 to 1")),
        ("hazard=lots", ("severity of hazard is 'lots'", "0 to 1")),
        ("hazard=nan", ("severity of hazard is 'nan'", "0 to 1")),
        ("hazard=1.5", ("severity of hazard is '1.5'", "0 to 1")),
        ("hazard=0.5=1", ("severity of hazard is '0.5=1'", "0 to 1")),
    ],
)
def test_bad_syntax_is_named(text, fragments):
    with pytest.raises(CarouselError) as caught:
        parse_shift(text)
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parsing_gives_back_axis_and_severity():
    assert parse_shift("cue-noise=0.25") == (SHIFTS["cue-noise"], 0.25)
    assert parse_shift("hazard=1") == (SHIFTS["hazard"], 1.0)


def test_several_shifts_are_applied_in_order():
    population = PRESETS["Boredom"]
    both = shifted(population, [parse_shift("hazard=0.5"), parse_shift("swap-cost=1")])
    assert both == SHIFTS["swap-cost"].apply(SHIFTS["hazard"].apply(population, 0.5), 1.0)
    assert shifted(population, []) is population


# -- what moves, and how far -----------------------------------------------------------------------


def at(name: str, severity: float, **fields: object) -> Population:
    return SHIFTS[name].apply(plain(**fields), severity)


def test_the_ends_of_each_axis_are_the_documented_ones():
    assert at("hazard", 1.0, boredom_hazard=0.1).boredom_hazard == pytest.approx(0.4)
    assert at("hazard", 0.5, boredom_hazard=0.1).boredom_hazard == pytest.approx(0.25)
    assert at("hazard", 1.0, boredom_hazard=0.5).boredom_hazard == pytest.approx(0.9)
    assert at("swap-cost", 1.0, swap_cost=0.2).swap_cost == pytest.approx(0.8)
    bored = {"boredom_hazard": 0.1, "leave_bored": 0.1}
    assert at("patience", 1.0, **bored).leave_bored == pytest.approx(0.3)
    assert at("patience", 0.5, **bored).leave_bored == pytest.approx(0.2)
    assert at("session-length", 1.0, session_length=13).session_length == 26
    assert at("session-length", 0.01, session_length=13).session_length == 14
    assert at("unavailable", 1.0).unavailability == pytest.approx(UNAVAILABLE_MOST)
    assert at("fit", 1.0, fit=0.8).fit == pytest.approx(0.4)
    assert at("fit", 0.5, fit="traits", taste_bias=1.0).taste_bias == pytest.approx(0.0)
    wears = {"satiation_gain": (0.1, 8.0), "satiation_memory": (0.5, 0.97)}
    assert at("satiation", 1.0, **wears).satiation_gain == pytest.approx((0.2, 10.0))
    assert at("recovery", 1.0, **wears).satiation_memory == pytest.approx((0.95, 0.97))
    for name, end in (
        ("hazard", "4 times"),
        ("swap-cost", "0.6 more"),
        ("patience", "0.3 per turn"),
        ("session-length", "2 times"),
        ("unavailable", f"{UNAVAILABLE_MOST:g}"),
        ("fit", "50%"),
        ("satiation", "2 times"),
        ("recovery", "0.95"),
        ("cue-dropout", "0.9"),
    ):
        assert end in SHIFTS[name].description


@pytest.mark.parametrize("name", ["Boredom", "Taste", "BoredomFaint", "Welfare"])
@pytest.mark.parametrize("severity", [0.25, 0.5, 0.75, 1.0])
def test_shifts_that_come_to_the_same_cues_are_one_population(name, severity):
    """Reversal passes through noise: a study would count these users twice."""
    noise = SHIFTS["cue-noise"].apply(PRESETS[name], severity)
    turned = SHIFTS["cue-reversal"].apply(PRESETS[name], severity / 2)
    assert noise.fingerprint == turned.fingerprint


def test_cue_noise_ends_in_cues_that_say_nothing():
    cues = PRESETS["Boredom"].cues
    silent = SHIFTS["cue-noise"].apply(PRESETS["Boredom"], 1.0).cues
    for before, (fresh, bored) in zip(cues, silent, strict=True):
        np.testing.assert_allclose(fresh, bored, atol=1e-12)
        np.testing.assert_allclose(fresh, np.mean(before, axis=0), atol=1e-12)


def test_cue_reversal_ends_in_the_opposite_and_passes_through_silence():
    cues = PRESETS["Boredom"].cues
    reversed_ = SHIFTS["cue-reversal"].apply(PRESETS["Boredom"], 1.0).cues
    for before, after in zip(cues, reversed_, strict=True):
        np.testing.assert_allclose(after, before[::-1], atol=1e-12)
    for fresh, bored in SHIFTS["cue-reversal"].apply(PRESETS["Boredom"], 0.5).cues:
        np.testing.assert_allclose(fresh, bored, atol=1e-12)


def test_the_archetype_mix_ends_with_the_rarest_taste_alone():
    taste = PRESETS["Taste"]
    weights = SHIFTS["archetype-mix"].apply(taste, 1.0).archetype_weights
    rarest = taste.archetype_weights.index(min(taste.archetype_weights))
    assert sorted(weights) == [0.0, 0.0, 0.0, 1.0]
    assert taste.archetype_weights[weights.index(1.0)] == taste.archetype_weights[rarest]


@pytest.mark.parametrize("fit", [1.0, 0.9, 0.5, 0.01])
def test_newcomers_leave_old_users_as_they_were_where_all_were_alike(fit):
    before = plain(fit=fit, boredom_hazard=0.1, n_users=400)
    after = SHIFTS["unseen-archetype"].apply(before, 0.5)
    one, other = user_table(before), user_table(after)
    old = other.archetype == 0
    assert 0.4 < old.mean() < 0.6
    np.testing.assert_allclose(other.fit[old], one.fit[old], atol=1e-4)
    new = other.fit[~old]
    assert (new == new[0]).all()
    assert new[0].max() - new[0].min() > 0.2, "newcomers tell personas apart"


def test_dropped_cues_are_stuck_at_their_lowest_level_as_often_as_said():
    cues = PRESETS["Boredom"].cues
    for severity in SEVERITIES[1:]:
        stuck = SHIFTS["cue-dropout"].apply(PRESETS["Boredom"], severity).cues
        for before, after in zip(cues, stuck, strict=True):
            expected = (1.0 - 0.9 * severity) * np.array(before)
            expected[:, 0] += 0.9 * severity
            np.testing.assert_allclose(after, expected, atol=1e-12)


def test_a_table_of_fits_loses_the_same_share_everywhere():
    fit = SHIFTS["fit"].apply(PRESETS["Satiation"], 0.5).fit
    np.testing.assert_allclose(fit, 0.75 * np.array(PRESETS["Satiation"].fit))


def favourites(population: Population) -> list[str]:
    return [population.personas[k] for k in population.fit_matrix().argmax(axis=1)]


@pytest.mark.parametrize("preset", ["Taste", "Unmask"])
def test_the_unseen_archetype_of_taste_likes_whom_nobody_in_training_likes_best(preset):
    population = PRESETS[preset]
    other = SHIFTS["unseen-archetype"].apply(population, 0.4)
    assert other.archetypes[:-1] == population.archetypes
    assert favourites(other)[-1] not in favourites(population)
    assert favourites(other)[-1] == "alice", "of alice and bob the one who is liked least"
    new = user_table(other).archetype == len(population.archetypes)
    assert 0.35 < new.mean() < 0.45


def test_the_unseen_archetype_of_a_table_is_the_opposite_of_one_in_training():
    population = PRESETS["Satiation"]
    other = SHIFTS["unseen-archetype"].apply(population, 1.0)
    np.testing.assert_array_equal(other.fit[-1], 1.0 - np.array(population.fit[0]))
    assert other.fit[-1] not in population.fit
    fits = ((1.0, 0.0, 0.5), (0.0, 1.0, 0.5))
    both = plain(fit=fits, archetypes=((1.0, 0, 0, 0),) * 2, archetype_weights=(1.0, 1.0))
    assert "every opposite taste" in SHIFTS["unseen-archetype"].obstacle(both)
    # the opposite of the commoner kind is met already: that of the other is not
    known = plain(
        fit=((1.0, 0.0, 0.5), (0.0, 1.0, 0.5), (1.0, 1.0, 0.0)),
        archetypes=((1.0, 0, 0, 0),) * 3,
        archetype_weights=(2.0, 1.0, 1.0),
        boredom_hazard=0.1,
    )
    assert SHIFTS["unseen-archetype"].apply(known, 1.0).fit[-1] == (0.0, 0.0, 1.0)


def test_where_everybody_is_a_favourite_the_newcomer_is_the_opposite_of_the_commonest_taste():
    one = plain(
        personas=("coach", "scholar"),
        fit="traits",
        archetypes=((1.0, 0, -0.5, 1.0), (-1.0, 0, 1.0, 0)),
        archetype_weights=(1.0, 3.0),
    )
    assert set(favourites(one)) == {"coach", "scholar"}
    assert SHIFTS["unseen-archetype"].apply(one, 1.0).archetypes[-1] == (1.0, 0.0, -1.0, 0.0)


def test_unseen_personas_take_over_slot_by_slot_and_come_from_outside_the_cast():
    taste = PRESETS["Taste"]
    for slots, severity in enumerate(SEVERITIES):
        cast = SHIFTS["unseen-persona"].apply(taste, severity).personas
        assert cast[:slots] == ("critic", "poet", "flatterer", "clinger")[:slots]
        assert cast[slots:] == taste.personas[slots:]


def test_permuted_slots_take_everything_of_a_persona_along():
    population = PRESETS["Welfare"]
    for severity, moved in zip(SEVERITIES, (0, 2, 3, 4, 5), strict=True):
        other = SHIFTS["permuted-slots"].apply(population, severity)
        stays = [a == b for a, b in zip(other.personas, population.personas, strict=True)]
        assert stays == [False] * moved + [True] * (5 - moved)
        for field in ("appeal", "hook", "welfare", "vulnerable_appeal", "vulnerable_welfare"):
            before = dict(zip(population.personas, getattr(population, field), strict=True))
            assert dict(zip(other.personas, getattr(other, field), strict=True)) == before
    table = PRESETS["Satiation"]
    other = SHIFTS["permuted-slots"].apply(table, 1.0)
    order = [table.personas.index(name) for name in other.personas]
    np.testing.assert_array_equal(other.fit_matrix(), table.fit_matrix()[:, order])


def test_what_is_expected_speaks_of_known_quantities_alone():
    for shift in (*SHIFTS.values(), *question_shifts.SHIFTS.values()):
        assert shift.expected, f"{shift.name} promises nothing"
    shift = SHIFTS["hazard"]
    with pytest.raises(CarouselError, match=r"expects something of 'mood'; known are value, "):
        dataclasses.replace(shift, expected={"mood": "falls"})
    with pytest.raises(CarouselError, match=r"expected of value is 'sinks'; it must be rises"):
        dataclasses.replace(shift, expected={"value": "sinks"})
    with pytest.raises(TypeError):
        shift.expected["value"] = "rises"


SPANNED = {
    "hazard": "boredom_hazard",
    "patience": "leave_bored",
    "satiation": "satiation_gain",
    "recovery": "satiation_memory",
}


@given(populations(), st.sampled_from(sorted(SPANNED)), st.lists(st.floats(0, 1), min_size=3))
@examples(80)
def test_a_rate_rises_with_severity_for_any_population(population, name, severities):
    if not applies(name, population):
        return
    shift, field = SHIFTS[name], SPANNED[name]
    previous = span_numbers(getattr(population, field))
    for severity in sorted(severities):
        now = span_numbers(getattr(shift.apply(population, severity), field))
        if len(now) < len(previous):
            # all that lies beside a hole has been pressed into one point
            now *= len(previous) // len(now)
        assert all(b >= a - 1e-12 for a, b in zip(previous, now, strict=True))
        previous = now


@given(populations(), st.sampled_from(sorted(SHIFTS)), st.floats(0.01, 1.0))
@examples(100)
def test_a_shift_of_any_population_changes_it_or_says_why_not(population, name, severity):
    if not applies(name, population):
        return
    other = SHIFTS[name].apply(population, severity)
    assert other != population
    assert len(user_table(other)) == len(user_table(population)), "the same users"


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        (
            "archetype-mix",
            {"archetypes": ((1.0, 0, 0, 0), (0, 1.0, 0, 0)), "archetype_weights": (1, 1)},
            "every persona fits every user equally well, whatever the archetype",
        ),
        ("patience", {"leave_bored": 0.5}, "its leave_bored is at least 0.3 already"),
        ("hazard", {"boredom_hazard": 0.95}, "its boredom_hazard is at least 0.9 already"),
        ("unavailable", {"unavailability": 0.95}, "its unavailability is at least 0.7 already"),
    ],
)
def test_a_shift_that_could_change_nothing_says_so(name, fields, sentence):
    population = plain(**{"boredom_hazard": 0.1, **fields})
    assert SHIFTS[name].obstacle(population) == sentence
    with pytest.raises(CarouselError, match=sentence):
        SHIFTS[name].apply(population, 1.0)


@pytest.mark.parametrize(
    ("fields", "bored"),
    [
        ({"fit": 1.0}, False),
        ({"fit": ((1.0, 1.0, 1.0),)}, False),
        ({"fit": ((1.0, 0.9, 1.0),)}, True),
        ({"fit": 1.0, "unmask": True}, True),
        ({"fit": 1.0, "boredom_hazard": 0.1}, True),
    ],
)
def test_patience_is_put_to_the_test_only_where_somebody_is_ever_bored(fields, bored):
    population = plain(**fields)
    assert applies("patience", population) == bored
    if not bored:
        assert "ever bored" in SHIFTS["patience"].obstacle(population)
        return
    worse = SHIFTS["patience"].apply(population, 1.0)
    n = population.n_actions
    assert digest_of_play(population, n_actions=n) != digest_of_play(worse, n_actions=n)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("patience", {"leave_bored": (0.0, 0.05, 0.1, 0.2)}),
        ("hazard", {"boredom_hazard": (0.3, 0.4, 0.5, 0.6)}),
    ],
)
def test_a_range_with_a_hole_can_be_shifted_all_the_way(name, fields):
    population = plain(**{"boredom_hazard": 0.1, **fields})
    for severity in SEVERITIES:
        SHIFTS[name].apply(population, severity)


@pytest.mark.parametrize("severity", [True, np.True_, "0.5", b"1", np.array([0.5]), None])
def test_what_only_resembles_a_number_is_no_severity(severity):
    with pytest.raises(CarouselError, match=r"severity of hazard is .*; it must be a number"):
        SHIFTS["hazard"].apply(PRESETS["Boredom"], severity)


@pytest.mark.parametrize(
    "shifts",
    [None, 5, [5], [("hazard",)], "hazard", [("hazard", 0.5)], [(None, 0.5)]],
    ids=str,
)
def test_shifts_that_are_no_pairs_are_refused(shifts):
    with pytest.raises(CarouselError, match=r"^shifts (are|hold) .*; (they|it) must be") as caught:
        shifted(PRESETS["Boredom"], shifts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, 5, "a\nb"])
def test_a_shift_that_is_no_text_with_a_severity_is_refused_on_one_line(text):
    with pytest.raises(CarouselError, match=r"must have the form axis=severity"):
        parse_shift(text)
