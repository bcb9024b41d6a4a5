"""Optional requirements: which extra installs a missing package."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from carousel_envs import CarouselError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DISTRIBUTION = "persona-carousel"


class MissingExtraError(CarouselError, ImportError):
    """A package is missing that an extra installs."""


@cache
def extra_of() -> Mapping[str, str]:
    """The extra by the name of the module that it installs. Package and module must share their
    name, as those of this project's extras do."""
    found: dict[str, str] = {}
    for requirement in metadata.requires(DISTRIBUTION) or ():
        package = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"""extra\s*==\s*["']([\w-]+)["']""", requirement)
        if package and extra:
            found.setdefault(package[0].lower().replace("-", "_"), extra[1])
    return found


def missing(error: ModuleNotFoundError, what: str) -> ImportError:
    """The error in a sentence that names the extra; the error itself if no extra helps.

    Args:
        error: as the import raised it.
        what: the feature that needs the package.
    """
    module = (error.name or "").partition(".")[0]
    extra = extra_of().get(module)
    if extra is None:
        return error
    found = MissingExtraError(
        f"{what} needs {module}, which is not installed: pip install '{DISTRIBUTION}[{extra}]' "
        "brings it"
    )
    found.name = module
    return found


@contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Import packages that an extra installs.

    Raises:
        MissingExtraError: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise missing(error, what) from None
