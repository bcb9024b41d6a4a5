"""The table of a run store: how well and how fast algorithms learn, beside scripted routers."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from math import inf
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.reference import solve
from carousel_envs.reference.known_user.memoryless import best_memoryless
from carousel_envs.registry import environment_ids, users_of
from carousel_envs.spec import model_of

from ..generalisation import beside
from ..generalisation.statistics import interval, iqm
from ..learning.algorithms import ALGORITHMS
from ..study.requests import difference
from .runs import GridRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from carousel_envs.registry import AnyPopulation

    from .store import RunStore

    Record = Mapping[str, Any]

SCHEMA = 1
OWN, BEST = 0.90, 0.95
"""Shares of a run's own final score, and of the best known score, that are timed."""
_LEARNT = 0.1
"""Final score below which a run has learnt too little to be timed."""

ROW = (
    "router",
    "kind",  # "learned" or "scripted"
    "reason",  # why a scripted router makes no sense here
    *("algorithm", "sees", "seeds", "steps"),  # sees: the class of policy
    *("score", "score_low", "score_high", "scores", "engagement"),
    "never_swap",  # how many seeds keep one persona for ever
    "frames_per_second",
    *("seconds_to_own", "reached_own"),  # seconds, and how many seeds reached it
    *("seconds_to_best", "reached_best"),
)
"""Keys of a row."""


def table(
    store: RunStore, command: str, report: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """The contents of a store, as plain data.

    Args:
        store: of runs; unfinished ones are only counted.
        command: what was typed, for the document.
        report: called with each environment's id.

    Returns:
        schema, commands, versions, machines, users and seed of every evaluation, unfinished, and
        environments: one per environment and change of its users, with its id (environment), name
        (Boredom, Boredom@hazard=1), population_fingerprint, tier, value, value_upper, blind,
        best_known (score and source for each class of policy) and rows, best score first. Every
        row has the keys of `ROW`; missing figures are None. Scores of learned routers are
        interquartile means over seeds with bootstrap intervals (`generalisation.statistics`), those
        of scripted ones means over sessions with normal intervals. Speeds are medians over seeds.

    Raises:
        CarouselError: no finished run, or runs that cannot stand in one table.
    """
    records, unfinished = store.finished()
    _refuse_unless_same(records, "evaluation")
    evaluation = records[0]["request"]["evaluation"]
    by_users: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_users[_run(record).users_name].append(record)
    order = environment_ids()
    environments = []
    for group in sorted(by_users.values(), key=lambda g: order.index(_run(g[0]).environment)):
        report(_run(group[0]).users_name)
        environments.append(_environment(group, evaluation))
    return {
        "schema": SCHEMA,
        "commands": [*_distinct(record["command"] for record in records), command],
        "versions": _versions(records),
        "machines": _distinct(record["machine"] for record in records),
        "users": evaluation["users"],
        "seed": evaluation["seed"],
        "unfinished": unfinished,
        "environments": environments,
    }


def _environment(records: Sequence[Record], evaluation: Mapping[str, int]) -> dict[str, Any]:
    first = _run(records[0])
    population = first.population
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record["request"]["population"] != population.fingerprint:
            raise CarouselError(
                f"{_run(record).name} was trained on other users than those of {first.users_name} "
                "in this version"
            )
        groups[_run(record).router].append(record)
    known = _best_known(population, records)
    rows = [_learned(name, group, known) for name, group in groups.items()]
    rows += [
        {"kind": "scripted", **row}
        for row in beside(population, evaluation["users"], evaluation["seed"])
    ]
    rows = [{key: row.get(key) for key in ROW} for row in rows]
    rows.sort(key=lambda row: -inf if row["score"] is None else row["score"], reverse=True)
    reference = solve(population)
    figures = ("tier", "value", "value_upper", "blind")
    return {
        "environment": first.environment,
        "name": first.users_name,
        "population_fingerprint": population.fingerprint,
        **{name: getattr(reference, name) for name in figures},
        "best_known": known,
        "rows": rows,
    }


def _learned(name: str, records: Sequence[Record], known: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unless_same(records, "settings", "curve", "levels")
    sees = _class(records[0])
    scores = [_score(record) for record in records]
    known_scores = [score for score in scores if score is not None]
    scored = len(known_scores) == len(scores)
    limits = interval([known_scores]) if scored else None
    best = known[sees]["score"]
    own = [_seconds_to_own(record) for record in records]
    to_best = [_seconds_to(record, None if best is None else BEST * best) for record in records]
    return {
        "router": name,
        "kind": "learned",
        "algorithm": records[0]["request"]["algorithm"],
        "sees": sees,
        "seeds": len(records),
        "steps": records[0]["training"]["steps"],
        "score": float(iqm(known_scores)) if scored else None,
        "score_low": limits[0] if limits else None,
        "score_high": limits[1] if limits else None,
        "scores": scores,
        "engagement": float(iqm([record["evaluation"]["engagement"] for record in records])),
        "never_swap": sum(record["evaluation"]["swaps"] == 0.0 for record in records),
        "frames_per_second": median(
            record["training"]["steps"] / record["training"]["seconds"] for record in records
        ),
        "seconds_to_own": _median(own),
        "reached_own": sum(seconds is not None for seconds in own),
        "seconds_to_best": _median(to_best),
        "reached_best": sum(seconds is not None for seconds in to_best),
    }


def _class(record: Record) -> str:
    """What a policy sees: "present" (this turn's observation) or "past" (earlier ones too), either
    also "with context"."""
    view = record["request"]["view"]
    remembers = record.get("remembers")
    if remembers is None:  # an older record: of an algorithm that came with the package
        remembers = ALGORITHMS.find(record["request"]["algorithm"]).remembers
    remembers = remembers or view["history"] > 1
    return f"{'past' if remembers else 'present'}{' with context' * view['visible_context']}"


def _best_known(population: AnyPopulation, records: Sequence[Record]) -> dict[str, Any]:
    """Per class of policy, the best score known to be attained, and by what."""
    known: dict[str, Any] = {}
    for sees in _distinct(_class(record) for record in records):
        found = [(_score(r), _run(r).name) for r in records if _class(r) == sees]
        if sees == "past" and found[0][0] is not None:
            found.append((1.0, "the reference"))
        elif sees == "present" and model_of(population).has_users:
            # for users for whom no such table is known the best run stands
            with suppress(CarouselError):
                value = best_memoryless(users_of(population, ""))[0]
                found.append((solve(population).score(value), "memoryless"))
        score, source = max(found, key=lambda one: -inf if one[0] is None else one[0])
        known[sees] = {"score": score, "source": source}
    return known


def _score(record: Record) -> float | None:
    """The score on the reference of this version, which the scripted routers are scored on too."""
    return solve(_run(record).population).score(record["evaluation"]["engagement"])


def _curve(record: Record) -> list[tuple[float, float]]:
    """(seconds, score) of a run's curve.

    A curve is of other sessions than the evaluation, and their luck shifts all its points alike.
    The last point is of the evaluated policy, so it shows by how much.
    """
    reference = solve(_run(record).population)
    points = record["training"]["curve"]
    luck = record["evaluation"]["engagement"] - points[-1]["engagement"]
    scores = [reference.score(point["engagement"] + luck) for point in points]
    return [
        (point["seconds"], score)
        for point, score in zip(points, scores, strict=True)
        if score is not None
    ]


def _seconds_to_own(record: Record) -> float | None:
    score = _score(record)
    if score is None or score < _LEARNT or not record["training"]["curve"]:
        return None
    return _seconds_to(record, OWN * score)


def _seconds_to(record: Record, score: float | None) -> float | None:
    """Seconds of training until the curve, linear between its points, first reaches a score; None
    if it never does, or if the score is 0 or less, which takes no listening."""
    if score is None or score <= 0.0 or not record["training"]["curve"]:
        return None
    before: tuple[float, float] | None = None
    for seconds, reached in _curve(record):
        if reached >= score:
            if before is None:
                return seconds
            share = (score - before[1]) / (reached - before[1])
            return before[0] + share * (seconds - before[0])
        before = seconds, reached
    return None


def _median(seconds: Sequence[float | None]) -> float | None:
    """The median, where None counts as later than any number; None if it is the median."""
    found = median(inf if s is None else s for s in seconds)
    return float(found) if np.isfinite(found) else None


def _run(record: Record) -> GridRun:
    return GridRun.of(record["request"])


def _refuse_unless_same(records: Sequence[Record], *keys: str) -> None:
    """Refuse runs whose requests differ under any of these keys, which some may lack."""
    first, *others = records
    one = {key: first["request"][key] for key in keys if key in first["request"]}
    for record in others:
        other = {key: record["request"][key] for key in keys if key in record["request"]}
        if one != other:
            key, here, there = difference(one, other)
            raise CarouselError(
                f"{_run(first).name} and {_run(record).name} cannot stand in one table: {key} is "
                f"{here!r} in one and {there!r} in the other"
            )


def _distinct(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _versions(records: Sequence[Record]) -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for name, version in record["versions"].items():
            if version not in found[name]:
                found[name].append(version)
    return {name: ", ".join(versions) for name, versions in found.items()}
