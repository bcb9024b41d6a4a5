"""Measuring in turns: blocks alternate, ratios are those of neighbours, clocks can be planted."""

import pytest

from carousel_agents.benchmark import speed
from carousel_agents.benchmark.stepper import Stepper, ThreadedSteppers
from carousel_agents.benchmark.timing import Spread, in_turns, played, rate
from carousel_envs import CarouselError


class Clock:
    """Goes on by what is done, not by itself."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds, units):
        def play():
            self.now += seconds
            return units

        return play


def test_a_block_ends_with_the_call_that_passes_its_length():
    clock = Clock()
    assert played(clock.work(0.5, 100), 1.2, clock) == (300, 1.5)
    assert rate(clock.work(0.5, 100), 1.2, clock) == 200.0


def test_a_block_plays_at_least_once():
    clock = Clock()
    assert played(clock.work(9.0, 7), 0.0, clock) == (7, 9.0)


def test_every_second_round_goes_backwards():
    order, told = [], []
    names = {name: lambda name=name: order.append(name) or 1.0 for name in "abc"}
    found = in_turns(names, 3, lambda *progress: told.append(progress))
    assert "".join(order) == "abccbaabc"
    assert found == {name: [1.0] * 3 for name in "abc"}
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_machine_that_slows_down_leaves_the_ratio_as_it_is():
    clock, slowness = Clock(), {"now": 1.0}

    def contestant(cost):
        def block():
            slowness["now"] *= 1.05  # by 5 % with every block
            return rate(clock.work(cost * slowness["now"], 1), 0.0, clock)

        return block

    rates = in_turns({"ours": contestant(1.0), "theirs": contestant(2.0)}, 20)
    ratio = Spread.ratio(rates["ours"], rates["theirs"])
    # who comes first gains 5 %, and each does so every second time
    assert ratio.lowest == pytest.approx(2.0 / 1.05)
    assert ratio.highest == pytest.approx(2.0 * 1.05)
    assert ratio.median == pytest.approx(2.0, rel=2e-3)
    # medians of each apart would tell nothing of the pairs: they stray by a factor of six
    assert max(rates["ours"]) / min(rates["ours"]) > 6


def test_a_spread_holds_the_median_and_the_ends():
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0)
    assert Spread.ratio([2.0, 9.0], [1.0, 3.0]) == Spread(2.5, 2.0, 3.0)


def test_nothing_measured_is_refused():
    with pytest.raises(CarouselError, match="at least one block"):
        Spread.of([])
    with pytest.raises(CarouselError, match="blocks is 0"):
        in_turns({}, 0)
    with pytest.raises(ValueError, match="zip"):
        Spread.ratio([1.0], [])


def test_steps_are_counted_by_lanes():
    stepper = Stepper("Carousel/Boredom-v0", 48)
    # sixteen draws of actions, once: 64 // 48
    assert stepper.play() == 16 * 48
    stepper.close()


def test_threads_step_all_steppers():
    steppers = [Stepper("Carousel/Boredom-v0", 8, seed) for seed in (0, 8)]
    both = ThreadedSteppers(steppers)
    before = [stepper.env.snapshot()["turn"] for stepper in steppers]
    assert both.rate(0.0) > 0.0
    for stepper, old in zip(steppers, before, strict=True):
        assert (stepper.env.snapshot()["turn"] != old).any()
    both.close()


def test_the_command_takes_ratios_of_neighbouring_blocks(monkeypatch):
    # a machine that is ten times as fast in the second round
    planted = {
        "ours": [3.0, 40.0, 3.0],
        "peer": [1.0, 10.0, 2.0],
        "copied": [2.0, 20.0, 2.0],
    }

    class Planted(Stepper):
        def rate(self, seconds):
            env = self.env.unwrapped
            who = "peer" if env.spec.id == speed.PEER else "copied" if env.copy else "ours"
            return planted[who].pop(0)

    monkeypatch.setattr(speed, "Stepper", Planted)
    found = speed.measure("Carousel/Boredom-v0", lanes=8, blocks=3)
    assert (found.steps_per_second, found.lowest, found.highest) == (3.0, 3.0, 40.0)
    assert (found.peer_steps_per_second, found.copied_steps_per_second) == (2.0, 2.0)
    # of 3, 4 and 1.5; of 2, 2 and 1
    assert (found.ratio, found.copied_ratio) == (3.0, 2.0)
