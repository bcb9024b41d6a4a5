"""What every script shares: its arguments, the rows it measures, the document it prints.

A row is one claim: what was measured, the median over blocks, from where to where it went, and what
is wanted of it, if anything.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carousel_envs.registry import environment_ids, short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from carousel_agents.benchmark.timing import Spread

PACKAGES = ("persona-carousel", "gymnasium", "numpy", "numba")
LEARNING = (*PACKAGES, "stable-baselines3", "sb3-contrib", "torch")
ENVIRONMENTS = tuple(short_name(env) for env in environment_ids())


def arguments(text: str | None, blocks: int = 5) -> argparse.ArgumentParser:
    """A parser with what every script takes: `--blocks`, at least 1.

    Args:
        text: the script's own docstring; its first line says what it measures.
        blocks: how many there are by default.
    """
    parser = argparse.ArgumentParser(description=(text or "").partition("\n")[0])
    parser.add_argument(
        "--blocks",
        type=whole(1),
        default=blocks,
        metavar="N",
        help=f"blocks of each, in turns (default: {blocks})",
    )
    return parser


def whole(low: int, high: int = 10**12) -> Callable[[str], int]:
    """A type of argument: whole numbers within bounds."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(
                f"{text} is not allowed; it must be a whole number from {low} to {high}"
            )
        return number

    return parse


def several_of(parser: argparse.ArgumentParser, option: str, choices: Sequence[Any]) -> None:
    """An option that may be repeated; without it, all choices."""
    parser.add_argument(
        option,
        action="append",
        type=type(choices[0]),
        choices=choices,
        help="only this one; may be repeated",
    )


def row(
    what: str,
    spread: Spread,
    unit: str = "x",
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    **others: Any,
) -> dict[str, Any]:
    """One claim.

    Args:
        what: what was measured, in words.
        spread: the figure.
        unit: "x" for a ratio.
        at_least, at_most: what is wanted of the median; neither where nothing is.
        others: whatever else is worth keeping.
    """
    met = (at_least is None or spread.median >= at_least) and (
        at_most is None or spread.median <= at_most
    )
    nothing = at_least is None and at_most is None
    return {
        "what": what,
        "measured": spread.median,
        "lowest": spread.lowest,
        "highest": spread.highest,
        "unit": unit,
        "at_least": at_least,
        "at_most": at_most,
        "met": None if nothing else met,
        **others,
    }


def tell(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def turns(what: str) -> Callable[[int, int], None]:
    """Progress of `in_turns`, a line a round."""
    return lambda done, blocks: tell(f"{what}, block {done} of {blocks}")


def document(
    claim: str,
    rows: Sequence[Mapping[str, Any]],
    packages: Sequence[str] = PACKAGES,
    **others: Any,
) -> dict[str, Any]:
    """What a script prints: rows, and what they were measured with and on."""
    return {
        "claim": claim,
        "rows": list(rows),
        **others,
        "versions": {name: _version(name) for name in packages},
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def processor() -> str:
    """What is measured on; ratios, too, differ from one kind of processor to another."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    if "model name" not in told:
        return platform.machine()
    # virtual machines give one name to several generations
    kind = [f"{name} {told[name]}" for name in ("cpu family", "model", "stepping") if name in told]
    return ", ".join([told["model name"], *kind])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def print_document(
    claim: str, rows: Sequence[Mapping[str, Any]], *given: Any, **others: Any
) -> None:
    """Print `document` as JSON."""
    print(json.dumps(document(claim, rows, *given, **others), indent=2, allow_nan=False))
