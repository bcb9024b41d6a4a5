"""Training runs that go on where they were killed, bit for bit.

A checkpoint is one safetensors file, written whole or not at all: weights, optimiser, generators,
the sessions under way, the memory of earlier turns, and in its metadata what run it belongs to.
Nothing in it is ever unpickled.
"""

from __future__ import annotations

import contextlib
import glob
import json
from collections import deque
from functools import singledispatch
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    ValidationError,
)
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from sb3_contrib.common.recurrent.type_aliases import RNNStates

from carousel_envs import CarouselError
from carousel_envs.errors import shown
from carousel_envs.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from stable_baselines3.common.base_class import BaseAlgorithm

    Arrays = dict[str, NDArray[Any]]

FORMAT = 1
_KEY = "carousel_checkpoint"
_COUNTERS = (
    *("num_timesteps", "_n_updates", "_episode_num", "_n_calls"),
    *("exploration_rate", "_current_progress_remaining"),
)
"""Numbers that a model counts, where it has them."""
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class CheckpointError(CarouselError):
    """A checkpoint that cannot be gone on with."""


def save_checkpoint(
    path: Path, model: BaseAlgorithm, request: Mapping[str, Any], progress: Mapping[str, Any]
) -> None:
    """Write the state of a run between two rollouts.

    Args:
        path: of the file.
        model: what is trained, in a `CarouselVecEnv`.
        request: what identifies the run, plain JSON.
        progress: what else is to be kept, plain JSON.

    Raises:
        CarouselError: the place cannot be written.
    """
    tensors, numbers = _state_of(model)
    document = {
        "format": FORMAT,
        "request": dict(request),
        "progress": dict(progress),
        "numbers": numbers,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_whole(path, save(arrays, metadata={_KEY: json.dumps(document)}))


class Progress(BaseModel):
    """What a checkpoint keeps beside the model, as it must look when it is read.

    Attributes:
        curve: points so far: steps, seconds, engagement.
        seconds: of training so far.
        resumed: how often it went on.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    curve: list[dict[str, float]]
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
) -> Progress:
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
        progress = Progress.model_validate(document["progress"])
        _refuse_impossible(model, tensors, document["numbers"], steps)
        _bring_back(model, tensors, document["numbers"])
    except CheckpointError:
        raise
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(
            f"checkpoint {path} is damaged: {where} is {shown(first['input'])}; {first['msg']}"
        ) from None
    except _UNFIT as error:
        what = " ".join(str(error).split())
        raise CheckpointError(f"checkpoint {path} does not fit this run: {what}") from None
    return progress


_UNFIT = (
    *(KeyError, ValueError, TypeError, AttributeError, RuntimeError, OverflowError),
    *(IndexError, CarouselError),
)


def _refuse_impossible(model: Any, arrays: Arrays, numbers: Any, steps: int) -> None:
    """Refuse what no run comes to: it would be gone on with wrongly, or read out of bounds.

    Raises:
        ValidationError, ValueError, KeyError: it is there.
    """
    known = _Numbers.model_validate(numbers)
    done, lanes = known.num_timesteps, model.env.num_envs
    if done > steps or done % lanes:
        raise ValueError(f"num_timesteps is {done:g}; it must be a multiple of {lanes} to {steps}")
    seen, shape = arrays["last.observation"], (lanes, *model.observation_space.shape)
    if seen.shape != shape or not np.isfinite(seen).all():
        raise ValueError(f"last.observation must hold numbers of shape {shape}")
    if (key := arrays["random.numpy"]).shape != (624,) or key.dtype != np.uint32:
        raise ValueError("random.numpy is no state of a generator")


def discard(path: Path) -> None:
    """Remove a checkpoint, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def clear_parts(path: Path) -> None:
    """Remove what kills have left of this file while it was being written."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        part.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, Any], Arrays]:
    try:
        with safe_open(path, framework="numpy") as file:
            document = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no checkpoint, or damaged: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CheckpointError(f"{path} is a checkpoint of another version")
    return document, tensors


def _refuse_another_run(path: Path, kept: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name, wanted in asked.items():
        found = kept.get(name)
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


# -- the state of a model -------------------------------------------------------------------------


def _state_of(model: Any) -> tuple[Arrays, dict[str, Any]]:
    """Every array, and every number, that what follows depends on."""
    arrays, numbers = weights_of(model)
    numbers |= {k: float(getattr(model, k)) for k in _COUNTERS if hasattr(model, k)}
    kind, key, *rest = np.random.get_state()  # noqa: NPY002
    assert kind == "MT19937"
    arrays["random.numpy"] = np.asarray(key)
    numbers["random.numpy"] = rest
    arrays["random.torch"] = torch.get_rng_state().numpy()
    arrays["last.observation"] = model._last_obs
    arrays["last.begins"] = np.asarray(model._last_episode_starts)
    for name, value in _lstm_states(model).items():
        arrays[f"last.{name}"] = value.numpy()
    numbers["episodes"] = list(model.ep_info_buffer)
    for name, array in model.env.snapshot().items():
        arrays[f"env.{name}"] = array
    replay = getattr(model, "replay_buffer", None)
    if replay is not None:
        filled = replay.buffer_size if replay.full else replay.pos
        numbers["replay"] = [replay.pos, replay.full]
        for name in _REPLAY:
            arrays[f"replay.{name}"] = getattr(replay, name)[:filled]
    return arrays, numbers


def _bring_back(model: Any, arrays: Arrays, numbers: Mapping[str, Any]) -> None:
    bring_back_weights(model, arrays, numbers)
    for name in _COUNTERS:
        if name in numbers:
            kind = type(getattr(model, name))
            setattr(model, name, kind(numbers[name]))
    model.env.restore(_under("env.", arrays))
    model._last_obs = arrays["last.observation"]
    model._last_episode_starts = arrays["last.begins"]
    if _lstm_states(model):
        pi, vf = (
            tuple(torch.from_numpy(arrays[f"last.{who}.{part}"]) for part in ("hidden", "cell"))
            for who in ("pi", "vf")
        )
        model._last_lstm_states = RNNStates(pi, vf)
    # what the library makes when learning begins, if there is none
    model.ep_info_buffer = deque(numbers["episodes"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    replay = getattr(model, "replay_buffer", None)
    if replay is not None:
        replay.pos, replay.full = numbers["replay"]
        if not 0 <= replay.pos < replay.buffer_size:
            raise ValueError(f"replay stands at {replay.pos} of {replay.buffer_size}")
        for name in _REPLAY:
            kept = arrays[f"replay.{name}"]
            getattr(replay, name)[: len(kept)] = kept
    # last, because making tensors may draw
    torch.set_rng_state(torch.from_numpy(arrays["random.torch"]))
    np.random.set_state(("MT19937", arrays["random.numpy"], *numbers["random.numpy"]))  # noqa: NPY002


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


@singledispatch
def weights_of(model: Any) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and numbers of a model's networks and their optimisers.

    Models that are none of torch's register how they are kept.
    """
    arrays: Arrays = {f"policy.{k}": v.numpy() for k, v in model.policy.state_dict().items()}
    numbers: dict[str, Any] = {}
    for index, slots in model.policy.optimizer.state_dict()["state"].items():
        for slot, value in slots.items():
            if isinstance(value, torch.Tensor):
                arrays[f"optimizer.{index}.{slot}"] = value.numpy()
            else:
                numbers[f"optimizer.{index}.{slot}"] = value
    return arrays, numbers


@singledispatch
def bring_back_weights(model: Any, arrays: Arrays, numbers: Mapping[str, Any]) -> None:
    """Give a model, just made, what `weights_of` took from another.

    Raises:
        KeyError, ValueError, TypeError, RuntimeError: it does not fit.
    """
    kept = _under("policy.", arrays)
    model.policy.load_state_dict({k: torch.from_numpy(v) for k, v in kept.items()})
    optimizer = model.policy.optimizer.state_dict()
    optimizer["state"] = _optimizer_state(_under("optimizer.", arrays), numbers)
    model.policy.optimizer.load_state_dict(optimizer)


def _optimizer_state(arrays: Arrays, numbers: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    for name, array in arrays.items():
        index, slot = name.split(".")
        state.setdefault(int(index), {})[slot] = torch.from_numpy(array)
    for name, value in numbers.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".")
            state.setdefault(int(index), {})[slot] = value
    return state


def _lstm_states(model: Any) -> dict[str, torch.Tensor]:
    states = getattr(model, "_last_lstm_states", None)
    if states is None:
        return {}
    return {
        f"{who}.{part}": tensor
        for who, pair in (("pi", states.pi), ("vf", states.vf))
        for part, tensor in zip(("hidden", "cell"), pair, strict=True)
    }
