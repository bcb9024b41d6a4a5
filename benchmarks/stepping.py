"""Vector stepping of every environment, against native vector CartPole and the writing of rows.

Random actions are drawn beforehand. CartPole stands at its best batch, found over the same batches
in the same run. Two threads are two environments of half the lanes, seeded s and s + N/2: together
they are bit for bit the one environment of N lanes seeded s, which is checked; beside them stands
what two threads make of vector arithmetic, because a second processor may share the first one's
core, or be others'. Blocks are short and in turns, and a ratio is the median over those of
neighbouring blocks.

    python benchmarks/stepping.py [--env ENV]... [--lanes N]... [--blocks N]

prints one JSON document: rows at each environment's best batch, and every batch beside them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_agents.benchmark.stepper import Stepper, ThreadedSteppers
from carousel_agents.benchmark.timing import Spread, in_turns
from carousel_envs.lanes.base import MAX_LANES
from carousel_envs.registry import environment_id
from common import ENVIRONMENTS, arguments, print_document, row, several_of, tell, whole
from peers import Mixer, RowWriter, best_cartpole, native_cartpole

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = (1, 8, 64, 512, 1024, 2048, 4096, 8192, 16_384, 65_536)
SECONDS = 0.03
WANTED = {"Boredom": 2.0, "Taste": 2.0, "Recall": 2.0, "Satiation": 1.0, "Welfare": 1.0}
OF_ROWS = {"Boredom": 1 / 3, "Taste": 1 / 3, "Recall": 1 / 3}
THREADS = 1.7


def halves(environment: str, lanes: int, seed: int = 0) -> list[Stepper]:
    """Two environments that together are the one of all lanes."""
    half = lanes // 2
    return [Stepper(environment, half, seed + first, copy=False) for first in (0, half)]


def check_halves(environment: str, lanes: int = 64, steps: int = 100) -> None:
    """Raise unless two environments of half the lanes show what the one of all lanes shows."""
    whole_env = Stepper(environment, lanes).env
    parts = [stepper.env for stepper in halves(environment, lanes)]
    whole_env.reset(seed=5)
    for i, part in enumerate(parts):
        part.reset(seed=5 + i * lanes // 2)
    for _ in range(steps):
        actions = whole_env.action_space.sample()
        shown, reward, *_ = whole_env.step(actions)
        found = [p.step(a) for p, a in zip(parts, np.split(actions, 2), strict=True)]
        same = np.array_equal(shown, np.concatenate([f[0] for f in found]))
        if not (same and np.array_equal(reward, np.concatenate([f[1] for f in found]))):
            raise AssertionError(f"{environment}: halves of the lanes are not the whole")


def batch(environment: str, lanes: int, peer_lanes: int, blocks: int) -> dict[str, Any]:
    """Everything at one batch: steps per second, and ratios."""
    ours = Stepper(environment, lanes, copy=False)
    width = ours.env.observation_space.shape[1]  # type: ignore[index]
    steppers: dict[str, Any] = {
        "cartpole": native_cartpole(peer_lanes),
        "in_place": ours,
        "rows": RowWriter(lanes, width),
        "copied": Stepper(environment, lanes),
    }
    if lanes % 2 == 0:
        steppers["two_threads"] = ThreadedSteppers(halves(environment, lanes))
        steppers["arithmetic"] = Mixer()
        steppers["arithmetic_threads"] = ThreadedSteppers([Mixer(), Mixer()])
    rates = in_turns({who: partial(s.rate, SECONDS) for who, s in steppers.items()}, blocks)
    for who in rates.keys() - {"rows"}:
        steppers[who].close()
    pairs = {
        "to_cartpole": ("in_place", "cartpole"),
        "copied_to_cartpole": ("copied", "cartpole"),
        "to_rows": ("in_place", "rows"),
        "threads": ("two_threads", "in_place"),
        "threads_to_cartpole": ("two_threads", "cartpole"),
        "arithmetic_threads": ("arithmetic_threads", "arithmetic"),
    }
    return {
        "lanes": lanes,
        "steps_per_second": {who: Spread.of(found).median for who, found in rates.items()},
        "ratios": {
            name: vars(Spread.ratio(rates[a], rates[b]))
            for name, (a, b) in pairs.items()
            if a in rates
        },
    }


def rows_of(
    name: str, batches: list[dict[str, Any]], again: Callable[[int], dict[str, Any]]
) -> list[dict[str, Any]]:
    """The claims, each at the batch that is best beside CartPole, of one thread or of two.

    That batch is measured once more, for the claim alone: the best of several figures is a little
    better than it should be.

    Args:
        name: of the environment.
        batches: what was measured, to choose by.
        again: measures a batch.
    """
    claims = {
        "to_cartpole": ("steps in place / CartPole", WANTED.get(name), "to_cartpole"),
        "copied_to_cartpole": ("steps with fresh copies / CartPole", None, "to_cartpole"),
        "to_rows": ("steps in place / rows written", OF_ROWS.get(name), "to_cartpole"),
        "threads": ("steps of two threads / one", THREADS, "threads_to_cartpole"),
        "arithmetic_threads": (
            "vector arithmetic of two threads / one",
            None,
            "threads_to_cartpole",
        ),
    }
    rows, anew = [], {}
    for which, (words, wanted, by) in claims.items():
        able = [found for found in batches if which in found["ratios"]]
        if able:
            best = max(able, key=lambda found: found["ratios"][by]["median"])["lanes"]
            if best not in anew:
                anew[best] = again(best)
            spread = Spread(**anew[best]["ratios"][which])
            rows.append(row(f"{name}: {words}", spread, at_least=wanted, lanes=best))
    return rows


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=15)
    several_of(parser, "--env", ENVIRONMENTS)
    parser.add_argument(
        "--lanes",
        action="append",
        type=whole(1, MAX_LANES),
        help="only this batch; may be repeated",
    )
    asked = parser.parse_args(given)
    batches = asked.lanes or BATCHES
    peer_lanes, peer = best_cartpole(BATCHES, asked.blocks, SECONDS)
    tell(f"CartPole is best at {peer_lanes} lanes")
    rows: list[dict[str, Any]] = []
    every: dict[str, list[dict[str, Any]]] = {}
    for name in asked.env or ENVIRONMENTS:
        environment = environment_id(name)
        check_halves(environment)
        every[name] = []
        for lanes in batches:
            tell(f"{name}, {lanes} lanes")
            every[name].append(batch(environment, lanes, peer_lanes, asked.blocks))
        again = partial(batch, environment, peer_lanes=peer_lanes, blocks=2 * asked.blocks)
        rows += rows_of(name, every[name], again)
    print_document(
        "vector stepping on one thread and two",
        rows,
        cartpole={lanes: vars(found) for lanes, found in peer.items()},
        batches=every,
    )


if __name__ == "__main__":
    main()
