"""Policies from models that were saved with Stable-Baselines3 or sb3-contrib.

Such archives hold pickled objects: loading one runs whatever code it contains. Call nothing here on
a file whose author you do not trust.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stable_baselines3.common.vec_env import VecNormalize

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import named, whole_number
from carousel_envs.foundation.files import check_readable, unreadable
from carousel_envs.registry import any_population, environment_id, played_under

from ..system.interruption import Interrupted
from .algorithms import ALGORITHMS
from .algorithms.record import core_algorithms
from .extract import Provenance, policy_file_of
from .pipeline import Pipeline
from .pipeline_checks import refuse_difference, refuse_other_bounds, refuse_other_memories
from .policy_format import one_line
from .stacking import newest_first
from .view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carousel_envs.registry import AnyPopulation

    from .pipeline import FrameStack
    from .policy_file import PolicyFile

_LARGEST = 2**40
"""Bytes: an archive may hold what a learner remembers of earlier turns."""
_MOST_STEPS = 10**18
# needed only to go on learning: not read, so it need not be readable nor fit into memory
_NOT_FOR_ACTING: dict[str, Any] = {
    "buffer_size": 1,
    "learning_rate": 0.0,
    "lr_schedule": lambda _: 0.0,
    "clip_range": lambda _: 0.2,
    "exploration_schedule": lambda _: 0.0,
}


def import_sb3(
    archive: Path | str,
    population: AnyPopulation | str,
    *,
    algorithm: str,
    view: View | None = None,
    frame_stack: FrameStack | None = None,
    vecnormalize: Path | str | None = None,
    environment: str | None = None,
) -> PolicyFile:
    """The policy of a saved model. Runs whatever code the files contain.

    An archive does not say what stood between the environment and the model; the arguments do. What
    contradicts them is refused: other bounds of observations, last observations that could not have
    been shown so, and any decision in which the policy and the model differ when they are played
    side by side.

    Args:
        archive: the file that the model's `save` wrote (.zip).
        population: the users it was trained on, or questions; or the name of a preset.
        algorithm: a name in `ALGORITHMS`, such as "ppo", of one that needs no extra.
        view: what it was shown: history with the newest observation first, context.
        frame_stack: observations stacked with the newest last (`VecFrameStack`,
            `FrameStackObservation`).
        vecnormalize: the file that the `save` of its `VecNormalize` wrote, if it was trained behind
            one.
        environment: id that the file will name; default: the preset's.

    Raises:
        CarouselError: a file cannot be loaded, the model cannot be written as a policy file, or the
            policy would not be the model's.
    """
    algorithm = named("algorithm", algorithm, core_algorithms())
    if environment is None:
        if not isinstance(population, str):
            raise CarouselError("environment is None; name the id that the file is to bear")
        environment = environment_id(population)
    population = any_population(population)
    environment = played_under(environment, population)
    path = Path(archive)
    model, steps, version = _model(path, algorithm)
    statistics = None if vecnormalize is None else _statistics(Path(vecnormalize))
    # what the files hold may raise anything when it is used, too
    with _loading(path, f"a model of {algorithm}", own=(CarouselError,)):
        pipeline = Pipeline(population, view or View(), frame_stack, statistics)
        provenance = Provenance(
            population=population,
            environment=environment,
            algorithm=algorithm,
            view=pipeline.shown,
            training={"imported": True, "source": path.name, "steps": steps},
            versions={"stable-baselines3": version},
        )
        file = policy_file_of(model, provenance, pipeline.statistics_of_all)
        if frame_stack:
            file = newest_first(file)
        refuse_other_bounds(model, pipeline)
        refuse_other_memories(model, pipeline)
        refuse_difference(model, file, pipeline)
    return file


def _model(path: Path, algorithm: str) -> tuple[Any, int, str]:
    """A model, the steps it was trained for, and the version that wrote it."""
    version = _version(path)
    with _loading(path, f"a model of {algorithm}"), warnings.catch_warnings():
        # about schedules and buffers that could not be restored
        warnings.simplefilter("ignore")
        kind = ALGORITHMS[algorithm].implementation.model
        model = kind.load(path, device="cpu", custom_objects=_NOT_FOR_ACTING)
        steps = whole_number("its num_timesteps", model.num_timesteps, 0, _MOST_STEPS)
    return model, steps, version


def _version(path: Path) -> str:
    """The version that wrote an archive."""
    name = "_stable_baselines3_version"
    try:
        check_readable(path, _LARGEST)
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return one_line(file.read(40).decode(errors="replace"))
    except OSError as error:
        raise unreadable(path, error) from None
    except Exception:  # each way of compressing has errors of its own, without a common base
        raise CarouselError(f"{path} is no archive that Stable-Baselines3 wrote") from None


def _statistics(path: Path) -> VecNormalize:
    """What the `save` of a `VecNormalize` wrote."""
    with _loading(path, "statistics of VecNormalize"):
        check_readable(path, _LARGEST)
        with path.open("rb") as file:
            saved = pickle.load(file)  # noqa: S301 - the caller vouches for it, as for the model
        if not isinstance(saved, VecNormalize):
            raise CarouselError(f"it holds a {type(saved).__name__}, and no VecNormalize")
    return saved


@contextmanager
def _loading(path: Path, what: str, own: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn whatever foreign content raises into a sentence.

    That includes exceptions that end a process: an import that failed must never look like one that
    succeeded.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        raise
    except own:
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
