"""The tables of a study in Markdown, for the documentation, with the numbers of the HTML page."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs.registry import short_name

from ..generalisation.gap_parts import PARTS, gaps
from ..generalisation.improvement import YARDSTICKS, by_router
from ..generalisation.players import MASKED
from ..generalisation.score_table import between_levels, beyond_levels, held_out, on_levels
from ..generalisation.summary import aggregated, regret_over
from ..generalisation.users_seen import curve
from . import claims
from .aggregate import regimes, unmasked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DASH = "-"
FROZEN = {
    "frozen-optimal": "frozen optimum",
    "frozen-loop": "frozen loop",
    "frozen-tally": "frozen tally",
}
_MISSING = "unavailable"
"""The axis along which personas are missing, from which masks keep a router."""
BESIDE = {**FROZEN, "optimal": "optimum", "fixed": "best constant"}
"""The scripted routers in a table of learned ones, and their names there."""


def targets(rows: pl.DataFrame) -> str:
    """What could be had of every population, a line each: the reference, and the distance."""
    lines = []
    for (axis, severity), part in rows.group_by(["axis", "severity"], maintain_order=True):
        one = part.row(0, named=True)
        nats = _number(one["distance_nats"]) + ("" if not one["distance_note"] else " *")
        value = _number(one["value"]) + ("" if one["tier"] == "exact" else "†")
        kind = one["kind"] if severity else "training"
        figures = (one[name] for name in ("value_upper", "blind", "best_fixed", "uniform"))
        lines.append([f"`{axis}`", kind, f"{severity:g}", nats, value, *map(_number, figures)])
    heads = ["axis", "kind", "severity", "nats", "value", "upper bound", "blind", "best constant"]
    return table([*heads, "uniform"], lines, left=2)


def by_severity(rows: pl.DataFrame) -> str:
    """Score of learned and frozen routers, a line per axis and router, a column per severity; what
    the policies were trained on as a level is marked."""
    found = [row for row in aggregated(rows) if _at_home(row)]
    severities = sorted({row["severity"] for row in found})
    known = {(row["axis"], row["router"], row["severity"]): row for row in found}
    lines = [
        [
            f"`{axis}`",
            f"`{router}`",
            *(_marked(known.get((axis, router, severity), {})) for severity in severities),
        ]
        for axis in dict.fromkeys(row["axis"] for row in found)
        for router in (*_learned(rows), *_frozen(rows))
    ]
    return table(["axis", "router", *(f"{s:g}" for s in severities)], lines, left=2)


def over_all(rows: pl.DataFrame) -> str:
    """The worst tenth of the populations that nobody trained on, and how often a policy beats the
    frozen routers there."""
    lines = [
        [
            f"`{row['router']}`" if row["role"] == "learned" else BESIDE[row["router"]],
            str(row["seeds"]),
            _estimate(row, "worst_decile"),
            *(_estimate(row, f"improvement_over_{n.replace('-', '_')}") for n in YARDSTICKS),
        ]
        for row in by_router(held_out(rows))
        if row["role"] == "learned" or row["router"] in BESIDE
    ]
    beats = [f"beats the {FROZEN[name]}" for name in YARDSTICKS]
    return table(["router", "seeds", "worst tenth", *beats], lines)


def across(rows: pl.DataFrame) -> str:
    """Several environments, a line per router in each: its score in training; over the shifted
    populations that nobody trained on its worst tenth and its mean regret; by how much its regret
    exceeds that of the frozen optimum, in training and there; and how its falls of score, and its
    scores, go with those of the frozen optimum. A dagger: training has a reference of bounds."""
    lines = []
    for (study,), part in rows.group_by("environment", maintain_order=True):
        axis, name = part["axis"][0], short_name(study)
        exact = part.filter(pl.col("severity") == 0.0)["tier"][0] == "exact"
        for router in (*_learned(part), *_frozen(part)):
            beside = [
                claims.more_regret(part, router, "frozen-optimal", "training"),
                claims.more_regret(part, router, "frozen-optimal"),
                claims.apart(part, router, "frozen-optimal"),
                claims.likeness(part, router, "frozen-optimal"),
            ]
            figures = [
                claims.score(part, router, axis, "0"),
                claims.worst_tenth(part, router),
                claims.mean_regret(part, router),
                *([DASH] * len(beside) if router == "frozen-optimal" else beside),
            ]
            lines.append([name if exact else f"{name}†", f"`{router}`", *figures])
    heads = ["score in training", "worst tenth", "mean regret", "more regret in training"]
    heads += ["more regret", "falls differ by", "correlation"]
    return table(["environment", "router", *heads], lines, left=2)


def regret_at_the_end(rows: pl.DataFrame) -> str:
    """Regret on the training users and at the greatest severity, and the scores there from either
    zero, a line per axis and router: a score falls where its scale shrinks, too."""
    found = [row for row in aggregated(rows) if _at_home(row)]
    most = rows["severity"].max()
    keyed = {(row["axis"], row["router"], row["severity"]): row for row in found}
    shown = (*_learned(rows), *_frozen(rows))
    lines = []
    for axis, router in itertools.product(dict.fromkeys(row["axis"] for row in found), shown):
        start, end = (keyed.get((axis, router, s), {}) for s in (0.0, most))
        regrets = (_estimate(row, "regret") for row in (start, end))
        zeros = (_number(end.get(name)) for name in ("score", "score_from_frozen_blind"))
        lines.append([f"`{axis}`", f"`{router}`", *regrets, *zeros])
    heads = ["axis", "router", "regret in training", "regret", "score", "from the frozen zero"]
    return table(heads, lines, left=2)


def by_levels(rows: pl.DataFrame) -> str:
    """Regret over the shifted populations that some router trained on as levels, over those between
    levels of an axis, and over all others: the mean and the greatest, a line per router; no line
    where nobody trained on levels."""
    parts = {
        "levels": on_levels(rows),
        "between levels": between_levels(rows),
        "elsewhere": beyond_levels(rows),
    }
    lines, count = [], dict.fromkeys(parts, 0)
    for router in (*_learned(rows), *_frozen(rows)) if len(parts["levels"]) else ():
        line = [f"`{router}`"]
        for name, part in parts.items():
            found = regret_over(part, router)
            line += [_estimate(found, figure) for figure in ("regret_mean", "regret_most")]
            count[name] = found["populations"]
        lines.append(line)
    heads = [f"{what}, {count[name]} {name}" for name in parts for what in ("mean", "greatest")]
    return table(["router", *heads], lines)


def by_training_on_levels(rows: pl.DataFrame) -> str:
    """Several environments, a line per router that trained on levels: by how much its mean regret
    exceeds that of the router that learned in the same way, but for masks, without levels; in
    training, on the levels, on those where nobody is missing, between and beyond them."""
    lines = []
    for (study,), part in rows.group_by("environment", maintain_order=True):
        known = part.filter(pl.col("trained_on") == "level")["router"].unique().to_list()
        how = dict(part.filter(pl.col("role") == "learned")["router", "algorithm"].iter_rows())
        for router in _learned(part):
            plain = how[router].removeprefix("maskable-")
            others = [r for r in _learned(part) if r not in known and how[r] == plain]
            if router in known and others:
                line = [
                    claims.more_regret(part, router, others[0], where, without)
                    for where, without in (
                        ("training", ""),
                        ("levels", ""),
                        ("levels", _MISSING),
                        ("between", ""),
                        ("beyond", ""),
                    )
                ]
                lines.append([short_name(study), f"`{router}`", f"`{others[0]}`", *line])
    heads = ["in training", "levels", "levels, nobody missing", "between levels", "elsewhere"]
    return table(["environment", "router", "beside", *heads], lines, left=3)


def kept_from_the_missing(rows: pl.DataFrame) -> str:
    """Scores where somebody may be missing, by severity: learned routers as they are, then kept
    from picking who is missing, then frozen ones."""
    found = [row for row in aggregated(rows) if _at_home(row)]
    axes = {row["axis"] for row in found if row["router"].endswith(MASKED) and row["severity"] > 0}
    learned = _learned(rows)
    shown = (*learned, *(f"{name}{MASKED}" for name in learned), *_frozen(rows))
    scores = {(row["axis"], row["router"], row["severity"]): row for row in found}
    severities = sorted({row["severity"] for row in found})
    lines = [
        [
            f"`{axis}`",
            f"`{router}`",
            *(_estimate(scores.get((axis, router, s), {}), "score") for s in severities),
        ]
        for axis in sorted(axes)
        for router in shown
    ]
    return table(["axis", "router", *(f"{s:g}" for s in severities)], lines, left=2)


def gaps_in_three(rows: pl.DataFrame) -> str:
    """Every gap for which there are controls, in its three parts."""
    lines = [
        [
            f"`{gap['axis']}={gap['severity']:g}`" + ("" if gap["tier"] == "exact" else "†"),
            f"`{gap['router']}`",
            *(_estimate(gap, part) for part in ("total", *PARTS)),
        ]
        for gap in gaps(rows)
    ]
    return table(["target", "router", "gap", *PARTS], lines, left=2)


def by_regime(rows: pl.DataFrame) -> str:
    """Mean score in training and in each regime of shift, a line per router."""
    found = regimes(unmasked(rows))
    names = list(dict.fromkeys(row["regime"] for row in found))
    scores = {(row["router"], row["regime"]): row for row in found}
    lines = [
        [
            f"`{router}`" if role == "learned" else BESIDE[router],
            *(_estimate(scores.get((router, name), {}), "score") for name in names),
        ]
        for router, role in {row["router"]: row["role"] for row in found}.items()
        if role == "learned" or router in BESIDE
    ]
    return table(["router", *names], lines)


def users_seen(rows: pl.DataFrame) -> str:
    """Scores on users of training and on new ones, by the number of users trained on."""
    lines = [
        [
            f"`{row['router']}`",
            str(row["users_trained"]),
            str(row["seeds"]),
            *(_estimate(row, name) for name in ("seen", "new", "gap")),
            str(row["overlap"]),
        ]
        for row in curve(rows)
    ]
    heads = ["router", "training users", "seeds", "on these", "on new ones", "gap", "overlap"]
    return table(heads, lines)


def table(heads: Sequence[str], lines: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table in Markdown; the first `left` columns are words, the others numbers."""
    rules = ["---"] * left + ["---:"] * (len(heads) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *lines))


def _frozen(rows: pl.DataFrame) -> list[str]:
    there = set(rows["router"])
    return [name for name in FROZEN if name in there]


def _learned(rows: pl.DataFrame) -> list[str]:
    own = rows.filter((pl.col("role") == "learned") & (pl.col("trained_on") == "source"))
    names = own["router"].unique(maintain_order=True).to_list()
    # those have a table of their own, since they play only where somebody may be missing
    return [name for name in names if not name.endswith(MASKED)]


def _at_home(row: Mapping[str, Any]) -> bool:
    """Whether a row is not that of a control, trained on the target."""
    return bool(row["trained_on"] != "target")


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}".replace("-0.00", "0.00")


def _marked(row: Mapping[str, Any]) -> str:
    return _estimate(row, "score") + (" ‡" if row.get("trained_on") == "level" else "")


def _estimate(row: Mapping[str, Any], name: str) -> str:
    """A figure, with its interval if there is one."""
    if row.get(name) is None:
        return DASH
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    ends = "" if low is None else f" ({_number(low)} to {_number(high)})"
    return _number(row[name]) + ends
