"""Certificates: files that prove bounds on what any router can earn, and the checker.

`certificate.py` writes them. What checks them knows the model's definition and nothing of the
solvers: it lies below all of them, and may import `model.py` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...foundation.errors import CarouselError, shown_path
from ...registry import users_of
from ..model import Model
from .checker import Session, lower_bound, upper_bound
from .file import Certificate

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Certificate", "proven", "verify"]


def proven(certificate: Certificate) -> tuple[float, float]:
    """The bounds that the arrays of a certificate prove, whatever it claims.

    Raises:
        CarouselError: they prove nothing.
    """
    users = users_of(certificate.population, "certificates are about users; there are none")
    model, below, above = Model.of(users), 0.0, 0.0
    try:
        for context in range(len(model.masks)):
            prefix = f"{context}/"
            arrays = {
                name[len(prefix) :]: array
                for name, array in certificate.arrays.items()
                if name.startswith(prefix)
            }
            session = Session(model, context)
            below += lower_bound(session, arrays)
            above += upper_bound(session, arrays)
    except KeyError as error:
        raise CarouselError(f"it proves nothing: {error.args[0]!r} is missing") from None
    except (ValueError, IndexError, MemoryError) as error:
        raise CarouselError(f"it proves nothing: {error}") from None
    if not (np.isfinite(below) and np.isfinite(above)):
        raise CarouselError("it proves nothing: its numbers are not finite")
    return below, above


def verify(path: Path) -> Certificate:
    """Read a certificate and prove what it claims.

    Returns:
        The certificate, whose bounds hold for its population.

    Raises:
        CarouselError: it cannot be read, was damaged, or its bounds do not follow.
    """
    certificate = Certificate.load(path)
    try:
        below, above = proven(certificate)
    except CarouselError as error:
        raise CarouselError(f"{shown_path(path)} is refused: {error}") from None
    for name, claimed, holds, follows in (
        ("lower", certificate.lower, certificate.lower <= below, below),
        ("upper", certificate.upper, certificate.upper >= above, above),
    ):
        if not holds:
            raise CarouselError(
                f"{shown_path(path)} is refused: its {name} bound is {claimed!r}, and "
                f"{follows!r} is what follows"
            )
    return certificate
