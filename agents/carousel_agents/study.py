"""A study: one router beside scripted ones, on its training users and off them, on a page.

Everything that is written says how to make it again.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.errors import whole_number
from carousel_envs.files import check_writable, write_whole
from carousel_envs.reference import solve
from carousel_envs.shifts import SEVERITIES, find_shift

from . import console
from .generalisation import evaluate, generalise
from .generalisation.companions import BASELINES
from .generalisation.suite import role_of
from .report import write_report
from .routers import find_router, is_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carousel_envs import Population

SCHEMA = 1
COMPANIONS = ("frozen-loop", "optimal")


def check_study(out: Path, users: int, seed: int, axes: Sequence[str] | None) -> None:
    """Refuse before any work what would fail at its end.

    Raises:
        CarouselError: a number, an axis or the place to write is not allowed.
    """
    whole_number("users", users, 1, 2**31)
    whole_number("seed", seed, 0, 2**63 - 1 - users)
    for axis in axes or ():
        find_shift(axis)
    for name in ("summary.json", "report.html"):
        check_writable(out / name)


def run_study(
    environment: str,
    population: Population,
    router: str,
    out: Path,
    *,
    users: int = 2000,
    seed: int = 0,
    axes: Sequence[str] | None = None,
    changes: Sequence[str] = (),
    training: Mapping[str, Any] | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Evaluate a router and write `summary.json` and `report.html` into `out`.

    Args:
        environment: id, for the page and the commands.
        population: the training users.
        router: a policy file or a scripted name.
        out: folder; made if missing, files in it replaced whole.
        users, seed: as in `evaluate`.
        axes: shifts to run; default: all.
        changes: the --set options behind `population`, for the commands.
        training: how the router was trained, if this run did it.
        command: what to type to get all this again.

    Returns:
        The summary, as written.

    Raises:
        CarouselError: a bad router, axis or place to write.
    """
    check_study(out, users, seed, axes)
    started = time.perf_counter()
    options = "".join(f" --set {shlex.quote(change)}" for change in changes)
    play = f"{environment}{options} --users {users} --seed {seed} --json"
    routers = []
    names = [router, *(name for name in BASELINES if name != router)]
    with console.progress("training users") as bar:
        for i, name in enumerate(names):
            bar(i, len(names), name)
            try:
                acting = find_router(name, population)
            except CarouselError:
                # not every baseline makes sense for every population; the asked-for router must
                if name == router:
                    raise
                continue
            row = evaluate(acting, population, users=users, seed=seed).row()
            routers.append(
                {
                    "router": acting.name,
                    "role": role_of(name),
                    "description": acting.description,
                    "command": f"carousel evaluate {shlex.quote(name)} {play}",
                    **row,
                }
            )
        bar(1, 1, "")
    chosen = list(dict.fromkeys([router, *COMPANIONS]))
    with console.progress("shifted users") as bar:
        suite = generalise(
            chosen,
            population,
            users=users,
            seed=seed,
            axes=axes,
            report=lambda done, total: bar(done, total, ""),
        )
    for axis in suite.axes:
        axis["command"] = f"carousel evaluate ROUTER {play} --shift {axis['name']}=SEVERITY"
    summary: dict[str, Any] = {
        "schema": SCHEMA,
        "title": f"{environment}: a router off its training distribution",
        "environment": environment,
        "population": population.model_dump(mode="json"),
        "population_fingerprint": population.fingerprint,
        "command": command
        or shlex.join(
            [
                *("carousel", "generalise", router, environment, "--out", str(out)),
                *(part for axis in axes or () for part in ("--axis", axis)),
                *("--users", str(users), "--seed", str(seed), "--force"),
            ]
        )
        + options,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "versions": {
            "python": sys.version.split()[0],
            **{
                name: metadata.version(name)
                for name in ("persona-carousel", "gymnasium", "numpy", "numba")
            },
        },
        "users": users,
        "seed": seed,
        "severities": list(SEVERITIES),
        "reference": solve(population).summary(),
        "training": _training(router, environment, options, training),
        "routers": routers,
        "rows": suite.rows,
        "axes": suite.axes,
        "not_applicable": suite.not_applicable,
        "elapsed_seconds": round(
            time.perf_counter() - started + (training or {}).get("seconds", 0.0), 1
        ),
    }
    summary = console.clean(summary)
    try:
        write_report(summary, out / "report.html")
    except OSError as error:
        raise CarouselError(
            f"{out / 'report.html'} cannot be written: {error.strerror or error}"
        ) from None
    write_whole(out / "summary.json", json.dumps(summary, indent=2, allow_nan=False).encode())
    return summary


def _training(
    router: str, environment: str, options: str, training: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    if training is None or not is_file(router):
        return None
    steps = training["requested_steps"]
    return {
        "algo": training["algo"],
        "steps": training["steps"],
        "seed": training["seed"],
        "seconds": training["seconds"],
        "frames_per_second": round(training["steps"] / training["seconds"]),
        "policy_file": router,
        "command": f"carousel train {environment}{options} --algo {training['algo']} "
        f"--steps {steps} --seed {training['seed']} --out {shlex.quote(router)} --force",
    }


def print_study(summary: Mapping[str, Any], out: Path) -> None:
    """What `run_study` found, as tables on standard output."""
    console.print_table(
        f"{summary['environment']}, training users",
        ("router", "score", "engagement", "turns", "left", "swaps"),
        (
            (
                row["router"],
                console.number(row["score"]),
                console.number(row["engagement"]),
                console.number(row["session_length"], 1),
                console.number(row["left"]),
                console.number(row["swaps"], 2),
            )
            for row in summary["routers"]
        ),
    )
    routers = list(dict.fromkeys(row["router"] for row in summary["rows"]))
    scores = {(r["axis"], r["severity"], r["router"]): r["score"] for r in summary["rows"]}
    console.print_table(
        "Score at severity 1",
        ("axis", *routers),
        (
            (a["name"], *(console.number(scores.get((a["name"], 1.0, r))) for r in routers))
            for a in summary["axes"]
        ),
    )
    console.say(f"wrote {out / 'summary.json'} and {out / 'report.html'}")
