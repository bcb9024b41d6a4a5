"""Evaluation, and the whole of it under shift; planted routers are those of `test_suite.py`."""

import math
from dataclasses import replace

import pytest

from carousel_agents import scripted
from carousel_agents.generalisation import ShiftStudy, evaluate, generalise
from carousel_agents.generalisation.players import COMPANIONS
from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.shifts import SHIFTS

BOREDOM = Population.preset("Boredom")
KNOWN = Population.preset("Satiation").replace(
    fit=1.0, archetypes=((1.0, 0.0, 0.0, 0.0),), archetype_weights=(1.0,), session_length=12
)
"""One kind of user, of whom there is nothing to hear."""
APPLICABLE = [name for name, shift in SHIFTS.items() if not shift.obstacle(BOREDOM)]


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


def test_severity_zero_is_the_training_evaluation_on_every_axis():
    alone = evaluate(scripted.make("loop", BOREDOM), BOREDOM, users=300, seed=2)
    suite = generalise(ShiftStudy(("loop",), BOREDOM, users=300, seed=2, severities=(0.0,)))
    assert {row["axis"] for row in suite.rows} == set(APPLICABLE)
    for row in (row for row in suite.rows if row["router"] == "loop"):
        assert row["engagement"] == alone.engagement
        assert row["score"] == alone.score


def test_axes_that_mean_nothing_are_named_with_their_reason():
    suite = generalise(ShiftStudy(("uniform",), KNOWN, users=20, severities=(0.0,)))
    never_bored = {"hazard", "cue-noise", "cue-dropout", "cue-reversal", "patience"}
    # these tire of personas, and some more than of others, unlike those of Boredom
    elsewhere = set(SHIFTS) - set(APPLICABLE) - {"satiation", "recovery", "permuted-slots"}
    assert set(suite.plan.not_applicable) == never_bored | elsewhere
    assert {row["axis"] for row in suite.rows} == set(SHIFTS) - set(suite.plan.not_applicable)


def test_progress_counts_every_target():
    seen = []
    study = ShiftStudy(
        ("uniform",), BOREDOM, users=10, axes=("swap-cost", "hazard"), severities=(0.0, 1.0)
    )
    generalise(study, report=lambda *told: seen.append(told))
    names = ["", "training", "swap-cost=1.0", "hazard=1.0"]
    assert seen == [(i, 3, name) for i, name in enumerate(names)]


def test_companions_play_unless_they_are_not_wanted():
    study = ShiftStudy(("loop",), BOREDOM, users=10, axes=("swap-cost",), severities=(1.0,))
    routers = [row["router"] for row in generalise(study).rows]
    assert routers == ["loop", *COMPANIONS]
    alone = generalise(replace(study, companions=False)).rows
    (row,) = generalise(study).rows[:1]
    zero = ("frozen_blind", "score_from_frozen_blind")
    assert alone == [{**row, **dict.fromkeys(zero)}]
    assert None not in [row[name] for name in zero]


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
        generalise(ShiftStudy(("uniform",), BOREDOM, **{"users": 10, **options}))
