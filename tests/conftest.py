"""One folder for solved references per run, shared by its workers and empty at its start.

What an earlier run solved must not hide what this one breaks.
"""

from __future__ import annotations

import os
import tempfile


def pytest_configure(config: object) -> None:
    if not hasattr(config, "workerinput"):
        # workers and notebooks inherit it
        folder = tempfile.TemporaryDirectory(prefix="carousel-references-")
        config.add_cleanup(folder.cleanup)  # type: ignore[attr-defined]
        os.environ["CAROUSEL_CACHE"] = folder.name
