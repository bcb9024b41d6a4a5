"""The first things to look at: a sentence on each router, and heat maps of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .figures import FLOOR
from .records import Look, Record, axes_of, curve, interval_text, number, severities, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALL_LOSS = 0.1
"""Loss of score on an axis up to which a router counts as unharmed."""

NAMED = 5
"""The most axes that a sentence names; of the others it gives the number."""

_AT_MOST = (
    "Where the optimum is known between bounds alone, these are the highest scores it allows."
)


def findings(
    summary: Mapping[str, Any], looks: Mapping[str, Look], by_users: Sequence[Record]
) -> list[dict[str, str]]:
    """What happened to each learned router, or if none is learned to each frozen one.

    A sentence compares scores as the page prints them, to two digits, so the tables confirm it.

    Args:
        summary: "routers" on the training users, "rows" under shift, and "axes".
        looks: of the routers.
        by_users: scores by users trained on, of routers that played nothing else.

    Returns:
        For each: "router", the "score" to print large, and "words", which continue a sentence
        that begins with the environment and the router's name.
    """
    training = {str(record["router"]): record for record in summary["routers"]}
    found = []
    for router in _foremost(looks):
        if router in training:
            start = _printed(training[router])
            shifted = [row for row in summary["rows"] if row["router"] == router]
            shifted = [row for row in shifted if row["severity"] > 0]
            sentences = [_in_training(start), _under_shift(start, shifted)]
            if any(row.get("tier") == "bounds" for row in [training[router], *shifted]):
                sentences.append(_AT_MOST)
            words = " ".join(sentences)
            found.append({"router": router, "score": text(start), "words": words})
        elif own := _on_new_users(by_users, router):
            most = own[max(own)]
            found.append({"router": router, "score": text(most), "words": _by_users(own)})
    return found


def heat_maps(summary: Mapping[str, Any], looks: Mapping[str, Look]) -> list[dict[str, Any]]:
    """Score by axis and severity of each learned router; if there is none, of each frozen one."""
    columns = severities(summary)
    maps = []
    for router in _foremost(looks):
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


def _foremost(looks: Mapping[str, Look]) -> list[str]:
    """The learned routers, or the frozen ones where none is learned."""
    roles = {look.role for look in looks.values()}
    role = next((role for role in ("learned", "frozen") if role in roles), None)
    return [router for router, look in looks.items() if look.role == role]


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


def _printed(record: Record) -> float | None:
    """The score to the digits that the page prints."""
    score = number(record, "score")
    return None if score is None else round(score, 2)


def _worst_by_axis(rows: Sequence[Record]) -> dict[str, float]:
    """The lowest score on each axis on which there is one, the lowest first."""
    found: dict[str, float] = {}
    for row in rows:
        score = _printed(row)
        if score is not None:
            found[row["axis"]] = min(score, found.get(row["axis"], score))
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _in_training(start: float | None) -> str:
    if start is None:
        return "has no score on the training users: listening to them is worth nothing."
    beaten = ", less than a fixed schedule of personas would" if start < 0 else ""
    return f"scores {text(start)} on the training users{beaten}."


def _under_shift(start: float | None, rows: Sequence[Record]) -> str:
    """How a score changes under shift, from the rows of severity above 0."""
    worst = _worst_by_axis(rows)
    if not worst:
        return "It has no score under any shift."
    without = len({row["axis"] for row in rows}) - len(worst)
    rest = f"; on {without} more it has no score." if without else "."
    below = [axis for axis, score in worst.items() if score < 0]
    falls = "is" if start is None or start < 0 else "falls"
    low = f"{falls} below 0 on {_named(below, len(worst))}"
    if start is None and len(below) == len(worst) > 1:
        return f"Under shift it {falls} below 0 on each of {len(worst)} axes{rest}"
    if start is None:
        return f"Under shift it {low}{rest}"
    # rounded, because 0.94 - 0.84 is more than 0.1
    kept = sum(round(start - score, 2) <= SMALL_LOSS for score in worst.values())
    axes = "axis" if len(worst) == 1 else "axes"
    return (
        f"Under shift it loses no more than {SMALL_LOSS:g} on {kept or 'none'} of {len(worst)} "
        f"{axes} and {low}{rest}"
    )


def _named(axes: Sequence[str], there: int) -> str:
    """Some axes out of all that there are, by name."""
    if not axes:
        return "none"
    if len(axes) == there > 1:
        return "each of them"
    named, others = axes[:NAMED], len(axes) - NAMED
    words = [*named, *([f"{others} more"] if others > 0 else [])]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _on_new_users(by_users: Sequence[Record], router: str) -> dict[int, float]:
    """A router's scores on users it was not trained on, by the number of users trained on."""
    return {
        int(row["users_trained"]): score
        for row in by_users
        if row["router"] == router
        and row["overlap"] == 0
        and number(row, "users_trained") is not None
        and (score := _printed(row)) is not None
    }


def _by_users(scores: Mapping[int, float]) -> str:
    fewest, most = min(scores), max(scores)
    if fewest == most:
        return f"scores {text(scores[most])} on new users, after training on {most:,}."
    return (
        f"scores {text(scores[fewest])} on new users after training on {fewest:,}, and "
        f"{text(scores[most])} after training on {most:,}."
    )
