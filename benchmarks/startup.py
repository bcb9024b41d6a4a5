"""Seconds until the first step, each in a fresh process.

What is imported, made and stepped is timed inside the process: with compiled kernels cached
("warm"), with an empty cache ("cold"), from a package that cannot be written (then the cache is the
user's), and with no place for a cache at all. At last many processes start at once on one empty
cache: all must succeed and play the same numbers.

    python benchmarks/startup.py [--env ENV] [--blocks N]

prints one JSON document. As root, what cannot be written is so only to a process without the right
to override permissions, which util-linux's `setpriv` starts; without it these rows are left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import carousel_envs
from carousel_agents.benchmark.timing import Spread
from carousel_envs.registry import environment_id
from common import ENVIRONMENTS, arguments, print_document, row, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

AT_ONCE, WANTED = 8, 1.0
_CHILD = """
import hashlib, json, sys, time
moments = [time.perf_counter()]
import gymnasium
moments.append(time.perf_counter())
import carousel_envs
moments.append(time.perf_counter())
env = gymnasium.make(sys.argv[1])
moments.append(time.perf_counter())
shown, _ = env.reset(seed=0)
env.step(0)
moments.append(time.perf_counter())
played = hashlib.sha256(shown.tobytes())
for turn in range(100):
    shown, reward, terminated, truncated, _ = env.step(turn % 3)
    played.update(shown.tobytes() + str(reward).encode())
    if terminated or truncated:
        env.reset()
names = ("import gymnasium", "import carousel_envs", "gym.make", "first reset and step")
spent = {name: b - a for name, a, b in zip(names, moments, moments[1:])}
print(json.dumps({"spent": spent, "played": played.hexdigest()}))
assert carousel_envs.__file__.startswith(sys.argv[2]), carousel_envs.__file__
"""


def start(
    environment: str, package: Path, surroundings: Mapping[str, str]
) -> subprocess.Popen[str]:
    """A fresh process that imports the package from this folder, with these variables."""
    unset = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-c", _CHILD, environment, str(package)]
    if "HOME" in surroundings:
        command = [*(without_rights() or []), *command]
    return subprocess.Popen(  # noqa: S603  (our own command)
        command,
        env={**inherited, "PYTHONPATH": str(package), **surroundings},
        cwd=package,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def without_rights() -> list[str] | None:
    """What a command is preceded by so that permissions hold for it; None: it cannot be had."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        return None
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process told.

    Raises:
        RuntimeError: it failed.
    """
    told, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"a fresh process failed: {errors.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(told)
    return found


def rows_of(
    words: str, found: list[dict[str, Any]], wanted: Mapping[str, float]
) -> list[dict[str, Any]]:
    """A row per part of the start; what is wanted, by part."""
    parts = {name: [one["spent"][name] for one in found] for name in found[0]["spent"]}
    both = zip(parts["gym.make"], parts["first reset and step"], strict=True)
    parts["from gym.make to the first step"] = [sum(seconds) for seconds in both]
    return [
        row(f"{words}: {name}", Spread.of(seconds), "s", at_most=wanted.get(name))
        for name, seconds in parts.items()
    ]


def copied(into: Path, writable: bool) -> Path:
    """A copy of the package without anything compiled; the folder to import it from."""
    source = Path(carousel_envs.__file__).parent
    shutil.copytree(source, into / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    if not writable:
        for path in (*into.rglob("*"), into):
            path.chmod(0o555 if path.is_dir() else 0o444)
    return into


def cases_in(folder: Path) -> dict[str, tuple[Path, dict[str, str]]]:
    """By name: the folder of the package, and the variables that decide where its cache is."""
    free, fixed = (folder / name for name in ("free", "fixed"))
    copied(free, writable=True)
    copied(fixed, writable=False)
    cases: dict[str, tuple[Path, dict[str, str]]] = {"warm": (free, {}), "cold": (free, {})}
    if without_rights() is not None:
        cases["read-only, warm"] = (fixed, {"HOME": str(folder / "home")})
        cases["no place for a cache"] = (fixed, {"HOME": str(fixed)})
    return cases


def measure(environment: str, blocks: int, folder: Path) -> list[dict[str, Any]]:
    """All rows."""
    cases = cases_in(folder)
    # what is cached for "warm", and in the user's folder for "read-only"
    for case, (package, surroundings) in cases.items():
        if "warm" in case:
            ended(start(environment, package, surroundings))
    found: dict[str, list[dict[str, Any]]] = {case: [] for case in cases}
    for block in range(blocks):
        for case, (package, surroundings) in cases.items():
            empty = {"NUMBA_CACHE_DIR": str(folder / f"cold-{block}")} if case == "cold" else {}
            found[case].append(ended(start(environment, package, {**surroundings, **empty})))
            tell(f"{case}, block {block + 1} of {blocks}")
    many = {"NUMBA_CACHE_DIR": str(folder / "many")}
    started = [start(environment, folder / "free", many) for _ in range(AT_ONCE)]
    found[f"{AT_ONCE} at once, cold"] = [ended(process) for process in started]
    warm = {"import carousel_envs": WANTED, "from gym.make to the first step": WANTED}
    rows = []
    for case, told in found.items():
        rows += rows_of(case, told, warm if "warm" in case else {})
    played = {one["played"] for told in found.values() for one in told}
    different = Spread.of([float(len(played))])
    return [
        *rows,
        row("different sessions played by all these processes", different, "", at_most=1),
    ]


def main(given: list[str] | None = None) -> None:
    """Time the starts and print it."""
    parser = arguments(__doc__)
    parser.add_argument("--env", choices=ENVIRONMENTS, default="Boredom", help="what is started")
    asked = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="carousel-startup-") as folder:
        try:
            rows = measure(environment_id(asked.env), asked.blocks, Path(folder))
        finally:
            for path in Path(folder).rglob("*"):
                if path.is_dir():
                    path.chmod(0o755)
    left_out = None if without_rights() is not None else "what cannot be written: no setpriv"
    print_document("seconds until the first step of a fresh process", rows, left_out=left_out)


if __name__ == "__main__":
    main()
