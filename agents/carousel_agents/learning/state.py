"""The state of a model under training: everything that the rest of its training depends on."""

from __future__ import annotations

import copy
from collections import deque
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sb3_contrib.common.recurrent.type_aliases import RNNStates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

_COUNTERS = (
    *("num_timesteps", "_n_updates", "_episode_num", "_n_calls"),
    *("exploration_rate", "_current_progress_remaining"),
)
"""Numbers that a model counts, where it has them."""
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def state_of(model: Any) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and numbers of a model between two rollouts, in a `CarouselVecEnv`."""
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


def bring_back(model: Any, arrays: Arrays, numbers: Mapping[str, Any]) -> None:
    """Give a model, just made and its sessions begun, what `state_of` took from another.

    Raises:
        Exception: it does not fit.
    """
    _refuse_unfit(model, arrays, numbers)
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
        for name in _REPLAY:
            kept = arrays[f"replay.{name}"]
            getattr(replay, name)[: len(kept)] = kept
    # last, because making tensors may draw
    torch.set_rng_state(torch.from_numpy(arrays["random.torch"]))
    np.random.set_state(("MT19937", arrays["random.numpy"], *numbers["random.numpy"]))  # noqa: NPY002


def _refuse_unfit(model: Any, arrays: Arrays, numbers: Mapping[str, Any]) -> None:
    """Refuse arrays of other shapes or types than those of a model, or that are not finite.

    Raises:
        KeyError, ValueError: there are such.
    """
    lanes, seen = model.env.num_envs, model.observation_space
    refuse_other("last.observation", arrays, np.zeros((lanes, *seen.shape), seen.dtype))
    refuse_other("last.begins", arrays, np.zeros(lanes, bool))
    refuse_other("random.numpy", arrays, np.zeros(624, np.uint32))
    for name, value in _lstm_states(model).items():
        refuse_other(f"last.{name}", arrays, value.numpy())
    replay = getattr(model, "replay_buffer", None)
    if replay is None:
        return
    at, full = numbers["replay"]
    if not 0 <= at < replay.buffer_size:
        raise ValueError(f"replay stands at {at} of {replay.buffer_size}")
    for name in _REPLAY:
        whole = getattr(replay, name)
        refuse_other(f"replay.{name}", arrays, whole if full else whole[:at])


def refuse_other(name: str, arrays: Arrays, wanted: NDArray[Any]) -> None:
    """Refuse an array of another shape or type than is wanted, or with numbers that are not finite.

    Raises:
        KeyError, ValueError: it is missing, or such.
    """
    found = arrays[name]
    # what has no dimension is written with one
    if found.shape != np.atleast_1d(wanted).shape or found.dtype != wanted.dtype:
        raise ValueError(
            f"{name} is {found.dtype} of shape {found.shape}; it must be {wanted.dtype} of shape "
            f"{wanted.shape}"
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"{name} must hold finite numbers")


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


@singledispatch
def weights_of(model: Any) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and numbers of a model's networks and their optimisers.

    Models that do not compute with torch register a function of their own.
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
    for name, weight in model.policy.state_dict().items():
        refuse_other(f"policy.{name}", arrays, weight.numpy())
    model.policy.load_state_dict({k: torch.from_numpy(v) for k, v in kept.items()})
    optimizer = model.policy.optimizer.state_dict()
    optimizer["state"] = _optimizer_state(_under("optimizer.", arrays), numbers)
    _refuse_other_optimizer(model.policy.optimizer, arrays, optimizer["state"])
    model.policy.optimizer.load_state_dict(optimizer)


def _refuse_other_optimizer(
    optimizer: torch.optim.Optimizer, arrays: Arrays, kept: dict[int, dict[str, Any]]
) -> None:
    """Refuse a state that does not fit an optimiser, which may have none yet for some parameters.

    Raises:
        ValueError: it is there, or something beside it is missing.
    """
    # what an optimiser keeps shows only after a step, so a copy takes one
    twin = copy.deepcopy(optimizer)
    for group in twin.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    twin.step()
    known = twin.state_dict()["state"]
    for index, slots in kept.items():
        if index not in known or slots.keys() != known[index].keys():
            raise ValueError(f"optimizer.{index} holds {', '.join(slots)}")
        for slot, wanted in known[index].items():
            if isinstance(wanted, torch.Tensor):
                refuse_other(f"optimizer.{index}.{slot}", arrays, wanted.numpy())


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
