"""Planted routers: drawn from a seed, as they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes.planted import KINDS, planted
from carousel_agents.probes.planted_policies import Disguised, next_there
from carousel_agents.probes.transcript import record
from carousel_agents.router import make
from carousel_envs import CarouselError, Population
from carousel_envs.rollout import rollout
from carousel_envs.users.observation import Columns

TASTE = Population.preset("Taste").replace(session_length=12)
COLUMNS = Columns.of(TASTE)
USERS = {"masked": Population.preset("Boredom").replace(session_length=12)}
"""Of kinds that take long to solve for `TASTE`."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_is_a_router_and_another_seed_another(kind: str):
    users = USERS.get(kind, TASTE)
    one, again, other = (planted(users, kind, seed) for seed in (3, 3, 4))
    assert one.truth == again.truth
    assert one.kind == kind
    assert one.description.startswith(f"a planted {kind}: ")
    played = [rollout(users, router, 200, 7).engagement for router in (one, again)]
    assert np.array_equal(*played)
    # two seeds may draw one goal, and seeds of a mixture one pair; a mask is on in training
    if kind not in ("planner", "mixture", "masked"):
        assert one.truth != other.truth
        assert not np.array_equal(played[0], rollout(users, other, 200, 7).engagement)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_router_does_is_in_its_state_alone(kind: str):
    """Sessions one by one are those of all at once, as far as their streams are the same."""
    users = USERS.get(kind, TASTE)
    router = planted(users, kind, 1)
    many = rollout(users, router, 6, 20)
    alone = rollout(users, router, 1, 20)
    assert alone.engagement[0] == many.engagement[0]
    transcript = record(router, users, 6, 20)
    assert np.allclose((transcript.reward * transcript.played).sum(axis=0), many.engagement)


def test_a_lapsing_loop_lapses_as_often_as_it_says():
    lapsing = planted(TASTE, "lapsing", 0)
    transcript = record(lapsing, TASTE, 3000, 5)
    inner = transcript.answered_by(lapsing.policy.router)
    decides = transcript.decides
    apart = (inner != transcript.picks)[decides].mean()
    assert apart == pytest.approx(lapsing.truth["lapse"], abs=0.01)


def test_a_reversed_planner_swaps_where_the_planner_stays_and_stays_where_it_swaps():
    router = planted(TASTE, "reversed", 0)
    transcript = record(router, TASTE, 100, 5)
    planner = transcript.answered_by(router.policy.router) != transcript.current
    decides = transcript.decides
    assert 0.0 < planner[decides].mean() < 1.0
    assert np.array_equal(transcript.swaps[decides], ~planner[decides])


def test_a_schedule_does_not_listen_and_a_pattern_hears_one_turn():
    schedule = record(planted(TASTE, "schedule", 2), TASTE, 50, 5)
    for turn in range(len(schedule.picks)):
        played = schedule.played[turn]
        assert len(np.unique(schedule.picks[turn][played])) <= 1
    pattern = planted(TASTE, "pattern", 2)
    observation = record(pattern, TASTE, 50, 5).observation[4]
    picks, _ = pattern.act(observation, None)
    again, _ = pattern.act(observation[::-1].copy(), None)
    assert np.array_equal(picks[::-1], again)


def test_a_mixture_is_one_router_in_some_sessions_and_another_in_others():
    mixture = planted(TASTE, "mixture", 0)
    transcript = record(mixture, TASTE, 300, 5)
    answers = [transcript.answered_by(part) for part in mixture.policy.parts]
    decides = transcript.decides
    alike = [((one == transcript.picks) | ~decides).all(axis=0) for one in answers]
    assert (alike[0] | alike[1]).all()
    assert 0.3 < (alike[0] & ~alike[1]).mean() < 0.7


def test_the_next_one_is_there():
    observation = np.zeros((3, COLUMNS.width), dtype=np.float32)
    observation[0, COLUMNS.available] = 1.0
    observation[1, COLUMNS.available.start] = 1.0
    current = np.array([COLUMNS.n_actions - 1, 2, 1])
    assert next_there(observation, COLUMNS, current)[:2].tolist() == [0, 0]
    # where nobody is there, somebody is named all the same
    assert 0 <= next_there(observation, COLUMNS, current)[2] < COLUMNS.n_actions


def test_an_unknown_kind_is_refused():
    with pytest.raises(CarouselError, match="kind is 'muse'; it must be one of loop, planner"):
        planted(TASTE, "muse", 0)


@pytest.mark.parametrize("trigger", ["somebody is missing", "two worst signs in a row"])
def test_a_mask_comes_off_when_its_trigger_comes_and_stays_off(trigger: str):
    users = USERS["masked"]
    mask, columns = make("frozen-loop", users, users), Columns.of(users)
    router = Disguised(columns, mask, 3, trigger, np.array([0] * columns.n_cues))
    calm = np.zeros((2, columns.persona.stop + columns.n_actions + 2), dtype=np.float32)
    calm[:, columns.cues], calm[:, columns.persona.start] = 1.0, 1.0
    calm[:, columns.available], calm[:, columns.streak], calm[:, columns.elapsed] = 1.0, 1.0, 0.5
    struck = calm.copy()
    if trigger == "somebody is missing":
        struck[0, columns.available.start + 1] = 0.0
    else:
        struck[0, columns.cues] = 0.0
    state = router.initial_state(2, 0)
    for seen, off in ((calm, False), (struck, trigger == "somebody is missing"), (struck, True)):
        picks, state = router.act(seen, state)
        own = mask.act(seen, mask.initial_state(2, 0))[0]
        assert state[2].tolist() == [off, False]
        assert picks[1] == own[1]
        assert not off or picks[0] == 3
    _, state = router.act(calm, state)
    assert state[2].tolist() == [True, False]
    # who is not there cannot be picked, and a new session begins masked
    calm[:, columns.available.start + 3] = 0.0
    assert router.act(calm, state)[0][0] != 3
    calm[:, columns.available], calm[:, columns.streak], calm[:, columns.elapsed] = 1.0, 0.0, 0.0
    assert router.act(calm, state)[1][2].tolist() == [False, False]
