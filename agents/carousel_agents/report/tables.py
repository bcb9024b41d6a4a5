"""What the page says in numbers and words: tables, key figures, the heat map of scores."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from .figures import FLOOR
from .records import (
    DASH,
    Look,
    Record,
    axes_of,
    curve,
    interval_text,
    number,
    severities,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Cell:
    """What a table shows, with a small note, and what it is sorted by (None: last)."""

    text: str
    value: str | float | None
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A heading and what stands under it."""

    name: str
    cell: Callable[[Record], Cell]
    numeric: bool = True


def _words(name: str, key: str | None = None) -> Column:
    def cell(record: Record) -> Cell:
        value = record.get(key or name)
        return Cell(DASH, None) if value is None else Cell(str(value), str(value))

    return Column(name, cell, numeric=False)


def _number(name: str, key: str, digits: int = 2) -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, key)
        return Cell(text(value, digits), value)

    return Column(name, cell)


def _severity() -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, "severity")
        return Cell(DASH if value is None else f"{value:g}", value)

    return Column("severity", cell)


def _share(name: str, key: str) -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, key)
        return Cell(DASH if value is None else f"{value:.1%}", value)

    return Column(name, cell)


def _estimate(metric: str) -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, metric)
        return Cell(text(value), value, interval_text(record, metric))

    return Column(metric, cell)


_MEASURES = (
    _estimate("score"),
    _estimate("engagement"),
    _number("turns", "session_length", 1),
    _share("left early", "left"),
    _number("swaps", "swaps"),
    _number("refused", "refused"),
)
TRAINING_COLUMNS = (
    _words("router"),
    _words("role"),
    *_MEASURES,
    _words("what it is", "description"),
)
ROW_COLUMNS = (
    _words("axis"),
    _severity(),
    _words("router"),
    _words("role"),
    *_MEASURES,
    _number("optimum", "value"),
    _number("upper bound", "value_upper"),
    _number("blind", "blind"),
    _number("best fixed", "best_fixed"),
    _number("uniform", "uniform"),
    _words("tier"),
    _words("kind"),
)


def table(caption: str, columns: Sequence[Column], records: Sequence[Record]) -> dict[str, Any]:
    """A sortable table: {"caption", "columns", "rows"}, a row being a list of cells."""
    rows = [[column.cell(record) for column in columns] for record in records]
    return {"caption": caption, "columns": columns, "rows": rows}


def pairs(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Fields and values as text; what is nested as JSON."""
    return [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in mapping.items()]


def commands(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What each command gives, and the command."""
    found = [
        ("Everything on this page", summary["command"]),
        *(
            (f"{router.get('router')}, in training", router.get("command"))
            for router in summary["routers"]
        ),
        *((f"Axis {axis['name']}", axis["command"]) for axis in axes_of(summary)),
    ]
    return [(what, str(command)) for what, command in found if command]


def reference_rows(reference: Record) -> list[tuple[str, str]]:
    """What can be had from the training users, with the error of what was simulated."""
    bounds = reference.get("tier") == "bounds"
    upper = [("Upper bound on the optimum", "value_upper")] if bounds else []
    lines = [
        ("Optimum, at least" if bounds else "Optimum", "value"),
        *upper,
        ("Best without listening (blind)", "blind"),
        (f"Best fixed persona ({reference.get('best_persona') or DASH})", "best_fixed"),
        ("Best for the coming turn only (myopic)", "myopic"),
        ("Any persona, uniformly", "uniform"),
    ]
    errors = reference.get("standard_errors") or {}
    found = []
    for name, key in lines:
        error = number(errors, key)
        shown = text(number(reference, key), 3)
        found.append((name, shown if error is None else f"{shown} (s.e. {text(error, 3)})"))
    return found


def key_figures(summary: Mapping[str, Any], router: str | None) -> list[dict[str, str]]:
    """The few numbers to remember, about `router` where it is given."""
    tiles = []
    own: Record = next((r for r in summary["routers"] if r.get("router") == router), {})
    if number(own, "score") is not None:
        note = f"{router} {interval_text(own)}"
        tiles.append(_tile("Score on the training distribution", text(number(own, "score")), note))
    if number(own, "engagement") is not None:
        ends = [text(number(summary["reference"], key), 1) for key in ("blind", "value")]
        note = f"per session; blind optimum {ends[0]}, optimum {ends[1]}"
        tiles.append(_tile("Engagement in training", text(number(own, "engagement"), 1), note))
    rows = [r for r in summary["rows"] if r.get("router") == router and number(r, "severity")]
    scored = [(float(r["score"]), r) for r in rows if number(r, "score") is not None]
    if scored:
        scores = [score for score, _ in scored]
        worst, where = min(scored, key=lambda pair: pair[0])
        note = f"over {len(scored)} shifted conditions"
        tiles.append(_tile("Median score under shift", text(median(scores)), note))
        note = f"{where['axis']} at severity {where['severity']:g}"
        tiles.append(_tile("Worst score under shift", text(worst), note))
        below = f"{sum(score < 0 for score in scores)} of {len(scores)}"
        tiles.append(_tile("Worse than not listening", below, "shifted conditions, score below 0"))
    training = summary["training"]
    if number(training, "seconds") is not None:
        steps, speed = number(training, "steps"), number(training, "frames_per_second")
        note = f"{text(steps, 0)} steps of {training.get('algo')}, {text(speed, 0)} per second"
        tiles.append(_tile("Training time", text(number(training, "seconds"), 0, " s"), note))
    return tiles


def _tile(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def heat_maps(summary: Mapping[str, Any], looks: Mapping[str, Look]) -> list[dict[str, Any]]:
    """Score by axis and severity for each learned router, else for each frozen one."""
    roles = {look.role for look in looks.values()}
    role = next((role for role in ("learned", "frozen") if role in roles), None)
    columns = severities(summary)
    maps = []
    for router in (router for router, look in looks.items() if look.role == role):
        rows = []
        for axis in axes_of(summary):
            found = {float(r["severity"]): r for r in curve(summary, str(axis["name"]), router)}
            if found:
                cells = [_heat(found.get(severity, {})) for severity in columns]
                rows.append({"axis": axis["name"], "cells": cells})
        if rows:
            heads = [f"{severity:g}" for severity in columns]
            maps.append({"router": router, "severities": heads, "rows": rows})
    return maps


def _heat(record: Record) -> dict[str, Any]:
    score = number(record, "score")
    # the colour ends where the figures' scores do, and short of full, so that ink stays readable
    strength = 0.0 if score is None else min(score if score > 0 else score / FLOOR, 1.0)
    return {
        "text": text(score),
        "note": interval_text(record),
        "bounds": score is not None and record.get("tier") == "bounds",
        "sign": "none" if score is None else "good" if score > 0 else "bad",
        "strength": round(75 * strength),
    }
