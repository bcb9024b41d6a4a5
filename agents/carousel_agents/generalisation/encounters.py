"""Playing a study in parts: each is played once, in any process, and may be kept and read again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..system.extras import needed_by
from ..system.workers import each

with needed_by("a study of shifts"):
    from .schema import frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

Row = dict[str, Any]
Conditions = frozenset[tuple[str, float, str]]
"""What a part covers: fingerprint of the population played, severity and axis of each row."""


@dataclass(frozen=True)
class Played:
    """The results of one part of a study.

    Attributes:
        rows: keys are those of the schema, in order of axes and players.
        left_out: why a companion makes no sense there, by its name.
    """

    rows: list[Row]
    left_out: dict[str, str] = field(default_factory=dict)

    def frame(self) -> pl.DataFrame:
        """The rows, with the schema's types."""
        return frame(self.rows)


class Part(Protocol):
    """One part of a study: players and the populations that they meet."""

    @property
    def conditions(self) -> Conditions:
        """What its rows cover."""
        ...


class Keeper(Protocol):
    """A place that keeps finished parts, so that an interrupted study goes on."""

    def part(self, name: str, conditions: Conditions) -> Played | None:
        """The kept results of a part; None unless they cover exactly these conditions."""
        ...

    def keep(self, name: str, played: Played) -> None:
        """Keep the results of a part."""
        ...


PartOf = TypeVar("PartOf", bound=Part)


def play_parts(
    parts: Mapping[str, PartOf],
    perform: Callable[[PartOf], Played],
    *,
    workers: int = 1,
    keeper: Keeper | None = None,
    report: Callable[[float, float, str], None] | None = None,
) -> dict[str, Played]:
    """Play the parts that are not kept already.

    Args:
        parts: by name, in the order in which they are begun.
        perform: plays one; a module's function, so that other processes find it.
        workers: processes, 1 to 256; 1: this one.
        keeper: where finished parts are read and kept; None: nowhere.
        report: called with the number of parts done, the number of parts, and a part's name.

    Returns:
        The results of every part, in the order of `parts`.

    Raises:
        CarouselError: a worker's process was ended; or whatever `perform` raises.
    """
    done: dict[str, Played] = {}
    if keeper is not None:
        kept = {name: keeper.part(name, part.conditions) for name, part in parts.items()}
        done = {name: played for name, played in kept.items() if played is not None}
    left = {name: part for name, part in parts.items() if name not in done}
    if report:
        report(len(done), len(parts), "")
    with closing(each(left, perform, workers)) as found:  # type: ignore[type-var]
        for name, played in found:
            if keeper is not None:
                keeper.keep(name, played)
            done[name] = played
            if report:
                report(len(done), len(parts), name)
    return {name: done[name] for name in parts}
