"""`write_report`: one HTML page that needs nothing but itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs.errors import CarouselError
from carousel_envs.files import write_whole

from . import figures, highlights, tables
from .panels import panels
from .records import clean, looks, number, text
from .render import environment as _environment
from .render import plotly_javascript as _plotly

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = 1
"""The schema of the summaries that a report is made from."""

METRICS = ("score", "engagement")

_TEXTS = ("title", "environment", "command", "created", "population_fingerprint")
_NUMBERS = ("users", "seed", "elapsed_seconds")
_LISTS = ("severities", "routers", "rows", "axes")
_MAPPINGS = ("population", "versions", "reference", "training", "not_applicable")
_TRAINING = ("algo", "steps", "seed", "seconds", "frames_per_second", "policy_file")


def write_report(summary: Mapping[str, Any], path: Path) -> None:
    """Render a summary as one self-contained HTML page; a page already there is replaced whole.

    Args:
        summary: plain data of schema 1: who was evaluated, on which users, and how it went. Parts
            that are missing, null or empty leave out what would show them.
        path: the file to write.

    Raises:
        CarouselError: the summary has another schema, or the file cannot be written (whatever was
            at `path` is still there).
    """
    write_whole(path, _render(_complete(summary)).encode())


def _complete(summary: Mapping[str, Any]) -> dict[str, Any]:
    if summary.get("schema") != SCHEMA:
        raise CarouselError(f"schema is {summary.get('schema')!r}; a report is made from {SCHEMA}")
    whole: dict[str, Any] = clean(summary)
    whole |= {key: whole.get(key) or "" for key in _TEXTS}
    whole |= {key: number(whole, key) for key in _NUMBERS}
    whole |= {key: whole.get(key) or [] for key in _LISTS}
    whole |= {key: whole.get(key) or {} for key in _MAPPINGS}
    if whole["training"]:
        whole["training"] = dict.fromkeys(_TRAINING) | whole["training"]
    return whole


def _render(summary: Mapping[str, Any]) -> str:
    drawn = looks(summary)
    routers, rows, reference = summary["routers"], summary["rows"], summary["reference"]
    main = next((r for r, look in drawn.items() if look.role in ("learned", "frozen")), None)
    shown, unseen = panels(summary, drawn)
    pictures = {f"axis-{i}": panel.pop("figures") for i, panel in enumerate(shown)}
    if routers:
        pictures["training"] = {
            metric: figures.training_figure(routers, reference, drawn, metric) for metric in METRICS
        }
    if reference.get("thresholds"):
        pictures["rule"] = dict.fromkeys(METRICS, figures.swap_rule_figure(reference["thresholds"]))
    scored = any(number(record, "score") is not None for record in [*routers, *rows])
    return (
        _environment()
        .get_template("page.html")
        .render(
            summary=summary,
            main=main,
            tiles=highlights.key_figures(summary, main),
            pictures=pictures,
            panels=shown,
            legend={r: look for r, look in drawn.items() if any(r in p["routers"] for p in shown)},
            unseen=unseen,
            heat=highlights.heat_maps(summary, drawn),
            floor=text(figures.FLOOR, 1),
            metrics=METRICS,
            first_metric=METRICS[0] if scored else METRICS[1],
            bounds=any(record.get("tier") == "bounds" for record in [reference, *rows]),
            reference=tables.reference_rows(reference) if reference else [],
            training_table=tables.table(
                "Every router on the training distribution", tables.TRAINING_COLUMNS, routers
            ),
            rows_table=tables.table("Every router under every shift", tables.ROW_COLUMNS, rows),
            commands=tables.commands(summary),
            population=tables.pairs(summary["population"]),
            versions=tables.pairs(summary["versions"]),
            plotly=_plotly(),
        )
    )
