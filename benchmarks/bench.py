"""Every claim of speed, measured anew, in one table: what is wanted beside what was measured.

Every script of `SCRIPTS` runs in a process of its own; what it prints is kept in `runs/bench/`, a
document a script. An interrupted run goes on where it was: a script is not run again while its
document is there and was measured on the same sources, unless `--force`.

    python benchmarks/bench.py [--only SCRIPT]... [--blocks N] [--force] [--page FILE]

exits with 1 if a script failed, and names it. A claim that is missed is said in the table and is no
failure: on a noisy machine it may be held in the next run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carousel_agents.system import console
from carousel_envs.foundation.errors import CarouselError
from carousel_envs.foundation.files import check_writable, write_whole
from common import processor, several_of, tell, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
SCRIPTS = (
    "stepping",
    "scalar",
    "startup",
    "scripted",
    "users",
    "memory",
    "adapter",
    "ceiling",
    "training",
    "inference",
    "steps_to_score",
    "suite",
)
PEER, PEER_PYTHON = "peers_gymnax", Path(".venv-peers/bin/python")
"""A script that needs an interpreter of its own; it is run where that is (`make bench-peers`)."""
SOURCES = ("envs/**/*.py", "envs/**/*.toml", "agents/**/*.py", "agents/**/*.toml")
HELD, MISSED = "yes", "MISSED"


def state_of(root: Path, blocks: int | None) -> str:
    """A digest of all that decides what is measured: sources, versions, interpreter, blocks."""
    installed = sorted(f"{one.name} {one.version}" for one in metadata.distributions())
    decides = (sys.version, platform.platform(), processor(), blocks, installed)
    digest = hashlib.sha256(repr((*decides, os.environ.get("OMP_NUM_THREADS"))).encode())
    files = {path for pattern in SOURCES for path in root.glob(pattern)}
    files |= {*(root / "benchmarks").glob("*.py")}
    for path in sorted(files):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def kept(path: Path, state: str) -> dict[str, Any] | None:
    """The document of an earlier run, if it is whole and of the same sources."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same: bool = found["state"] == state
        lines_of(found)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if same else None


def lines_of(document: dict[str, Any]) -> list[list[str]]:
    """Lines of the table, without the script's name.

    Raises:
        KeyError, TypeError, ValueError: it is not what a script prints.
    """
    lines = []
    for one in document["rows"]:
        low, high = one["at_least"], one["at_most"]
        wanted = [
            f"{sign} {bound:.3g}"
            for sign, bound in ((">=", low), ("<=", high))
            if bound is not None
        ]
        measured, lowest, highest = (
            f"{one[name]:.3g}" for name in ("measured", "lowest", "highest")
        )
        lines.append(
            [
                str(one["what"]),
                f"{measured} {one['unit']}".strip(),
                f"{lowest} to {highest}",
                " ".join(wanted) or "-",
                {True: HELD, False: MISSED, None: "-"}[one["met"]],
            ]
        )
    return lines


def run(command: Sequence[str]) -> dict[str, Any]:
    """What a script printed; its progress goes on to standard error.

    Raises:
        RuntimeError: it failed, or printed something else; the last it said.
    """
    started, said = time.time(), ""
    # to a file: nobody reads a pipe while progress is awaited, and a long document would not fit
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        with subprocess.Popen(  # noqa: S603  (our own scripts)
            command, stdout=printed, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as process:
            try:
                for line in process.stderr or ():
                    print(line, end="", file=sys.stderr, flush=True)
                    said = line.strip() or said
            except BaseException:
                process.terminate()
                raise
        printed.seek(0)
        told = printed.read()
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}: {said or 'it said nothing'}")
    try:
        document: dict[str, Any] = json.loads(told)
        lines_of(document)
    except (ValueError, KeyError, TypeError) as error:
        raise RuntimeError(f"it printed no document of rows: {error!r}") from None
    return {**document, "seconds": round(time.time() - started, 1)}


def collect(
    todo: dict[str, list[str]], out: Path, state: str, force: bool
) -> tuple[list[list[str]], int]:
    """Lines of the table, and how many scripts failed."""
    lines: list[list[str]] = []
    failed = 0
    for name, command in todo.items():
        path = out / f"{name}.json"
        document = None if force else kept(path, state)
        if document is None:
            tell(f"{name}: running")
            try:
                document = {**run(command), "state": state}
            except (OSError, RuntimeError) as error:
                tell(f"{name}: failed: {error}")
                lines.append([name, f"failed: {error}", "-", "-", "-", "FAILED"])
                failed += 1
                continue
            write_whole(path, (json.dumps(document, indent=2) + "\n").encode())
        else:
            tell(f"{name}: kept from an earlier run on the same sources")
        lines += [[name, *line] for line in lines_of(document)]
    return lines, failed


def page(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """The table as a page of the docs."""
    rows = [list(heads), ["---"] * len(heads), *lines]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return (
        "# Speed\n\n"
        "Written by `make bench`. Medians over blocks, with the lowest and the highest;\n"
        "`benchmarks/README.md` says what each script measures.\n\n"
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {processor()}.\n\n{table}\n"
    )


def main(
    given: list[str] | None = None, here: Path = HERE, scripts: Sequence[str] = SCRIPTS
) -> int:
    """Run what is missing and print the table; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    several_of(parser, "--only", (*scripts, PEER))
    parser.add_argument("--force", action="store_true", help="run all again")
    parser.add_argument("--blocks", type=whole(1), metavar="N", help="of every script")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), metavar="FOLDER")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table as Markdown")
    asked = parser.parse_args(given)
    peer = (PEER,) if PEER_PYTHON.exists() else ()
    todo = {}
    for name in asked.only or (*scripts, *peer):
        python = str(PEER_PYTHON) if name == PEER else sys.executable
        todo[name] = [python, str(here / f"{name}.py")]
        if asked.blocks:
            todo[name] += ["--blocks", str(asked.blocks)]
    try:
        check_writable(asked.out / f"{next(iter(todo))}.json")
        if asked.page:
            check_writable(asked.page)
    except CarouselError as error:
        parser.error(str(error))
    try:
        lines, failed = collect(todo, asked.out, state_of(here.parent, asked.blocks), asked.force)
    except KeyboardInterrupt:
        tell("bench: interrupted; what is measured is kept, and the same command goes on")
        return 130
    heads = ("script", "what", "measured", "from to", "wanted", "met")
    console.print_table("Claims of speed: medians over blocks", heads, lines)
    verdicts = [line[-1] for line in lines]
    claims = verdicts.count(HELD) + verdicts.count(MISSED)
    console.say(f"{verdicts.count(HELD)} of {claims} claims held")
    if asked.page and not failed:
        write_whole(asked.page, page(heads, lines).encode())
    if failed:
        console.tell(f"bench: {failed} of {len(todo)} scripts failed")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
