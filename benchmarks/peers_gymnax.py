"""Steps per second of gymnax, jitted for the processor, beside ours: two ways to be fast.

Boredom is stepped in place as a Python loop over `step`. CartPole of gymnax
(github.com/RobertTLange/gymnax) is mapped over lanes and scanned over steps within one compiled
call, as its authors do, with random actions drawn within. Its sessions start anew as they end. Both
are timed at the same batches, in turns in one process. JAX takes as many threads as it likes; ours
takes one.

    .venv-peers/bin/python benchmarks/peers_gymnax.py [--lanes N]... [--blocks N]

needs gymnax (`make bench-peers` installs it into .venv-peers) and prints one JSON document.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gymnax
import jax

from carousel_agents.benchmark.stepper import Stepper
from carousel_agents.benchmark.timing import Spread, in_turns, rate
from common import PACKAGES, arguments, print_document, row, several_of, turns

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = (64, 1024, 16_384)
SCANNED, SECONDS = 256, 0.1


def scanning(lanes: int) -> Callable[[], int]:
    """A compiled call that plays some steps in every lane; returns how many there were in all."""
    env, parameters = gymnax.make("CartPole-v1")

    # drawn before the clock runs, as ours are
    picks = jax.random.randint(jax.random.key(2), (SCANNED, lanes), 0, 2)

    def one(carried: Any, actions: Any) -> Any:
        key, state, total = carried
        key, for_steps = jax.random.split(key)
        keys = jax.random.split(for_steps, lanes)
        step = jax.vmap(env.step, in_axes=(0, 0, 0, None))
        shown, state, reward, *_ = step(keys, state, actions, parameters)
        # all that is shown is used, or the compiler would leave it out
        return (key, state, total + shown.sum() + reward.sum()), None

    @jax.jit
    def many(carried: Any) -> Any:
        return jax.lax.scan(one, carried, picks)[0]

    keys = jax.random.split(jax.random.key(0), lanes)
    _, state = jax.vmap(env.reset, in_axes=(0, None))(keys, parameters)
    carried = (jax.random.key(1), state, jax.numpy.float32(0.0))

    def play() -> int:
        nonlocal carried
        carried = jax.block_until_ready(many(carried))
        return SCANNED * lanes

    # compiled, and once more should the first call's types differ from the next one's
    play()
    play()
    return play


def measure(lanes: int, blocks: int) -> dict[str, Any]:
    """A row: both at one batch."""
    ours = Stepper("Carousel/Boredom-v0", lanes, copy=False)
    theirs = scanning(lanes)
    contestants: dict[str, Callable[[], float]] = {
        "ours": partial(ours.rate, SECONDS),
        "gymnax": lambda: rate(theirs, SECONDS),
    }
    rates = in_turns(contestants, blocks, turns(f"{lanes} lanes"))
    return row(
        f"{lanes} lanes: Boredom / CartPole of gymnax",
        Spread.ratio(rates["ours"], rates["gymnax"]),
        steps_per_second=Spread.of(rates["ours"]).median,
        peer_steps_per_second=Spread.of(rates["gymnax"]).median,
    )


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=9)
    several_of(parser, "--lanes", BATCHES)
    asked = parser.parse_args(given)
    rows = [measure(lanes, asked.blocks) for lanes in asked.lanes or BATCHES]
    packages = (*PACKAGES, "gymnax", "jax", "jaxlib")
    print_document("vector stepping beside gymnax on the processor", rows, packages)


if __name__ == "__main__":
    main()
