"""Policies from models that somebody saved with Stable-Baselines3 or sb3-contrib.

Such archives hold pickled objects: to load one runs whatever code it contains. Nothing here may be
called on a file whose maker is not trusted.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.vec_env import VecNormalize

from carousel_envs import CarouselError
from carousel_envs.errors import shown, whole_number

from ..interruption import Interrupted
from .extract import SOURCES, Normalisation, policy_file_of
from .policy_format import one_line
from .view import Scaling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

    from .policy_file import PolicyFile
    from .view import View

_MOST_STEPS = 10**18
# what is needed for learning on alone: not read, so it need not be readable nor fit into memory
_NOT_FOR_ACTING: dict[str, Any] = {
    "buffer_size": 1,
    "learning_rate": 0.0,
    "lr_schedule": lambda _: 0.0,
    "clip_range": lambda _: 0.2,
    "exploration_schedule": lambda _: 0.0,
}


def import_model(
    path: Path,
    *,
    algorithm: str,
    population: AnyPopulation,
    environment: str,
    view: View,
    normalisation: Path | None = None,
) -> PolicyFile:
    """The policy of a saved model. Runs whatever code the files contain.

    Args:
        path: what the model's `save` wrote (.zip).
        algorithm: a key of `extract.SOURCES`.
        population: the users it was trained on, or questions.
        environment: id that the file will name.
        view: what it was shown.
        normalisation: what the `save` of its `VecNormalize` wrote, if it was trained behind one.

    Raises:
        CarouselError: a file cannot be loaded, or the model cannot be written as a policy file.
    """
    if algorithm not in SOURCES:
        raise CarouselError(f"algorithm is {shown(algorithm)}; known are {', '.join(SOURCES)}")
    version = _version(path)
    with _loading(path, f"a model of {algorithm}"), warnings.catch_warnings():
        # they tell of schedules and buffers that could not be restored
        warnings.simplefilter("ignore")
        model = SOURCES[algorithm].model.load(path, device="cpu", custom_objects=_NOT_FOR_ACTING)
        steps = whole_number("its num_timesteps", model.num_timesteps, 0, _MOST_STEPS)
    return policy_file_of(
        model,
        population=population,
        environment=environment,
        algorithm=algorithm,
        view=view,
        training={"imported": True, "source": path.name, "steps": steps},
        versions={"stable-baselines3": version},
        normalisation=None if normalisation is None else _statistics(normalisation),
    )


def _version(path: Path) -> str:
    """The version that wrote an archive."""
    name = "_stable_baselines3_version"
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return one_line(file.read(40).decode(errors="replace"))
    except OSError as error:
        raise CarouselError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception:  # each way of compressing has errors of its own, without a common base
        raise CarouselError(f"{path} is no archive that Stable-Baselines3 wrote") from None


def _statistics(path: Path) -> Normalisation | None:
    """Means and deviations of columns; None where they were left as they are."""
    with _loading(path, "statistics of VecNormalize"):
        with path.open("rb") as file:
            saved = pickle.load(file)  # noqa: S301 - the caller vouches for it, as for the model
        if not isinstance(saved, VecNormalize):
            raise CarouselError(f"it holds a {type(saved).__name__}, and no VecNormalize")
        if not saved.norm_obs:
            return None
        seen: Any = saved.obs_rms
        mean = np.asarray(seen.mean, dtype=np.float32)
        deviation = np.sqrt(np.asarray(seen.var) + saved.epsilon).astype(np.float32)
        return Normalisation(Scaling((), mean, deviation), float(saved.clip_obs))


@contextmanager
def _loading(path: Path, what: str) -> Iterator[None]:
    """Turn what foreign content raises into a sentence.

    It may raise whatever it likes, what ends a process among it: an import that was not made must
    never look like one that was.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        raise
    except BaseException as error:
        raise CarouselError(f"{path} cannot be loaded as {what}: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    kind = one_line(type(error).__name__)
    if not isinstance(error, Exception):
        return f"it raises {kind}"
    try:
        return one_line(str(error)) or kind
    except Exception:  # the exception's class may be foreign, too
        return kind
