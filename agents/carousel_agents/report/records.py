"""Records of routers: numbers that may be missing, how routers are drawn, curves over severity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]
"""One router under one condition: an entry of `routers` or of `rows`."""

MINUS, DASH, PLUS_MINUS = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{PLUS-MINUS SIGN}"

# colours (Okabe and Ito 2008, for colour-blind readers too), dashes and symbols to
# take in turn, and a width, so that routers differ without colour
_ROLES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], float]] = {
    "learned": (
        ("#D55E00", "#CC79A7", "#E69F00"),
        ("solid", "longdash", "dashdot", "longdashdot"),
        ("circle", "star", "triangle-up", "hexagon", "cross"),
        2.6,
    ),
    "frozen": (
        ("#0072B2", "#004B75", "#5B8DB8", "#56B4E9"),
        ("dash", "longdashdot", "dashdot", "dot"),
        ("square", "hexagon", "cross", "pentagon"),
        2.0,
    ),
    "optimal": (("#009E73",), ("dot", "dashdot"), ("diamond", "pentagon"), 2.0),
    "baseline": (
        ("#8A8F98", "#56B4E9"),
        ("longdash", "dashdot", "longdashdot"),
        ("x", "cross", "triangle-up", "star", "pentagon"),
        1.2,
    ),
}


@dataclass(frozen=True)
class Look:
    """How one router is drawn, in every figure."""

    role: str
    color: str
    dash: str
    symbol: str
    width: float


def number(record: Record, key: str) -> float | None:
    """The number under `key`, or None where there is none."""
    value = record.get(key)
    return float(value) if isinstance(value, int | float) else None


def text(value: float | None, digits: int = 2, unit: str = "") -> str:
    """A number as shown: fixed digits, a real minus sign, a dash if it is missing."""
    if value is None:
        return DASH
    # adding 0 turns a rounded -0.0 into 0.0
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS) + unit


def estimate(record: Record, metric: str) -> tuple[float | None, float | None, float | None]:
    """(estimate, low, high) of a figure with its 95 % interval; each may be None."""
    return number(record, metric), number(record, f"{metric}_low"), number(record, f"{metric}_high")


def value_name(records: Sequence[Record]) -> str:
    """What the value of these records' reference is called: the optimum, except where no solver
    knows it and that of the best known router stands for it."""
    return "best known" if any(r.get("tier") == "best known" for r in records) else "optimum"


def interval_text(record: Record, metric: str = "score") -> str:
    """An interval in brackets, or "" where there is none."""
    _, low, high = estimate(record, metric)
    return "" if low is None or high is None else f"[{text(low)}, {text(high)}]"


def runs_text(record: Record) -> str:
    """The number of training runs behind an estimate, or "" for a single one."""
    seeds = number(record, "seeds") or 1.0
    return f"{seeds:.0f} seeds" if seeds > 1 else ""


def looks(summary: Mapping[str, Any]) -> dict[str, Look]:
    """Each router's look, the most important role first."""
    roles: dict[str, str] = {}
    for record in [*summary["routers"], *summary["rows"]]:
        roles.setdefault(str(record.get("router")), str(record.get("role")))
    found: dict[str, Look] = {}
    for role, (colors, dashes, symbols, width) in _ROLES.items():
        # a role that is not known is drawn as a baseline
        members = [r for r, its in roles.items() if (its if its in _ROLES else "baseline") == role]
        for i, router in enumerate(members):
            found[router] = Look(
                role,
                colors[i % len(colors)],
                dashes[i % len(dashes)],
                symbols[i % len(symbols)],
                width,
            )
    return found


def curve(summary: Mapping[str, Any], axis: str, router: str) -> list[Record]:
    """One router's records along one axis by severity, with training as severity 0."""
    rows = [r for r in summary["rows"] if (r.get("axis"), r.get("router")) == (axis, router)]
    rows = [r for r in rows if number(r, "severity") is not None]
    if rows and all(r["severity"] != 0 for r in rows):
        trained = [r for r in summary["routers"] if r.get("router") == router]
        rows += [{**summary["reference"], **r, "severity": 0} for r in trained]
    return sorted(rows, key=lambda r: float(r["severity"]))


def axes_of(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The axes in order, then those that only rows name."""
    axes: dict[str, dict[str, Any]] = {}
    for axis in [*summary["axes"], *({**row, "name": row.get("axis")} for row in summary["rows"])]:
        fields = ("kind", "description", "command")
        name = str(axis.get("name"))
        axes.setdefault(name, {"name": name, **{key: axis.get(key) or "" for key in fields}})
    return list(axes.values())


def severities(summary: Mapping[str, Any]) -> list[float]:
    """Every severity requested or played, in order."""
    asked = {float(s) for s in summary["severities"] if isinstance(s, int | float)}
    seen = {s for row in summary["rows"] if (s := number(row, "severity")) is not None}
    return sorted(asked | seen)
