"""What is said of the seeds of a router is what was found of each."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.generalisation.statistics import iqm
from carousel_agents.probes import told
from carousel_agents.probes.summary import NO_VERDICT, brief, summaries
from carousel_envs import CarouselError

THRESHOLDS = (0.31, 0.36, 0.42, 0.55)


def finding(seed: int, verdict: str | None, value: float | None, probe: str = "psychometric"):
    estimates = {} if value is None else {"threshold": {"value": value, "low": 0.2, "high": 0.7}}
    return {
        "router": "ppo",
        "policy": f"seed-{seed}.safetensors",
        "sha256": "0" * 64,
        "training_seed": seed,
        "probe": probe,
        "question": "At what?",
        "verdict": verdict,
        "reason": "So it is.",
        "estimates": estimates,
        "rows": [{"belief": 0.1}],
        "figure": None,
    }


FINDINGS = [
    *(finding(i, f"swaps at {x:.2f}", x) for i, x in enumerate(THRESHOLDS)),
    finding(4, None, None),
    finding(0, "no memory", None, "belief-inside"),
]


def test_verdicts_are_counted_without_their_numbers():
    swaps, memory = summaries(FINDINGS)
    assert (swaps.router, swaps.probe, swaps.policies) == ("ppo", "psychometric", 5)
    assert swaps.verdicts == {"swaps at": 4, NO_VERDICT: 1}
    assert (memory.verdicts, memory.headline, memory.value) == ({"no memory": 1}, "", None)


def test_the_headline_is_the_interquartile_mean_with_an_interval_over_policies():
    swaps = summaries(FINDINGS)[0]
    assert swaps.headline == "threshold"
    assert swaps.value == pytest.approx(float(iqm(np.array(THRESHOLDS))))
    assert min(THRESHOLDS) <= swaps.low <= swaps.value <= swaps.high <= max(THRESHOLDS)


def test_of_a_single_policy_the_interval_is_its_own():
    alone = summaries(FINDINGS[:1])[0]
    assert (alone.value, alone.low, alone.high) == (0.31, 0.2, 0.7)


def test_a_probe_that_is_not_there_any_more_has_no_headline():
    gone = summaries([finding(0, "yes", 0.5, "of-a-plugin")])[0]
    assert (gone.headline, gone.value) == ("", None)


def test_what_is_no_number_is_left_out():
    odd = [*FINDINGS[:2], finding(8, "swaps at 0.1", float("nan"))]
    found = summaries(odd)[0]
    assert (found.policies, found.known) == (3, 2)
    assert found.value == pytest.approx((0.31 + 0.36) / 2)


def test_the_brief_document_leaves_out_what_is_long():
    document = brief({"env": "Carousel/Boredom-v0", "findings": FINDINGS})
    assert document["env"] == "Carousel/Boredom-v0"
    assert len(document["findings"]) == len(FINDINGS)
    assert set(document["findings"][0]) == {
        *("router", "policy", "sha256", "training_seed", "probe", "verdict", "reason"),
        "estimates",
    }
    assert document["summaries"][0]["verdicts"] == {"swaps at": 4, NO_VERDICT: 1}


DOCUMENT = {"findings": FINDINGS}


def test_a_sentence_says_what_was_found():
    assert (
        told.verdicts(DOCUMENT, "ppo", "psychometric") == "swaps at (4 of 5), cannot say (1 of 5)"
    )
    assert told.got(DOCUMENT, "ppo", "psychometric", "cannot", "say") == "1 of 5"
    assert told.got(DOCUMENT, "ppo", "psychometric", "no", "such") == "0 of 5"
    assert told.estimate(DOCUMENT, "ppo", "psychometric").startswith("0.39 (0.")
    named = told.estimate(DOCUMENT, "ppo", "psychometric", "threshold")
    assert named == told.estimate(DOCUMENT, "ppo", "psychometric")
    alone = {"findings": FINDINGS[:1]}
    assert told.estimate(alone, "ppo", "psychometric", "threshold") == "0.31 (0.20 to 0.70)"
    assert told.verdicts(alone, "ppo", "psychometric") == "swaps at"


def test_of_what_was_not_asked_nothing_is_said():
    with pytest.raises(
        CarouselError, match="nothing was found of router 'dqn' by the probe 'drive"
    ):
        told.got(DOCUMENT, "dqn", "drive")
    with pytest.raises(CarouselError, match="probe 'dirve' is unknown"):
        told.got(DOCUMENT, "ppo", "dirve")


def test_a_table_has_a_line_per_probe_and_a_column_per_router():
    lines = told.table(DOCUMENT).splitlines()
    assert lines[0] == "| probe | `ppo`, 5 seeds |"
    assert lines[2].startswith(
        "| [`psychometric`](../../probes.md) | swaps at 4, cannot say 1; thr"
    )
    assert lines[3] == "| [`belief-inside`](../../probes.md) | no memory |"
