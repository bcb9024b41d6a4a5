"""Evaluation under shift: planted cases come out as they must."""

import math

import pytest

from carousel_agents import scripted
from carousel_agents.generalisation import evaluate, generalise
from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.shifts import SHIFTS, find_shift

BOREDOM = Population.preset("Boredom")
KNOWN = Population.preset("Satiation").replace(
    fit=1.0, archetypes=((1.0, 0.0, 0.0, 0.0),), archetype_weights=(1.0,)
)
"""One kind of user, of whom there is nothing to hear."""
APPLICABLE = [name for name, shift in SHIFTS.items() if not shift.obstacle(BOREDOM)]
EXACT_AXES = [name for name in APPLICABLE if name != "unseen-archetype"]


def test_the_score_is_the_share_of_the_value_of_feedback():
    result = evaluate(scripted.make("loop", BOREDOM), BOREDOM, users=500)
    reference = solve(BOREDOM)
    assert result.score == pytest.approx(
        (result.engagement - reference.blind) / (reference.value - reference.blind)
    )
    assert result.score_low < result.score < result.score_high


def test_where_listening_is_worth_nothing_there_is_no_score():
    result = evaluate(scripted.make("uniform", KNOWN), KNOWN, users=50)
    assert result.score is None
    assert result.score_low is None
    assert math.isfinite(result.engagement)


def test_the_same_seed_gives_the_same_figures_and_another_does_not():
    router = scripted.make("loop", BOREDOM)
    first, again, other = (evaluate(router, BOREDOM, users=64, seed=s).row() for s in (3, 3, 4))
    assert first == again
    assert first["engagement"] != other["engagement"]


def test_common_users_pair_comparisons():
    """Two thresholds differ far less on the same users than their own errors suggest."""
    differences = []
    for seed in range(0, 40_000, 2_000):
        a, b = (
            evaluate(scripted.make(f"loop:{x}", BOREDOM), BOREDOM, users=500, seed=seed).engagement
            for x in (0.33, 0.36)
        )
        differences.append(a - b)
    mean = sum(differences) / len(differences)
    spread = math.sqrt(sum((d - mean) ** 2 for d in differences) / (len(differences) - 1))
    error = evaluate(scripted.make("loop:0.33", BOREDOM), BOREDOM, users=500).engagement_se
    assert spread < 0.7 * math.sqrt(2) * error


@pytest.mark.parametrize("axis", EXACT_AXES)
def test_the_re_derived_optimum_scores_one_everywhere(axis: str):
    for severity in (0.5, 1.0):
        target = find_shift(axis).apply(BOREDOM, severity)
        result = evaluate(scripted.make("optimal", target), target, users=20_000, seed=5)
        assert result.reference.tier == "exact"
        assert abs(result.engagement - result.reference.value) < 4.5 * result.engagement_se


@pytest.mark.parametrize("axis", EXACT_AXES)
def test_the_re_derived_schedule_scores_zero_and_uniform_no_more(axis: str):
    target = find_shift(axis).apply(BOREDOM, 0.75)
    blind = evaluate(scripted.make("open-loop", target), target, users=20_000, seed=5)
    assert abs(blind.engagement - blind.reference.blind) < 4.5 * blind.engagement_se
    uniform = evaluate(scripted.make("uniform", target), target, users=4_000, seed=5)
    assert uniform.score <= 3 * uniform.engagement_se


def test_the_frozen_loop_is_the_loop_in_training_and_falls_behind_where_the_rule_moved():
    suite = generalise(
        ["frozen-loop", "loop"],
        BOREDOM,
        users=20_000,
        axes=["hazard", "cue-reversal", "swap-cost"],
        severities=[0.0, 1.0],
    )
    found = {(r["axis"], r["severity"], r["router"]): r for r in suite.rows}
    for axis in ("hazard", "cue-reversal", "swap-cost"):
        frozen, fresh = (found[axis, 0.0, name] for name in ("frozen-loop", "loop"))
        assert frozen["engagement"] == fresh["engagement"]
        frozen, fresh = (found[axis, 1.0, name] for name in ("frozen-loop", "loop"))
        assert frozen["score"] < fresh["score"] - 0.01


def test_severity_zero_is_the_training_evaluation_on_every_axis():
    alone = evaluate(scripted.make("loop", BOREDOM), BOREDOM, users=300, seed=2)
    suite = generalise(["loop"], BOREDOM, users=300, seed=2, severities=[0.0])
    assert {row["axis"] for row in suite.rows} == set(APPLICABLE)
    for row in suite.rows:
        assert row["engagement"] == alone.engagement
        assert row["score"] == alone.score


def test_axes_that_mean_nothing_are_named_with_their_reason():
    suite = generalise(["uniform"], KNOWN, users=20, severities=[0.0])
    never_bored = {"hazard", "cue-noise", "cue-dropout", "cue-reversal", "patience"}
    # these tire of personas, and some more than of others, unlike those of Boredom
    elsewhere = set(SHIFTS) - set(APPLICABLE) - {"satiation", "recovery", "permuted-slots"}
    assert set(suite.not_applicable) == never_bored | elsewhere
    assert {row["axis"] for row in suite.rows} == set(SHIFTS) - set(suite.not_applicable)


def test_progress_counts_every_evaluation():
    seen = []
    generalise(
        ["uniform", "fixed"],
        BOREDOM,
        users=10,
        axes=["swap-cost", "hazard"],
        severities=[0.0, 1.0],
        report=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(i + 1, 8) for i in range(8)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"axes": ["gravity"]}, "shift 'gravity' is unknown"),
        ({"severities": [1.2]}, "severity of hazard is 1.2"),
        ({"users": 0}, "users is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_requests_are_one_sentence(options, sentence: str):
    with pytest.raises(CarouselError, match=sentence):
        generalise(["uniform"], BOREDOM, **{"users": 10, **options})
