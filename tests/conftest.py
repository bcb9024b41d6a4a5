"""One folder for solved references per run, shared by its workers and empty at its start.

What an earlier run solved must not hide what this one breaks. And what takes long comes first: it
compiles and solves what others then find done, and no worker is alone with it at the end.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

_SAME = {"deadline": None, "derandomize": True, "database": None}
settings.register_profile("carousel", max_examples=25, **_SAME)
settings.register_profile("long", max_examples=200, **_SAME)  # with --hypothesis-profile=long
settings.load_profile("carousel")

FIRST = ("test_cli.py",)


def pytest_configure(config: object) -> None:
    if not hasattr(config, "workerinput"):
        # workers and notebooks inherit it
        folder = tempfile.TemporaryDirectory(prefix="carousel-references-")
        config.add_cleanup(folder.cleanup)  # type: ignore[attr-defined]
        os.environ["CAROUSEL_CACHE"] = folder.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in FIRST)
    cases: Counter[str] = Counter()
    for item in items:
        if hasattr(getattr(item, "function", None), "hypothesis"):
            item.add_marker("properties")
        sampled = item.get_closest_marker("sampled")
        if sampled is not None and item.get_closest_marker("slow") is None:
            test = item.nodeid.partition("[")[0]
            if cases[test] % sampled.args[0]:
                item.add_marker("slow")
            cases[test] += 1
