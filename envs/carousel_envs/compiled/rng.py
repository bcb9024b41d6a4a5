"""Counter-based random streams: every draw is a function of its address.

The generator is SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014): word n of the stream with key k is mix64(k + n * GOLDEN), where mix64 is Stafford's
13th variant of the MurmurHash3 finaliser. There is no state to carry, so any batch size, order or
number of threads sees the same numbers, and any single episode replays alone.

An episode's key depends on (seed + lane, episode index); words 2t + 1 and 2t + 2 of its stream
belong to turn t. See `turn.py` for which bits decide what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .compiler import inlined, njit, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
# Odd constant unlike GOLDEN, so that episode keys and turn words never share an arithmetic pattern.
_EPISODE = np.uint64(0xD1342543DE82EF95)
_TABLE = np.uint64(0xA0761D6478BD642F)


@inlined
def mix64(z):  # type: ignore[no-untyped-def]
    """Bijective mix of 64 bits (uint64, for compiled callers; `mixed` for arrays)."""
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@part
def episode_key(lane, index):  # type: ignore[no-untyped-def]
    """Key of one episode of a lane, `index` = 0, 1, ... (uint64, for compiled callers)."""
    return mix64(lane + (index + np.uint64(1)) * _EPISODE)


@njit
def _mix_all(words):  # type: ignore[no-untyped-def]
    for i in range(words.shape[0]):
        words[i] = mix64(words[i])


def mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`mix64` of every entry, uint64, in an array of the same shape."""
    out = words.flatten()
    _mix_all(out)
    return out.reshape(words.shape)


def lane_keys(seed: int, lanes: int) -> NDArray[np.uint64]:
    """Keys of lanes 0 ... lanes - 1 of an environment seeded `seed`, shape (lanes,).

    Lane i seeded s has the key of lane 0 seeded s + i.
    """
    offsets = np.arange(lanes, dtype=np.uint64)
    return mixed(offsets + np.uint64((seed + int(GOLDEN)) % 2**64))


def episode_keys(lanes: NDArray[np.uint64], index: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Keys of these episodes (0, 1, ...) of lanes with these keys, uint64, shape (N,)."""
    return mixed(lanes + (index.astype(np.uint64) + np.uint64(1)) * _EPISODE)


def uniforms(seed: int, rows: int, columns: int) -> NDArray[np.float64]:
    """Table of uniform draws on [0, 1) with 53 bits, shape (rows, columns).

    Entry (i, j) depends on (seed, i, j) alone: a longer table begins with the shorter one.
    """
    return uniforms_of(seed, np.arange(rows), columns)


def uniforms_of(seed: int, rows: NDArray[np.integer], columns: int) -> NDArray[np.float64]:
    """The rows with these indices of the table of uniform draws, shape (len(rows), columns)."""
    key = mixed(np.array([(seed + int(GOLDEN)) % 2**64], dtype=np.uint64))
    row = mixed(rows.astype(np.uint64) * _TABLE + key)
    column = np.arange(1, columns + 1, dtype=np.uint64) * GOLDEN
    words = mixed(row[:, None] + column[None, :])
    return np.asarray((words >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def hash_uniforms(
    keys: NDArray[np.uint64], counter: int | NDArray[np.integer]
) -> NDArray[np.float64]:
    """One uniform draw on [0, 1) per key for this counter, or for a counter of its own each, shape
    like `keys`."""
    steps: Any = (
        np.uint64((counter + 1) * int(GOLDEN) % 2**64)
        if isinstance(counter, int)
        else (counter.astype(np.uint64) + np.uint64(1)) * GOLDEN
    )
    words = mixed(keys + steps)
    return np.asarray((words >> np.uint64(11)).astype(np.float64) * 2.0**-53)
