"""Whether stepping has become slower than it was: a ratio in one run, against a committed one.

Every environment is stepped in place at one batch, in turns with a compiled loop that writes rows
of its observation's width and nothing else. Blocks take about a millisecond, and the fastest of
either are compared: noise only ever adds time, and among some thousand blocks there are undisturbed
ones however busy the machine is. What seems to have lost speed is measured again, twice at most: a
loss is there every time. `README.md` says how far the ratio strays, from which the margin comes.

    python benchmarks/guard.py [--env ENV]... [--write]

compares with guard.json and exits with 1 where an environment lost more than the margin, unless the
baseline is of another kind of processor; `--write` makes what is measured the new baseline.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carousel_agents.benchmark.stepper import Stepper
from carousel_agents.benchmark.timing import in_turns, rate
from carousel_agents.system import console
from carousel_envs.foundation.errors import CarouselError
from carousel_envs.foundation.files import write_whole
from carousel_envs.registry import environment_id
from common import ENVIRONMENTS, arguments, processor, several_of, tell
from peers import RowWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BASELINE = Path(__file__).with_name("guard.json")
LANES, MARGIN, BLOCKS, SECONDS, TRIES = 1024, 0.25, 1500, 0.001, 3


def measure(name: str, blocks: int) -> float:
    """Steps in the time in which a row is written, fastest block against fastest block."""
    stepper = Stepper(environment_id(name), LANES, copy=False)
    width = stepper.env.observation_space.shape[1]  # type: ignore[index]
    writer = RowWriter(LANES, width)
    contestants = {
        "steps": lambda: rate(stepper.play, SECONDS),
        "rows": lambda: rate(writer.play, SECONDS),
    }
    rates = in_turns(contestants, blocks)
    stepper.close()
    return max(rates["steps"]) / max(rates["rows"])


def baseline(path: Path) -> dict[str, Any]:
    """The committed ratios.

    Raises:
        CarouselError: there are none, or they cannot be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        ratios = {str(name): float(ratio) for name, ratio in found["ratios"].items()}
        return {**found, "ratios": ratios, "processor": str(found["processor"])}
    except OSError as error:
        raise CarouselError(
            f"{path.name} cannot be read: {error.strerror or error}; `--write` makes it"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CarouselError(f"{path.name} is no baseline; `--write` makes it anew") from None


def compare(was: Mapping[str, float], now: Mapping[str, float]) -> tuple[list[list[str]], bool]:
    """Lines of the table, and whether any environment lost more than the margin."""
    lines: list[list[str]] = []
    lost = False
    for name, ratio in now.items():
        before = was.get(name)
        if before is None:
            verdict = "not in the baseline: renew it"
            lost = True
        elif ratio < before * (1 - MARGIN):
            verdict = f"lost {1 - ratio / before:.0%}, more than {MARGIN:.0%}"
            lost = True
        elif ratio > before * (1 + MARGIN):
            verdict = f"{ratio / before - 1:.0%} faster: renew the baseline"
        else:
            verdict = "held"
        figures = (f"{x:.4f}" if x is not None else "-" for x in (before, ratio))
        lines.append([name, *figures, verdict])
    return lines, lost


def main(given: list[str] | None = None, measure_one: Callable[[str, int], float] = measure) -> int:
    """Measure, compare or write; the exit status."""
    parser = arguments(__doc__, blocks=BLOCKS)
    several_of(parser, "--env", ENVIRONMENTS)
    parser.add_argument("--write", action="store_true", help="renew guard.json")
    asked = parser.parse_args(given)
    if asked.write and asked.env:
        parser.error("--write renews the whole baseline; it cannot be given with --env")
    try:
        before = None if asked.write else baseline(BASELINE)
    except CarouselError as error:
        parser.error(str(error))
    now = {}
    for name in asked.env or ENVIRONMENTS:
        ratios = [measure_one(name, asked.blocks)]
        held = 0.0 if before is None else before["ratios"].get(name, 0.0) * (1 - MARGIN)
        while len(ratios) < TRIES and (before is None or ratios[-1] < held):
            ratios.append(measure_one(name, asked.blocks))
        now[name] = statistics.median(ratios) if before is None else max(ratios)
        tell(f"{name}: {now[name]:.4f} steps in the time of a row")
    if before is None:
        rounded = {name: round(ratio, 4) for name, ratio in now.items()}
        content = {"lanes": LANES, "processor": processor(), "ratios": rounded}
        write_whole(BASELINE, (json.dumps(content, indent=2) + "\n").encode())
        return 0
    lines, lost = compare(before["ratios"], now)
    heads = ("environment", "baseline", "now", "")
    console.print_table(f"Steps in the time of a row written, {LANES} lanes", heads, lines)
    if not lost:
        return 0
    console.tell("guard: stepping lost speed against benchmarks/guard.json")
    if before["processor"] != processor() and set(now) <= set(before["ratios"]):
        # ratios of vector code and of memory differ between kinds of processor
        console.tell(
            f"guard: but the baseline is of another processor, {before['processor']}: no failure; "
            "`--write` makes one for this"
        )
        return 0
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
