"""What a study says of itself beside its rows: the summary, and tables on standard output."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from carousel_envs.reference import solve

from ..generalisation.columns import metrics_in
from ..generalisation.gaps import gaps
from ..generalisation.improvement import by_router
from ..generalisation.summary import aggregated
from ..system import console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from ..generalisation.players import Player
    from ..generalisation.shift_suite import Plan, Played
    from .shift_study import Study

_PACKAGES = ("persona-carousel", "gymnasium", "numpy", "numba")


def versions() -> dict[str, str]:
    """Of the packages that decide the rows."""
    return {name: metadata.version(name) for name in _PACKAGES}


def document_of(
    study: Study,
    plan: Plan,
    players: Sequence[Player],
    played: Mapping[str, Played],
    training: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What all rows of a study share, as plain data; see `docs/results_format.md`."""
    play = f"{study.environment}{study.options} --users {study.users} --seed {study.seed} --json"
    shifts = {
        target.population.fingerprint: f" --shift {target.name}"
        for target in plan.targets
        if target.severity > 0.0
    }
    return {
        "title": f"{study.environment}: routers off their training distribution",
        "environment": study.environment,
        "population": study.population.model_dump(mode="json"),
        "population_fingerprint": study.population.fingerprint,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "versions": {"python": sys.version.split()[0], **versions()},
        "users": study.users,
        "seed": study.seed,
        "severities": list(plan.severities),
        "reference": solve(study.population).summary(),
        "training": _training(study, training),
        "routers": [_told(player, play, shifts) for player in players],
        "axes": [
            {
                **asdict(axis),
                "command": f"carousel evaluate ROUTER {play} --shift {axis.name}=SEVERITY",
            }
            for axis in plan.axes
        ],
        "not_applicable": plan.not_applicable,
        "targets": {target.name: target.population.fingerprint for target in plan.targets},
        "left_out": left_out(played),
    }


def _told(player: Player, play: str, shifts: Mapping[str, str]) -> dict[str, Any]:
    """One player: who it is, and how to meet it alone; a control where it was trained."""
    where = ""
    if player.control and player.file is not None:
        # no shift leads to the training users, where a control may have been trained too
        where = shifts.get(player.file.population.fingerprint, "")
    return {
        **player.columns,
        "sha256": player.sha256,
        "control": player.control,
        "companion": player.companion,
        "description": player.description,
        "command": f"carousel evaluate {shlex.quote(player.policy)} {play}{where}",
    }


def left_out(played: Mapping[str, Played]) -> list[dict[str, Any]]:
    """Companions that make no sense somewhere: router, reason, and the targets."""
    found: dict[tuple[str, str], list[str]] = {}
    for target, what in played.items():
        for router, reason in what.left_out.items():
            found.setdefault((router, reason), []).append(target)
    return [
        {"router": router, "reason": reason, "targets": sorted(targets)}
        for (router, reason), targets in sorted(found.items())
    ]


def _training(study: Study, training: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if training is None:
        return None
    (router,) = study.routers
    algorithm, seed = training["algo"], training["seed"]
    return {
        "algo": algorithm,
        "steps": training["steps"],
        "seed": seed,
        "seconds": training["seconds"],
        "frames_per_second": round(training["steps"] / training["seconds"]),
        "policy_file": router,
        "command": f"carousel train {study.environment}{study.options} --algo {algorithm} "
        f"--steps {training['requested_steps']} --seed {seed} --out {shlex.quote(router)} --force",
    }


def document_of_rows(rows: pl.DataFrame) -> dict[str, Any]:
    """What rows say when put together: per router and target, per router, and gaps."""
    return {"rows": aggregated(rows), "routers": by_router(rows), "gaps": gaps(rows)}


def print_study(summary: Mapping[str, Any], rows: pl.DataFrame) -> None:
    """What a study found, as tables on standard output."""
    found = aggregated(rows)
    trained = {_who(row): row for row in found if row["severity"] == 0.0}
    metrics = [metric for metric in metrics_in(found) if metric.in_brief]
    console.print_table(
        f"{summary['environment']}, training users",
        ("router", "seeds", "score", "95 % interval", "engagement", *(m.short for m in metrics)),
        (
            (
                *(name, str(row["seeds"]), console.number(row["score"]), console.interval(row)),
                console.number(row["engagement"]),
                *(console.number(row.get(m.name), m.digits) for m in metrics),
            )
            for name, row in trained.items()
        ),
    )
    most = max(summary["severities"])
    scores = {(row["axis"], _who(row)): row["score"] for row in found if row["severity"] == most}
    routers = list(dict.fromkeys(who for _, who in scores))
    console.print_table(
        f"Score at severity {most:g}",
        ("axis", *routers),
        (
            (axis["name"], *(console.number(scores.get((axis["name"], who))) for who in routers))
            for axis in summary["axes"]
        ),
    )
    for absent in summary["left_out"]:
        console.say(f"{absent['router']}: {absent['reason']}")


def _who(row: Mapping[str, Any]) -> str:
    return str(row["router"]) + (" (control)" if row["trained_on"] == "target" else "")
