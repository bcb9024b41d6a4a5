"""One folder for solved references per run, shared by its workers and empty at its start: what an
earlier run solved must not hide what this one breaks.

And an order in which two workers do not compile the same kernels at the same time. Each is given
one half of the tests, and takes from the other's end when it is done. One half begins with solvers,
then pages, which solve every preset, and what solves everything; the other with sessions.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

_SAME = {"deadline": None, "derandomize": True, "database": None}
settings.register_profile("carousel", max_examples=25, **_SAME)
settings.register_profile("long", max_examples=200, **_SAME)  # with --hypothesis-profile=long
settings.load_profile("carousel")

TESTS = Path(__file__).parent
SOLVERS, SESSIONS = f"{TESTS}/envs/reference/", f"{TESTS}/envs/lanes/"
ADDS = ("test_pages.py", "test_payoff.py", "test_shift_effects.py", "test_gymnasium.py")
PAGES, EVERYTHING = f"{TESTS}/envs/environments/", f"{TESTS}/agents/commands/test_cli.py"


def pytest_configure(config: object) -> None:
    if not hasattr(config, "workerinput"):
        # workers and notebooks inherit it
        folder = tempfile.TemporaryDirectory(prefix="carousel-references-")
        config.add_cleanup(folder.cleanup)  # type: ignore[attr-defined]
        os.environ["CAROUSEL_CACHE"] = folder.name


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    mark_cases(items)
    yield  # those that are not asked for are taken out
    items[:] = in_halves(items)


def mark_cases(items: list[pytest.Item]) -> None:
    """Mark properties, and as slow the cases of large tables that `make test` leaves out."""
    from support.presets import variants

    cases: Counter[str] = Counter()
    others = variants()
    for item in items:
        if hasattr(getattr(item, "function", None), "hypothesis"):
            item.add_marker("properties")
        # what a variant adds is tested for itself
        if any(name in item.name for name in others) and item.path.name not in ADDS:
            item.add_marker("slow")
        sampled = item.get_closest_marker("sampled")
        if sampled is not None and item.get_closest_marker("slow") is None:
            test = item.nodeid.partition("[")[0]
            if cases[test] % sampled.args[0]:
                item.add_marker("slow")
            cases[test] += 1


def in_halves(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order that the top of this file explains."""
    sessions = [item for item in items if str(item.path).startswith(SESSIONS)]
    others = [item for item in items if not str(item.path).startswith(SESSIONS)]
    others.sort(
        key=lambda item: [not str(item.path).startswith(p) for p in (SOLVERS, PAGES, EVERYTHING)]
    )
    middle = min(len(items) // 2, len(others))
    return [*others[:middle], *sessions, *others[middle:]]
