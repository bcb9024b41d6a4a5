"""The one interface that every router has, and how a router is found.

A router is a `Policy` (batched `act`, explicit state; see `carousel_envs.rollout`) with a name.
Nothing that evaluates or probes a router asks how it was made. `protocol` says what a router is,
`registered` makes one by its name, `finding` finds one by any text. Imports `system` and
carousel_envs; start with `protocol.py`.
"""

from .finding import SUFFIX, find_router, is_file, is_object
from .protocol import NamedRouter, Router, refuse_unless_shown_alike, training_fingerprint
from .registered import (
    FROZEN,
    ROUTERS,
    RouterSpec,
    aliases,
    canonical,
    describe_as,
    is_name,
    make,
    register,
    spec_of,
)

__all__ = [
    "FROZEN",
    "ROUTERS",
    "SUFFIX",
    "NamedRouter",
    "Router",
    "RouterSpec",
    "aliases",
    "canonical",
    "describe_as",
    "find_router",
    "is_file",
    "is_name",
    "is_object",
    "make",
    "refuse_unless_shown_alike",
    "register",
    "spec_of",
    "training_fingerprint",
]
