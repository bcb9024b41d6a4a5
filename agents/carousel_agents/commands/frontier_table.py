"""The frontier between engagement and welfare, as a document and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs.reference import frontier

from ..system import console

if TYPE_CHECKING:
    from carousel_envs import Population

_COLUMNS = ("engagement", "welfare", "kept", "session_length", "swaps")


def frontier_document(name: str, population: Population, points: int) -> dict[str, Any]:
    """The frontier as plain data; every figure is exact and per session.

    Raises:
        CarouselError: the number of points is not allowed, or there is no exact frontier.
    """
    found = frontier(population, points=points)
    return {
        "env": name,
        "population_fingerprint": population.fingerprint,
        "points": [point.row() for point in found],
    }


def print_frontier(document: dict[str, Any]) -> None:
    """The frontier as a table on standard output."""
    console.print_table(
        f"{document['env']}, per session: engagement falls and welfare rises with its weight",
        ("weight", "engagement", "welfare", "vulnerable", "kept", "turns", "swaps"),
        (_line(point) for point in document["points"]),
    )
    console.say("vulnerable: welfare of vulnerable users; kept: farewells prevented")


def _line(point: dict[str, Any]) -> tuple[str, ...]:
    engagement, welfare, *rest = (console.number(point[name]) for name in _COLUMNS)
    group = point["vulnerable"]
    vulnerable = console.number(None if group is None else group["welfare"])
    return (console.number(point["weight"], 4), engagement, welfare, vulnerable, *rest)
