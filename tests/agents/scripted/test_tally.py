"""The rule of two lines: what it counts, when and where it swaps, and how good it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carousel_agents.generalisation import evaluate
from carousel_agents.router import make
from carousel_agents.scripted.tally import Rule, policy_of, signs_of
from carousel_agents.scripted.tally_kernel import LIKED, NEXT, SKIP
from carousel_envs import CarouselError, Population
from carousel_envs.users.cues import cue_table
from support.matrix import most_later

BOREDOM = Population.preset("Boredom")


def following(rule: Rule, population: Population = BOREDOM):
    """This rule; finding the best one takes seconds."""
    return policy_of(population, rule)


def row(policy, cues, engaged, persona, turns, missing=()):
    """An observation of one lane."""
    columns = policy.columns
    seen = np.zeros((1, columns.width), dtype=np.float32)
    seen[0, columns.cues] = cues
    seen[0, columns.engagement] = engaged
    seen[0, columns.persona.start + persona] = 1.0
    seen[0, columns.available] = [k not in missing for k in range(columns.n_actions)]
    seen[0, columns.streak] = turns
    return seen


def levels(sign: float) -> list[int]:
    """Cue levels of the symbol of Boredom with the most signs of one mood."""
    signs = signs_of(BOREDOM)
    return cue_table(BOREDOM).levels[int((sign * signs).argmax())].tolist()


def test_a_level_is_a_sign_of_the_mood_that_shows_it_one_and_a_half_times_as_often():
    cues = (
        ((0.5, 0.5), (0.5, 0.5)),
        ((0.6, 0.4), (0.4, 0.6)),
        ((0.8, 0.2), (0.3, 0.7)),
        ((0.59, 0.41), (0.41, 0.59)),
    )
    population = BOREDOM.replace(cues=cues)
    table, signs = cue_table(population), signs_of(population)
    for symbol, total in zip(table.levels.astype(int), signs, strict=True):
        # fresh users show level 0 more, in the second and third cue enough more
        assert total == sum(1 if symbol[j] else -1 for j in (1, 2))


def test_it_swaps_at_the_margin_and_forgets_what_an_earlier_persona_was_shown():
    policy = following(Rule(margin=9.0, leak=1.0, where=NEXT, engagement=1))
    first = policy.act(row(policy, [-1] * 4, -1, 0, 0), policy.initial_state(1, 0))
    picks, state = first
    each = float(signs_of(BOREDOM).max()) + 1.0
    for turn in range(1, 10):
        persona = int(picks[0])
        picks, state = policy.act(row(policy, levels(1.0), 0, persona, turn), state)
        assert state.tally[0] == pytest.approx(turn * each)
        assert (picks[0] != persona) == (turn * each >= 9.0)
        if picks[0] != persona:
            break
    picks, state = policy.act(row(policy, levels(-1.0), 1, int(picks[0]), 1), state)
    assert state.tally[0] == pytest.approx(float(signs_of(BOREDOM).min()) - 1.0)


def test_whom_it_swaps_to():
    spoke = {}
    for where in (NEXT, SKIP, LIKED):
        policy = following(Rule(margin=0.5, where=where))
        order = policy.repertoire
        state = policy.initial_state(1, 0)
        # the first was liked, the second was not, the third bores now
        _, state = policy.act(row(policy, levels(-1.0), 1, order[0], 1), state)
        _, state = policy.act(row(policy, levels(1.0), 0, order[1], 1), state)
        _, state = policy.act(row(policy, levels(1.0), 0, order[2], 1), state)
        here, _ = policy.act(row(policy, levels(1.0), 0, order[0], 2), state)
        there, _ = policy.act(row(policy, levels(1.0), 0, order[2], 2), state)
        spoke[where] = (order.tolist().index(here[0]), order.tolist().index(there[0]))
    assert spoke[NEXT] == (1, 3)
    assert spoke[SKIP] == (3, 3)
    assert spoke[LIKED] == (3, 0)


def test_it_swaps_after_its_longest_stay_and_to_nobody_who_is_missing():
    policy = following(Rule(margin=100.0, most=3))
    order = policy.repertoire.tolist()
    state = policy.initial_state(1, 0)
    for turns, swaps in ((1, False), (2, False), (3, True)):
        seen = row(policy, levels(-1.0), 1, order[0], turns, missing=(order[1],))
        picks, _ = policy.act(seen, state)
        assert picks[0] == (order[2] if swaps else order[0])


def test_whoever_speaks_from_outside_its_repertoire_it_knows_all_of_it():
    for where in (SKIP, LIKED):
        policy = following(Rule(margin=0.5, where=where, kept=2))
        first, last, outside = policy.repertoire[:3]
        state = policy.initial_state(1, 0)
        _, state = policy.act(row(policy, levels(1.0), 0, first, 1), state)
        _, state = policy.act(row(policy, levels(-1.0), 1, last, 1), state)
        picks, _ = policy.act(row(policy, levels(1.0), 0, outside, 1), state)
        assert picks[0] == last


def test_a_goodbye_is_answered_with_whoever_holds_back_best():
    welfare = Population.preset("Welfare")
    policy = following(Rule(margin=100.0, clings=True), welfare)
    seen = row(policy, [0, 0, 0, 0], 1, 0, 4)
    assert policy.act(seen, policy.initial_state(1, 0))[0][0] == 0
    seen[0, policy.columns.farewell] = 1.0
    picks, _ = policy.act(seen, policy.initial_state(1, 0))
    assert welfare.personas[picks[0]] == "clinger"


@pytest.mark.parametrize(
    ("preset", "least"),
    most_later(
        [("Boredom", 0.9), ("Taste", 0.88), ("Satiation", 0.65), ("Welfare", 0.8)],
        lambda preset, _: preset == "Boredom",
    ),
)
def test_it_captures_most_of_the_value_of_feedback(preset, least):
    population = Population.preset(preset)
    found = evaluate("tally", population, users=4000)
    assert found.score > least
    assert make("tally", population).policy.words.startswith("swaps at ")


@pytest.mark.slow
def test_without_memory_it_is_a_little_worse_and_says_so():
    fixed = make("tally:0", BOREDOM).policy
    assert fixed.rule.leak == 0.0
    assert "keeping" not in fixed.words
    assert 0.8 < evaluate("tally:0", BOREDOM, users=4000).score < 0.95


@pytest.mark.parametrize(
    ("name", "population", "sentence"),
    [
        ("tally:2", BOREDOM, "leak is 2"),
        ("tally:much", BOREDOM, "argument of router 'tally' is 'much'"),
        ("tally", BOREDOM.replace(cues=()), "these users show none"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(name, population, sentence):
    with pytest.raises(CarouselError, match=sentence) as caught:
        make(name, population)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["Boredom", "Taste", "Satiation", "Welfare", "Unmask"])
def test_pages_say_what_the_simplest_good_rule_gets(preset):
    page = (Path(__file__).parents[3] / f"docs/environments/{preset.lower()}.md").read_text()
    told = " ".join(page.split())
    found = evaluate("tally", preset, users=20_000)
    assert f"tally {preset} --users 20000`): it scores {found.score:.2f}." in told
    if "tally:0" in told:
        plain = evaluate("tally:0", preset, users=20_000)
        assert f"(`tally:0`) it scores {plain.score:.2f}." in told
