"""Training runs that go on where they were killed, bit for bit.

A checkpoint is one safetensors file, written whole or not at all: weights, optimiser, generators,
the sessions under way, the memory of earlier turns, and in its metadata what run it belongs to.
Nothing in it is ever unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    ValidationError,
)
from safetensors import safe_open
from safetensors.numpy import save

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import check_readable, write_whole

from .curve import CurvePoint  # noqa: TC001 (pydantic reads it)
from .state import bring_back, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stable_baselines3.common.base_class import BaseAlgorithm

    from .state import Arrays

FORMAT = 2
_KEY, _DIGEST = "carousel_checkpoint", "sha256"
_LARGEST = 2**40
"""Bytes: a checkpoint holds all that a learner remembers of earlier turns."""


class CheckpointError(CarouselError):
    """A checkpoint that a run cannot resume from."""


def save_checkpoint(
    path: Path, model: BaseAlgorithm, request: Mapping[str, Any], progress: Mapping[str, Any]
) -> None:
    """Write the state of a run between two rollouts.

    Args:
        path: of the file.
        model: what is trained, in a `CarouselVecEnv`.
        request: what identifies the run, plain JSON.
        progress: of the run, as `SavedProgress` has it, plain JSON.

    Raises:
        CarouselError: the place cannot be written.
    """
    tensors, numbers = state_of(model)
    document = {
        "format": FORMAT,
        "request": dict(request),
        "progress": dict(progress),
        "numbers": numbers,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_whole(path, signed(json.dumps(document), arrays))


def signed(text: str, arrays: Arrays) -> bytes:
    """A checkpoint's bytes: its document and arrays, with the digest of both."""
    return save(arrays, metadata={_KEY: text, _DIGEST: _digest(text, arrays)})


def _digest(text: str, arrays: Arrays) -> str:
    """SHA-256, hexadecimal, of a document and of the name, type, shape and bytes of every array."""
    digest = hashlib.sha256()

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)

    add(text.encode())
    for name, array in sorted(arrays.items()):
        add(f"{name} {array.dtype.str} {array.shape}".encode())
        add(array.tobytes())
    return digest.hexdigest()


class SavedProgress(BaseModel):
    """What a checkpoint keeps beside the model, as it must look when it is read.

    Attributes:
        curve: points so far.
        seconds: of training so far.
        resumed: how often it went on.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    curve: list[CurvePoint]
    seconds: NonNegativeFloat
    resumed: NonNegativeInt


class _Episode(BaseModel):
    """The end of a session, as the library remembers it: return, length, time."""

    model_config = ConfigDict(strict=True, extra="allow")

    r: FiniteFloat
    l: NonNegativeInt  # noqa: E741  (the library's name)


class _Numbers(BaseModel):
    """Numbers that are not weights."""

    model_config = ConfigDict(extra="allow")

    num_timesteps: NonNegativeFloat
    random_numpy: tuple[Annotated[int, Field(ge=0, le=624)], Literal[0, 1], FiniteFloat] = Field(
        alias="random.numpy"
    )
    episodes: list[_Episode]


def load_checkpoint(
    path: Path, model: BaseAlgorithm, request: Mapping[str, Any], steps: int
) -> SavedProgress:
    """Bring a model, just made, to where a checkpoint stands.

    Args:
        path: of the file.
        model: in a `CarouselVecEnv`, reset.
        request: what identifies the run, plain JSON.
        steps: of the whole run.

    Returns:
        The progress that was kept with it.

    Raises:
        CheckpointError: the file is damaged, or belongs to another run.
    """
    document, tensors = _read(path)
    try:
        _refuse_another_run(path, document["request"], json.loads(json.dumps(request)))
        progress = SavedProgress.model_validate(document["progress"])
        _refuse_impossible(model, document["numbers"], steps)
        bring_back(model, tensors, document["numbers"])
    except CheckpointError:
        raise
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(
            f"checkpoint {path} is damaged: {where} is {shown(first['input'])}; {first['msg']}"
        ) from None
    except Exception as error:
        # of whatever kind: torch, NumPy and the environments raise their own
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise CheckpointError(f"checkpoint {path} does not fit this run: {what}") from None
    return progress


def _refuse_impossible(model: Any, numbers: Any, steps: int) -> None:
    """Refuse numbers that no run can have reached.

    Raises:
        ValidationError, ValueError: it is there.
    """
    known = _Numbers.model_validate(numbers)
    done, lanes = known.num_timesteps, model.env.num_envs
    if done > steps or done % lanes:
        raise ValueError(f"num_timesteps is {done:g}; it must be a multiple of {lanes} to {steps}")


def discard(path: Path) -> None:
    """Remove a checkpoint, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _read(path: Path) -> tuple[dict[str, Any], Arrays]:
    try:
        check_readable(path, _LARGEST)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            text = metadata[_KEY]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        document = json.loads(text)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # of whatever kind: some types of safetensors are none of NumPy's
        what = " ".join(str(error).split())
        raise CheckpointError(f"{path} is no checkpoint, or damaged: {what}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CheckpointError(f"{path} is a checkpoint of another version")
    if metadata.get(_DIGEST) != _digest(text, tensors):
        raise CheckpointError(f"{path} is damaged: it does not hold what was written")
    return document, tensors


def _refuse_another_run(path: Path, kept: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name in dict.fromkeys((*asked, *kept)):
        found, wanted = _told(kept, name), _told(asked, name)
        if found == wanted:
            continue
        if isinstance(found, dict) and isinstance(wanted, dict):
            key = next(k for k in (*wanted, *found) if _told(found, k) != _told(wanted, k))
            name, found, wanted = f"{name} {key}", _told(found, key), _told(wanted, key)
        raise CheckpointError(
            f"checkpoint {path} belongs to another run: its {name} is {found!r}, and {wanted!r} is "
            "asked for; ask for the same to go on with it, or restart to discard it"
        )


def _told(mapping: Mapping[str, Any], key: str) -> Any:
    return mapping.get(key, "nothing")
