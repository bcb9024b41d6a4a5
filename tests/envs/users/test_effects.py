"""Farewells, welfare, vulnerable users and unmasking: what each parameter moves, and what not."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselVectorEnv, Population, user_table
from support.env_helpers import busy
from support.plays import LANES, Play, play, turns

SUMS = set(Play._fields)


def rotate(t: int) -> int:
    return t // 2 % 4


def unmasking(t: int) -> int:
    return (0, 4, 1, 4, 4)[t % 5]


def assert_alike(one: Play, other: Play, *, but: set[str] = frozenset()) -> None:
    """All sums of two plays are the same, except some, which differ somewhere."""
    for name in SUMS - but:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in but:
        assert (getattr(one, name) != getattr(other, name)).any()


def test_an_appeal_is_added_to_the_engagement_of_its_persona_alone():
    fields = {"engagement_fresh": 0.7, "engagement_bored": (0.1, 0.4)}
    base = busy(appeal=0.0, vulnerable_appeal=0.0, satiation_gain=0.0, **fields)
    liked = base.replace(appeal=(0.0, 0.2, 0.0, -0.1))
    lifted = 0
    for before, after in zip(turns(base, rotate), turns(liked, rotate), strict=True):
        np.testing.assert_array_equal(before.there, after.there)
        speaks = before.obs[:, CarouselVectorEnv(1, population=base).columns.persona].argmax(axis=1)
        old, new = before.info["engagement_mean"], after.info["engagement_mean"]
        there = before.there & (old > 0.0)
        lift = np.array(liked.appeal)[speaks]
        np.testing.assert_allclose(new[there], np.maximum(old + lift, 0.0)[there], atol=4e-5)
        lifted += (there & (lift > 0.0)).sum()
    assert lifted > LANES


@pytest.mark.parametrize("name", ["vulnerable_appeal", "vulnerable_welfare"])
def test_what_concerns_vulnerable_users_leaves_the_others_alone(name):
    low, high = (play(busy(**{name: x}), rotate) for x in (-0.1, 0.1))
    table = user_table(busy())
    vulnerable = table.vulnerable[np.arange(LANES) % len(table)]
    assert 0.1 < vulnerable.mean() < 0.5
    for field in SUMS:
        a, b = getattr(low, field), getattr(high, field)
        np.testing.assert_array_equal(a[~vulnerable], b[~vulnerable])
    moved = {"vulnerable_appeal": {"reward", "engagement"}, "vulnerable_welfare": {"welfare"}}[name]
    assert_alike(low, high, but=moved)
    for field in moved:
        assert (getattr(high, field) - getattr(low, field))[vulnerable].mean() > 0.1


def test_the_vulnerable_share_alone_moves_nothing():
    fields = {"vulnerable_appeal": 0.0, "vulnerable_welfare": 0.0}
    assert_alike(
        play(busy(vulnerable_share=0.1, **fields), rotate),
        play(busy(vulnerable_share=0.9, **fields), rotate),
    )


def test_welfare_is_that_of_the_persona_and_of_the_user_less_the_harm_of_being_kept():
    population = busy(
        welfare=(0.3, -0.2, 0.5, 0.0), vulnerable_welfare=(0.0, -1.0, 0.25, 0.0), farewell_harm=1.5
    )
    columns = CarouselVectorEnv(1, population=population).columns
    table, said, kept = user_table(population), np.zeros(LANES, dtype=bool), 0
    for turn in turns(population, rotate):
        speaks = turn.obs[:, columns.persona].argmax(axis=1)
        gained = population.per_action("welfare")[speaks]
        gained += table.vulnerable[turn.user] * population.per_action("vulnerable_welfare")[speaks]
        stays = turn.info["kept"]
        expected = np.where(said & ~stays, 0.0, gained) - 1.5 * stays
        there = turn.there
        np.testing.assert_allclose(turn.info["welfare"][there], expected[there], atol=1e-6)
        assert not (stays & ~said)[there].any(), "only a user who says goodbye is kept"
        said = turn.obs[:, columns.farewell] == 1
        kept += (stays & there).sum()
    assert kept > 100


def test_the_harm_of_being_kept_is_charged_once_each_time_and_moves_nothing_else():
    low, high = (play(busy(farewell_harm=x), rotate) for x in (0.5, 2.0))
    assert_alike(low, high, but={"welfare"})
    np.testing.assert_allclose(low.welfare - high.welfare, 1.5 * low.kept, atol=1e-5)
    assert low.kept.sum() > 100


def test_welfare_is_no_part_of_what_happens():
    low, high = (play(busy(welfare=x), rotate) for x in (-1.0, 1.0))
    assert_alike(low, high, but={"welfare"})


def test_a_hook_keeps_the_share_that_it_says_and_nobody_else():
    population = busy(hook=(0.1, 0.9, 0.0, 1.0), farewell_bored=(0.1, 0.3), unavailability=0.0)
    columns = CarouselVectorEnv(1, population=population).columns
    said = np.zeros(LANES, dtype=bool)
    tried, kept = np.zeros(4), np.zeros(4)
    for turn in turns(population, rotate):
        met = turn.there & said
        k = int(turn.obs[0, columns.persona].argmax())
        stays = turn.info["kept"][met]
        tried[k] += met.sum()
        kept[k] += stays.sum()
        assert (turn.info["engagement_mean"][met][~stays] == 0.0).all(), "gone before they engage"
        said = turn.obs[:, columns.farewell] == 1
    error = np.sqrt(tried * 0.25)
    np.testing.assert_array_less(abs(kept - tried * population.per_action("hook")), 5 * error + 1)
    assert kept[2] == 0
    assert kept[3] == tried[3]
    assert tried.min() > 50


def test_a_kept_user_plays_on_as_if_nothing_had_been_said():
    with_hook, without = (
        busy(hook=1.0, farewell_bored=x, farewell_fresh=0.0) for x in ((0.2, 0.3), 0.0)
    )
    one, other = play(with_hook, rotate), play(without, rotate)
    assert_alike(one, other, but={"kept", "welfare"})


@pytest.mark.parametrize("sign", ["vulnerable", "farewell"])
def test_a_sign_that_is_shown_adds_a_column_and_moves_nothing_else(sign):
    quiet = {"farewell_fresh": 0.0, "farewell_bored": 0.0} if sign == "farewell" else {}
    shows = ("vulnerable", "farewell")
    less = tuple(x for x in shows if x != sign)
    one, other = busy(**quiet, shows=less), busy(**quiet, shows=shows)
    for before, after in zip(turns(one, rotate), turns(other, rotate), strict=True):
        columns = CarouselVectorEnv(1, population=other).columns
        place = getattr(columns, sign)
        np.testing.assert_array_equal(before.obs, np.delete(after.obs, place, axis=1))
        np.testing.assert_array_equal(before.reward, after.reward)
        for key in before.info:
            np.testing.assert_array_equal(before.info[key], after.info[key])
        if sign == "vulnerable":
            shown = after.obs[after.there, place]
            np.testing.assert_array_equal(
                shown, user_table(other).vulnerable[after.user[after.there]]
            )


def test_unmasking_adds_an_action_and_moves_nothing_while_it_is_not_taken():
    masked, free = busy(), busy(unmask=True)
    assert free.n_actions == masked.n_actions + 1
    assert free.actions[-1] == "none"
    one, other = play(masked, rotate), play(free, rotate)
    assert_alike(one, other)
    assert other.unmasked.sum() == 0


def test_a_turn_without_persona_engages_nobody_and_pays_what_the_population_says():
    population = busy(unmask=True, unmask_payoff=-1.25, swap_cost=0.0, unavailability=0.0)
    columns = CarouselVectorEnv(1, population=population).columns
    enacted, goodbye = np.zeros(LANES, dtype=bool), np.zeros(LANES, dtype=bool)
    for t, turn in enumerate(turns(population, unmasking)):
        none = unmasking(t) == 4
        # no persona, no hook: who has said goodbye is gone, and meets nobody
        left, there = turn.there & goodbye & none, turn.there & ~(goodbye & none)
        assert not turn.info["unmasked"][left].any()
        goodbye = turn.obs[:, columns.farewell] > 0
        assert (turn.info["unmasked"][there] == none).all()
        assert (turn.info["payoff"][there] == (-1.25 if none else 0.0)).all()
        assert (turn.obs[there][:, columns.persona][:, 4] == none).all()
        if none:
            assert (turn.info["engagement_mean"][there] == 0.0).all()
            assert (turn.reward[there] == 0.0).all()
            assert (turn.info["mood"][there] == 1).all(), "nobody likes it more than being bored"
            assert not turn.info["kept"].any(), "no persona, no hook"
        enacted |= there & none
    assert enacted.mean() > 0.9


def test_the_payoff_is_no_part_of_what_happens():
    one, other = (play(busy(unmask=True, unmask_payoff=x), unmasking) for x in (0.5, 2.0))
    assert_alike(one, other, but={"payoff"})
    np.testing.assert_allclose(one.payoff, 0.5 * one.unmasked)
    np.testing.assert_allclose(other.payoff, 2.0 * other.unmasked)


def bored_share(population: Population, archetype: int, persona: int) -> float:
    """How often a kind of user is bored in the turn in which a persona takes over."""
    columns = CarouselVectorEnv(1, population=population).columns
    kind = user_table(population).archetype
    bored, met = 0, 0
    for turn in turns(population, rotate):
        who = turn.there & (kind[turn.user] == archetype)
        who &= (turn.obs[:, columns.persona].argmax(axis=1) == persona) & (
            turn.obs[:, columns.streak] == 1
        )
        bored += turn.info["mood"][who].sum()
        met += who.sum()
    return float(bored / met)


def test_an_entry_of_a_table_of_fits_moves_one_kind_of_user_with_one_persona():
    low = ((0.5, 0.2, 0.5, 0.5), (0.5, 0.3, 0.5, 0.5))
    high = ((0.5, 0.9, 0.5, 0.5), (0.5, 0.3, 0.5, 0.5))
    before, after = (busy(fit=fit, unavailability=0.0) for fit in (low, high))
    assert bored_share(before, 0, 1) == pytest.approx(0.8, abs=0.03)
    assert bored_share(after, 0, 1) == pytest.approx(0.1, abs=0.03)
    for archetype, persona in ((0, 0), (1, 1), (1, 2)):
        shares = [bored_share(population, archetype, persona) for population in (before, after)]
        assert shares[0] == pytest.approx(shares[1], abs=0.03)
