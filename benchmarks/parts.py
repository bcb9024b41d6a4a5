"""Where the seconds of training go: shares of processor time by part.

A run on Boredom with the preset is interrupted every few milliseconds of processor time, and counts
for the part whose code it is in: ours, the library's, or the network's arithmetic, which includes
the Python that calls it. Shares are of samples; that of N samples strays by sqrt(share / N).

    python benchmarks/parts.py [--algo ALGO]... [--steps N]

prints one JSON document: a row per part and algorithm.
"""

from __future__ import annotations

import argparse
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

from carousel_agents.benchmark.timing import Spread
from carousel_agents.learning.train import train
from carousel_envs import Population
from common import LEARNING, print_document, row, several_of, whole

if TYPE_CHECKING:
    from types import FrameType

ALGORITHMS = ("ppo", "recurrent-ppo", "maskable-ppo", "a2c", "trpo")
STEPS = 400_000
SECONDS = 0.001

# (part, what is in the file's name, function or None for any): the first that is met anywhere on
# the stack
_PARTS: tuple[tuple[str, str, str | None], ...] = (
    ("ours: environment", "/carousel_envs/", None),
    ("ours: adapter", "learning/adapter.py", None),
    ("ours: scaling of columns", "learning/network.py", None),
    ("ours: minibatches", "learning/rollouts.py", None),
    ("ours: minibatches", "learning/sequences.py", None),
    ("library: buffer", "/buffers.py", None),
    ("library: callbacks", "common/callbacks.py", None),
    ("library: infos", "common/base_class.py", "_update_info_buffer"),
    ("torch: clipping of gradients", "utils/clip_grad.py", None),
    ("torch: optimiser", "torch/optim/", None),
    ("torch: backward", "torch/autograd/__init__.py", "backward"),
    ("torch: forward, in updates", "policies.py", "evaluate_actions"),
    ("torch: forward, in play", "policies.py", None),
    ("library: loss, and what is logged of it", "", "train"),
    ("library: loop of play", "", "collect_rollouts"),
)


_OURS = ("learning/train.py", "learning/callback.py")
"""Modules at which the part of a stack ends."""


def part_of(frame: FrameType | None) -> str:
    """The part that a stack is in."""
    stack = []
    while frame and not frame.f_code.co_filename.endswith(_OURS):
        stack.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    if frame and frame.f_code.co_name.startswith("_on_"):
        return "ours: between rollouts"
    for part, file, function in _PARTS:
        if any(file in name and function in (None, at) for name, at in stack):
            return part
    return "other"


def shares(algorithm: str, steps: int) -> list[dict[str, Any]]:
    """A row per part, the largest first."""
    options: dict[str, Any] = {"environment": "Carousel/Boredom-v0", "algorithm": algorithm}
    boredom = Population.preset("Boredom")
    # imported and compiled before anything is counted
    train(boredom, steps=1, **options)
    found: Counter[str] = Counter()
    before = signal.signal(signal.SIGPROF, lambda _, frame: found.update([part_of(frame)]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS)
    try:
        train(boredom, steps=steps, **options)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
    total = found.total()
    return [
        row(f"{algorithm}: {part}", Spread.of([100 * n / total]), "%", samples=total)
        for part, n in found.most_common()
    ]


def main(given: list[str] | None = None) -> None:
    """Sample what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    several_of(parser, "--algo", ALGORITHMS)
    parser.add_argument(
        "--steps", type=whole(1), default=STEPS, help=f"of training (default: {STEPS})"
    )
    asked = parser.parse_args(given)
    algorithms = asked.algo or ALGORITHMS[:2]
    rows = [one for name in algorithms for one in shares(name, asked.steps)]
    print_document("where the seconds of training go", rows, LEARNING)


if __name__ == "__main__":
    main()
