"""Routers through the shifts: every axis and severity, the reference re-solved each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from carousel_envs.shifts import SEVERITIES, SHIFTS, find_shift

from ..routers import find_router, is_file
from .evaluate import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carousel_envs import Population


@dataclass(frozen=True)
class Suite:
    """Results of `generalise`.

    Attributes:
        rows: one per axis, severity and router; keys as in `Evaluation.row`, and axis, kind,
            severity, router, role.
        axes: name, kind and description of the axes that were run.
        not_applicable: reason per axis that means nothing for this population.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    axes: list[dict[str, str]] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)


def role_of(router: str) -> str:
    """What a router stands for in a comparison: learned, frozen, optimal or baseline."""
    if is_file(router):
        return "learned"
    if router.startswith("frozen-"):
        return "frozen"
    return "optimal" if router == "optimal" else "baseline"


def generalise(
    routers: Sequence[str],
    population: Population,
    *,
    users: int = 2000,
    seed: int = 0,
    axes: Iterable[str] | None = None,
    severities: Sequence[float] = SEVERITIES,
    report: Callable[[int, int], None] | None = None,
) -> Suite:
    """Evaluate routers on every shift of a population.

    Args:
        routers: policy files and scripted names; see `routers.find_router`. Frozen ones are solved
            for `population`, the others anew for the shifted users.
        population: the training users.
        users: sessions per evaluation.
        seed: of the evaluation; the same for all, so that every comparison is paired.
        axes: names of shifts; default: all.
        severities: numbers in [0, 1].
        report: called with (evaluations done, evaluations in all).

    Raises:
        CarouselError: an unknown axis or router, or a severity outside [0, 1].
    """
    chosen = [find_shift(name) for name in (SHIFTS if axes is None else axes)]
    suite = Suite()
    applicable = []
    for shift in chosen:
        if reason := shift.obstacle(population):
            suite.not_applicable[shift.name] = reason
        else:
            applicable.append(shift)
            suite.axes.append(
                {"name": shift.name, "kind": shift.kind, "description": shift.description}
            )
    total, done = len(applicable) * len(severities) * len(routers), 0
    # severity 0 is the same population on every axis: evaluated once
    unshifted: dict[str, dict[str, Any]] = {}
    for shift in applicable:
        for severity in severities:
            target = shift.apply(population, severity)
            for router in routers:
                row = unshifted.get(router) if severity == 0.0 else None
                if row is None:
                    acting = find_router(router, target, population)
                    row = evaluate(acting, target, users=users, seed=seed).row()
                    row = {"router": acting.name, "role": role_of(router), **row}
                if severity == 0.0:
                    unshifted[router] = row
                key = {"axis": shift.name, "kind": shift.kind, "severity": severity}
                suite.rows.append({**key, **row})
                done += 1
                if report:
                    report(done, total)
    return suite
