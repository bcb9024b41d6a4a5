"""The command that takes routers through shifts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  (the command line reads annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs.metrics import METRICS
from carousel_envs.shifts import SEVERITIES

from ..system import console
from ..system.interruption import explained
from .option_records import taking
from .options import (
    AxisOption,
    ForceResultsOption,
    JsonOption,
    SeedOption,
    SetOption,
    UsersOption,
    WorkersOption,
    environment_after,
    routers_and_environment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from carousel_envs.metrics import Metric

    from ..generalisation.shift_suite import ShiftStudy
    from ..study.running import FinishedStudy


@dataclass(frozen=True)
class GeneraliseOptions:
    """Arguments and options of `carousel generalise`."""

    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ROUTER... ENV",
            help="one router or more, then the environment. A router is a policy file "
            "(.safetensors), a folder (every policy file below it; those of one algorithm and view "
            "are its seeds), or a scripted name: see `carousel envs`",
        ),
    ]
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="folder for results.parquet, summary.json and report.html"
        ),
    ]
    axis: AxisOption = None
    severity: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SEVERITY",
            help="how far, 0 to 1; may be repeated (default: "
            f"{', '.join(f'{s:g}' for s in SEVERITIES)})",
        ),
    ] = None
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR", help="policies that were trained on a shifted target; may be repeated"
        ),
    ] = None
    changes: SetOption = None
    users: UsersOption = 2000
    seed: SeedOption = 0
    workers: WorkersOption = 2
    force: ForceResultsOption = False
    as_json: JsonOption = False


@taking(GeneraliseOptions)
def generalise(asked: GeneraliseOptions) -> None:
    """Take routers through the shifts, beside the frozen loop and the re-derived optimum.

    A study that was cut short goes on when the same command is given again.
    """
    from ..generalisation.shift_suite import ShiftStudy

    routers, env = routers_and_environment(asked.names)
    name, population = environment_after(routers, env, asked.changes)
    study = ShiftStudy(
        tuple(routers),
        population,
        name,
        users=asked.users,
        seed=asked.seed,
        axes=None if asked.axis is None else tuple(asked.axis),
        severities=SEVERITIES if asked.severity is None else tuple(asked.severity),
        controls=tuple(asked.control or ()),
        changes=tuple(asked.changes or ()),
    )
    with explained(lambda: "interrupted; the same command goes on from here"):
        outcome = run_with_page(study, asked.out, force=asked.force, workers=asked.workers)
    show(outcome, asked.out, asked.as_json)


def run_with_page(study: ShiftStudy, out: Path, **options: Any) -> FinishedStudy:
    """Perform a study of shifts and draw its page.

    Args:
        study: what is asked for.
        out: folder; made if missing.
        **options: of `study.shift_study.run_shift_study`.
    """
    from ..report import write_page
    from ..study.shift_study import run_shift_study

    return run_shift_study(study, out, page=write_page, **options)


def show(outcome: FinishedStudy, out: Path, as_json: bool) -> None:
    """Print the findings of a study on standard output.

    Raises:
        CarouselError: after all is printed, if the results have no page.
    """
    if as_json:
        console.print_json({"out": str(out), **document_of(outcome.rows)})
    else:
        _print(outcome.summary, outcome.rows)
        if outcome.kept:
            console.say(f"{out} held these results already")
        else:
            console.say(f"wrote results.parquet and summary.json in {out}")
        if not outcome.no_page:
            console.say(f"the page is {out / 'report.html'}; open it in a browser")
    if outcome.no_page:
        raise outcome.no_page


def document_of(rows: pl.DataFrame) -> dict[str, Any]:
    """The findings as plain data: `rows` (per router and target), `routers`, and `gaps`."""
    from ..generalisation.gap_parts import gaps
    from ..generalisation.improvement import by_router
    from ..generalisation.summary import aggregated

    return {"rows": aggregated(rows), "routers": by_router(rows), "gaps": gaps(rows)}


def _print(summary: Mapping[str, Any], rows: pl.DataFrame) -> None:
    from ..generalisation.columns import metrics_in
    from ..generalisation.summary import aggregated

    found = aggregated(rows)
    metrics = [metric for metric in metrics_in(found) if metric.in_brief]
    trained = {_who(row): row for row in found if row["severity"] == 0.0}
    if trained:
        _print_trained(summary, trained, metrics)
    for name in METRICS.of_plugins():
        if name not in rows.columns or rows[name].is_null().all():
            console.say(f"no {name}: the users lack it, or the results are older than it")
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


def _print_trained(
    summary: Mapping[str, Any], trained: Mapping[str, Any], metrics: Sequence[Metric]
) -> None:
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


def _who(row: Mapping[str, Any]) -> str:
    return str(row["router"]) + (" (control)" if row["trained_on"] == "target" else "")
