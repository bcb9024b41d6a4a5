"""The summary of a study of shifts: what all its rows share, and how to make each again."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from carousel_envs.foundation.plugins import plugins
from carousel_envs.reference import solve

from .requests import versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..generalisation.encounters import Played
    from ..generalisation.players import Player
    from ..generalisation.shift_suite import ShiftResults, ShiftStudy, ShiftSuite


def summary_of(
    suite: ShiftSuite, results: ShiftResults, training: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The fields of `summary.json` that are a study's own; see `docs/results_format.md`.

    Args:
        suite: what was asked for.
        results: what came of it.
        training: how the router was trained, if the same run did it.
    """
    study, plan = suite.study, suite.plan
    play = f"{study.environment}{options_of(study)} --users {study.users} --seed {study.seed}"
    play += " --json"
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
        **made_now(),
        "users": study.users,
        "seed": study.seed,
        "severities": list(plan.severities),
        "reference": solve(study.population).summary(),
        "training": _training(study, training),
        "routers": [_entry(player, play, shifts) for player in suite.players],
        "axes": [
            {
                **asdict(axis),
                "command": f"{typed('evaluate')} ROUTER {play} --shift {axis.name}=SEVERITY",
            }
            for axis in plan.axes
        ],
        "not_applicable": plan.not_applicable,
        "targets": {target.name: target.population.fingerprint for target in plan.targets},
        "left_out": left_out(results.played),
    }


def typed(command: str) -> str:
    """The beginning of a command line: the program, the plugins in use, the command."""
    named = [part for name in plugins() for part in ("--plugin", name)]
    return shlex.join(["carousel", *named, command])


def options_of(study: ShiftStudy) -> str:
    """The --set options, as they are typed."""
    return "".join(f" --set {shlex.quote(change)}" for change in study.changes)


def made_now() -> dict[str, Any]:
    """The fields `created` and `versions`."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "versions": {"python": sys.version.split()[0], **versions()},
    }


def left_out(played: Mapping[str, Played]) -> list[dict[str, Any]]:
    """The field `left_out`: companions that make no sense on some targets, and why.

    Args:
        played: results by the name of their target.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for target, part in played.items():
        for router, reason in part.left_out.items():
            found.setdefault((router, reason), []).append(target)
    return [
        {"router": router, "reason": reason, "targets": sorted(targets)}
        for (router, reason), targets in sorted(found.items())
    ]


def _entry(player: Player, play: str, shifts: Mapping[str, str]) -> dict[str, Any]:
    """A player's entry: who it is, and the command that plays it alone, a control on the users that
    it was trained on."""
    where = ""
    if player.control and player.file is not None:
        # no shift leads to the training users, and a control may have been trained there too
        where = shifts.get(player.file.population.fingerprint, "")
    return {
        **player.columns,
        "sha256": player.sha256,
        "control": player.control,
        "companion": player.companion,
        "description": player.description,
        "command": f"{typed('evaluate')} {shlex.quote(player.policy)} {play}{where}"
        + " --masked" * player.masked,
    }


def _training(study: ShiftStudy, training: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if training is None:
        return None
    (router,) = study.by_name
    algorithm, seed = training["algo"], training["seed"]
    return {
        "algo": algorithm,
        "steps": training["steps"],
        "seed": seed,
        "seconds": training["seconds"],
        "frames_per_second": round(training["steps"] / training["seconds"]),
        "policy_file": router,
        "command": f"carousel train {study.environment}{options_of(study)} --algo {algorithm} "
        f"--steps {training['requested_steps']} --seed {seed} --out {shlex.quote(router)} --force",
    }
