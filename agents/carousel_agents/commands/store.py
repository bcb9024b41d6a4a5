"""Commands for the store of references: what is in it, and making it smaller."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from carousel_envs.foundation.errors import CarouselError, whole_number
from carousel_envs.reference import store

from ..system import console
from .options import JsonOption  # noqa: TC001  (the command line reads annotations)

app = typer.Typer(help="The store of solved references; deleting it is always safe.")
_SOURCE = {True: "this one", False: "another"}


@app.command("list")
def show(as_json: JsonOption = False) -> None:
    """List the stored references, the least recently used first."""
    known = store.entries()
    total = sum(entry.size for entry in known)
    if as_json:
        console.print_json(_document(known) | {"bytes": total, "largest": store.LARGEST_BYTES})
        return
    if known:
        rows = [
            (entry.path.stem, f"{entry.size:,}", _time(entry), _SOURCE[entry.current])
            for entry in known
        ]
        console.print_table(str(store.folder()), ("entry", "bytes", "last used", "version"), rows)
    console.say(f"{len(known)} entries, {total:,} of {store.LARGEST_BYTES:,} bytes")


@app.command()
def prune(
    size: Annotated[
        int, typer.Option("--bytes", help="what may stay; 0 empties the store")
    ] = store.LARGEST_BYTES,
    as_json: JsonOption = False,
) -> None:
    """Remove the least recently used references until the store is no larger than --bytes."""
    size = whole_number("--bytes", size, 0, 2**63 - 1)
    removed = store.prune(size)
    freed = sum(entry.size for entry in removed)
    if as_json:
        console.print_json(_document(removed) | {"bytes": freed})
    else:
        console.say(f"{len(removed)} entries removed, {freed:,} bytes")
    left = sum(entry.size for entry in store.entries())
    if left > size:
        raise CarouselError(f"the store still holds {left} bytes: not every entry can be removed")


def _document(entries: list[store.Entry]) -> dict[str, object]:
    place = store.folder()
    return {
        "folder": None if place is None else str(place),
        "entries": [
            {
                "entry": entry.path.stem,
                "bytes": entry.size,
                "used": _time(entry),
                "current": entry.current,
            }
            for entry in entries
        ],
    }


def _time(entry: store.Entry) -> str:
    return datetime.fromtimestamp(entry.used).astimezone().isoformat(sep=" ", timespec="seconds")
