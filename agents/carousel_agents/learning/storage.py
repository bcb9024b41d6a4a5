"""The storage of a search: an SQLite file that several processes may use, and may damage."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import optuna
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from ..system.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEARTBEAT = 20
_REQUEST = "request"
STORAGE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError)
"""What a point that is written to the storage on the way may raise."""


class TrainingError(Exception):
    """Carries a fault of training past what is said of the storage."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault


def open_study(storage: Path, identity: dict[str, Any]) -> optuna.Study:
    """The search in a file, begun if it is new.

    Raises:
        CarouselError: the file cannot be used, or holds another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # the library makes tables, versions and the study in several steps, and two processes that
    # begin one search would get into each other's
    with locked(storage.with_name(f".{storage.name}.lock"), str(storage), wait=True):
        study = _opened(storage)
        with usable(storage):
            known = _known_request(study, storage)
            if known is None:
                study.set_user_attr(_REQUEST, json.dumps(identity, sort_keys=True))
        if known is not None:
            # as it comes back from the storage
            _refuse_difference(storage, known, json.loads(json.dumps(identity)))
    return study


@contextmanager
def usable(storage: Path) -> Iterator[None]:
    """One sentence for what the storage's library raises, of whatever kind.

    Raises:
        CarouselError: the storage cannot be used.
    """
    try:
        yield
    except CarouselError:
        raise
    except TrainingError as error:
        raise error.fault from None
    except Exception as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CarouselError(f"{storage} cannot be used as a storage: {first}") from None


def _opened(storage: Path) -> optuna.Study:
    with usable(storage):
        with warnings.catch_warnings():
            # heartbeats are marked as experimental
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            kept = optuna.storages.RDBStorage(_url(storage), heartbeat_interval=_HEARTBEAT)
        return optuna.create_study(
            study_name="carousel",
            storage=kept,
            # not seeded: processes that work on one search, and calls that go on with it, must not
            # propose what another one has proposed
            sampler=optuna.samplers.TPESampler(constant_liar=True),
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
        )


def _url(storage: Path) -> str:
    # SQLite reads the path out of a URI in turn, so what SQLAlchemy takes for its own punctuation
    # is quoted for both
    uri = storage.resolve().as_uri()
    url = URL.create("sqlite", database=uri, query={"uri": "true"})
    return url.render_as_string(hide_password=False)


def _known_request(study: optuna.Study, storage: Path) -> dict[str, Any] | None:
    """What a search was begun for; None if it is new.

    Raises:
        CarouselError: the storage says nothing that can be understood.
    """
    try:
        # reading the attributes parses them
        attributes = study.user_attrs
        if _REQUEST not in attributes:
            return None
        request = json.loads(attributes[_REQUEST])
    except (ValueError, TypeError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise CarouselError(
            f"{storage} is damaged: what the search in it was begun for cannot be read; search in "
            "another storage"
        )
    return request


def _refuse_difference(storage: Path, known: dict[str, Any], asked: dict[str, Any]) -> None:
    there, here = _flat(known), _flat(asked)
    for name in (*here, *there):
        if name not in there:
            reason = f"its {name} is not known, and {shown(here[name])} is asked for"
        elif name not in here:
            reason = f"its {shown(name)} is {shown(there[name])}, and is not asked for"
        elif there[name] != here[name]:
            reason = f"its {name} is {shown(there[name])}, and {shown(here[name])} is asked for"
        else:
            continue
        raise CarouselError(f"{storage} holds another search: {reason}")


def _flat(request: dict[str, Any]) -> dict[str, Any]:
    """Values by name, those of objects by `object.name`: the message names the one that differs."""
    flat: dict[str, Any] = {}
    for key, value in request.items():
        if isinstance(value, dict) and value:
            flat |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            flat[key] = value
    return flat
