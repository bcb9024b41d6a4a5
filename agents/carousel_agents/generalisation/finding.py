"""Finding a router by what a person types: a policy file or a scripted name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import UsageError, shown

from .. import scripted
from ..system import archives

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

    from ..router import Router

SUFFIX = ".safetensors"


def is_file(text: str) -> bool:
    """Whether this names a policy file (by its ending or a slash) and not a scripted router."""
    return text.endswith(SUFFIX) or "/" in text


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a name too long for the file system, say
        return False


def find_router(text: str, target: AnyPopulation, training: AnyPopulation | None = None) -> Router:
    """The router that a person means.

    Args:
        text: a path to a policy file, or a scripted router (see `scripted.make`).
        target: the users it will meet.
        training: the users that frozen scripted routers are solved for; default: the target.

    Raises:
        CarouselError: no such router (`UsageError`), a damaged file, or a network that reads other
            columns.
    """
    if not is_file(text):
        if _there(Path(text)):
            raise UsageError(
                f"{shown(text)} is no policy file, which ends in {SUFFIX}; `carousel import-sb3` "
                "makes one of a Stable-Baselines3 model"
            )
        return scripted.make(text, target, training)
    path = archives.unpacked(Path(text))
    if not _there(path):
        raise CarouselError(f"policy file {shown(text)} does not exist, or is no file")
    # the extra that policy files need is not needed by scripted routers
    from ..learning import LearnedRouter, PolicyFile

    router = LearnedRouter(PolicyFile.load(path), name=path.name)
    router.check_fits(target)
    return router


def training_fingerprint(router: Router) -> str | None:
    """Fingerprint of the users a router was trained on, or a frozen one solved for; else None."""
    return getattr(router, "trained_on", None)
