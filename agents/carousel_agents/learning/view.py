"""What a learned router sees: the environment's own columns, and on request more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, truth_value, whole_number
from carousel_envs.registry import columns_of, users_of, vector_env
from carousel_envs.spec import model_of
from carousel_envs.wrappers import History, VisibleContext
from carousel_envs.wrappers.forms import names_of, single_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

MAX_HISTORY = 64
_SAMPLE = 4096
_COUNT = "turns_with_persona"
_CONSTANT = 1e-6
_LISTED = 8


@dataclass(frozen=True)
class View:
    """What is shown to a network.

    Attributes:
        history: observations shown side by side, the present one first; 1 is the present alone.
        visible_context: whether the row of the user table is shown too (`VisibleContext`).

    Raises:
        CarouselError: history is no whole number from 1 to 64.
    """

    history: int = 1
    visible_context: bool = False

    def __post_init__(self) -> None:
        whole_number("history", self.history, 1, MAX_HISTORY)
        truth_value("visible_context", self.visible_context)

    def named(self, algorithm: str, label: str = "") -> str:
        """Algorithm, label and view in one word, such as `ppo-history8-context`."""
        parts = (
            algorithm,
            label,
            f"history{self.history}" if self.history > 1 else "",
            "context" if self.visible_context else "",
        )
        return "-".join(part for part in parts if part)

    def wrap(self, env: Any) -> Any:
        """The environment, scalar or vector, as the network sees it.

        Raises:
            CarouselError: there is no context to be shown.
        """
        if self.visible_context:
            env = VisibleContext(env)
        return History(env, self.history) if self.history > 1 else env

    def document(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {"history": self.history, "visible_context": self.visible_context}

    def refuse_unfit(self, width: int) -> None:
        """Refuse a number of columns that this view cannot show; a plain view shows any.

        Raises:
            CarouselError: it cannot.
        """

    def columns(self, population: AnyPopulation) -> tuple[str, ...]:
        """Names of the columns that the network reads, in order."""
        return names_of(self.wrap(vector_env(population, 1)))


@dataclass(frozen=True, eq=False)
class Scaling:
    """How columns are brought to the same size before a network reads them.

    A column x enters as (x - centre) / scale; a counting column as (log(1 + x) - centre) / scale,
    because the first turns with a persona differ more from one another than the 20th from the
    21st.

    Attributes:
        counts: indices of the counting columns.
        centre, scale: float32, shape (D,).
    """

    counts: tuple[int, ...]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def of(
        cls, population: AnyPopulation, view: View, others: Sequence[AnyPopulation] = ()
    ) -> Scaling:
        """The scaling for the users of a population, and of others that are trained on, too.

        The environment's own columns go by their bounds, to [-1, 1]. What is shown of the user's
        context goes by mean and standard deviation over all these users: its bounds hold
        whatever any population may be, and would squeeze all differences into a hair's breadth.
        """
        env = view.wrap(vector_env(population, 1))
        names, space = names_of(env), single_space(env)
        counts = tuple(i for i, name in enumerate(names) if name.startswith(_COUNT))
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        for bound in (low, high):
            bound[list(counts)] = np.log1p(bound[list(counts)])
        centre, scale = (low + high) / 2, np.maximum((high - low) / 2, _CONSTANT)
        if view.visible_context:
            own = len(columns_of(population))
            shown = len(names) // view.history
            context = np.concatenate(
                [_first(each, view)[:, own:shown] for each in (population, *others)]
            )
            mean, deviation = context.mean(axis=0), context.std(axis=0)
            deviation[deviation < _CONSTANT] = 1.0
            for start in range(own, len(names), shown):
                centre[start : start + len(mean)] = mean
                scale[start : start + len(mean)] = deviation
        return cls(counts, centre.astype(np.float32), scale.astype(np.float32))


def _first(population: AnyPopulation, view: View) -> NDArray[np.float64]:
    """What is shown of each user, or of as many as are looked at, before the first turn."""
    users = min(population.n_users, _SAMPLE)
    env = view.wrap(vector_env(population, users))
    observation, _ = env.reset(seed=0, options={"user": np.arange(users)})
    return np.asarray(observation, dtype=np.float64)


def refuse_unless_shown(population: AnyPopulation, view: View) -> None:
    """Refuse a view that this population does not offer.

    Raises:
        CarouselError: the context of questions is asked for.
    """
    if view.visible_context and not model_of(population).has_users:
        raise CarouselError(
            "there is no context to be shown: only environments with users who have moods show one"
        )


def refuse_other_columns(router: str, view: View, known: AnyPopulation, met: AnyPopulation) -> None:
    """Refuse a population whose columns differ from those that a network was trained on, by place;
    the personas in the slots may be others.

    Args:
        router: its name.
        view: what it is shown of both populations.
        known: the users it was trained on, or questions.
        met: the users it is to play with, or questions.

    Raises:
        CarouselError: the columns differ, or the view does not fit `met`.
    """
    columns = view.columns(known)
    if (
        model_of(met) is model_of(known)
        and model_of(met).has_users
        and len(met.personas) == len(known.personas)
    ):
        own = users_of(known, "").own_personas
        met = met.replace(personas=known.personas, own_personas=own)
    seen = view.columns(met)
    if seen != columns:
        unknown = [name for name in seen if name not in columns]
        missing = [name for name in columns if name not in seen]
        differs = [f"it knows nothing of {_listed(unknown)}"] if unknown else []
        differs += [f"it needs {_listed(missing)}"] if missing else []
        raise CarouselError(
            f"router {router!r} was trained on other columns: "
            f"{' and '.join(differs) or 'they stand in another order'}"
        )


def _listed(names: list[str]) -> str:
    # names come from an untrusted file, or from questions about anything
    first = [name if name.isprintable() else shown(name) for name in names[:_LISTED]]
    return ", ".join(first) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
