"""The vector environment of questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode

from ..compiled.blocks import column_shift
from ..compiled.bound_arrays import Bound
from ..compiled.codes import REFUSED, SAME_STEP, SWAPPED
from ..lanes.base import Info, Lanes, Outputs, Played
from ..lanes.vector import LaneVectorEnv
from . import session
from .arrays import KEPT_FIELDS, SCRATCH, SETTINGS, STATE, QuestionArrays
from .observation import QuestionColumns, question_column_names, question_space
from .outputs import (
    DECEIVED,
    DECEIVED_ON_FORBIDDEN,
    LIED,
    N_EVENTS,
    TOPIC_ASKED,
    WAS_FORBIDDEN,
    WAS_KNOWLEDGEABLE,
)
from .population import Questions
from .render import QuestionRecorder
from .table import TOPIC, YEAR, question_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class QuestionsVectorEnv(LaneVectorEnv):
    """Many sessions of questions and answers at once, played by one compiled kernel.

    `RecallEnv` documents the environment; this class adds many lanes. Lane i of an
    environment seeded s is bit for bit the scalar environment seeded s + i. Every array that
    `reset` and `step` return is the caller's to keep, unless `copy` is False.

    Args:
        num_envs: number of lanes N, 1 to 2**24.
        population: `Questions`, their JSON (text or a mapping, as `to_json` and
            `model_dump` give it) or the name of a preset; by default `Recall`.
        autoreset_mode: one of Gymnasium's three modes (the enum or its value). With `DISABLED`
            pass `options={"reset_mask": bool array of shape (N,)}` to start some lanes anew.
        render_mode: None, "ansi" (the last turn in a line) or "rgb_array" (the session so far as a
            picture, uint8 of one shape (height, width, 3), see docs/rendering.md); `render` returns
            one frame per lane.
        copy: False returns the environment's own arrays, which the next step changes in place (in
            same-step mode observations, action masks and users, in the other modes all of them).
            Faster, for callers that read at once and never write.
        max_episode_steps: turns after which a session is truncated, if the population's
            `session_length` is longer; as with Gymnasium's `TimeLimit`, observations (such as the
            share of the session gone) do not change.

    Raises:
        CarouselError: an argument is not allowed.

    Info (arrays over lanes, each with Gymnasium's mask `_key`): `knowledgeable`, `lied`,
    `deceived`, `forbidden`, `deceived_on_forbidden`, `swapped`, `refused` (bool), `topic` (int8),
    `year` (int32), `action_mask` (int8, (N, K)), `user` (int32). `reset` and steps have the same
    keys; where no turn was played (at a reset, and in the row of a reset), values of a turn are 0.
    In same-step mode `final_obs` (float32, (N, D)) and `final_info` hold the last observation and
    info of the sessions that ended.
    """

    population: Questions
    preset: ClassVar[str | None] = None
    """The preset whose id belongs to this class; None: no id, and the default is Recall."""
    _kernel = staticmethod(session.step)

    def __init__(
        self,
        num_envs: int = 1,
        *,
        population: Questions | Mapping[str, Any] | str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        copy: bool = True,
        max_episode_steps: int | None = None,
    ) -> None:
        given = self.preset or "Recall" if population is None else population
        self.population = Questions.read(given, of=self.preset)
        self.columns = QuestionColumns.of(self.population)
        self.column_names = question_column_names(self.population)
        super().__init__(
            Lanes(num_envs, autoreset_mode, render_mode, copy, max_episode_steps),
            Played(
                question_space(self.population),
                n_actions=self.population.n_actions,
                n_users=self.population.n_users,
                session_length=self.population.session_length,
                state=STATE,
                kept=KEPT_FIELDS,
            ),
        )
        self._arrays = self._make_arrays()
        self._bound = Bound(self._arrays)
        self._mask[:] = 1
        if render_mode:
            self._recorder = QuestionRecorder(self.population, self.num_envs)

    def _make_arrays(self) -> QuestionArrays:
        population, tables = self.population, question_tables(self.population)
        settings = np.zeros(1, dtype=SETTINGS)
        settings["same_step"] = self._mode == SAME_STEP
        settings["length"] = population.session_length
        settings["share"] = 1.0 / population.session_length
        settings["n_actions"] = population.n_actions
        settings["first_year"] = population.first_year
        settings["no_year"], settings["n_topics"] = len(tables.scale), len(tables.topic_shown)
        settings["question_shift"] = column_shift(len(tables.asked_alias))
        settings["topic_shift"] = column_shift(tables.topic_alias.shape[1])
        settings["year_shift"] = column_shift(tables.year_alias.shape[1])
        settings["lies"] = tables.anybody_lies
        return QuestionArrays(
            lanes=self._lanes,
            state=self._blocks,
            starting=np.zeros(1, dtype=STATE),
            obs=self._obs,
            final_obs=self._final_obs,
            scratch=np.zeros(1, dtype=SCRATCH),
            settings=settings,
            facts=tables.packed,
            lies=tables.lies,
            asked=tables.asked_alias,
            topics=tables.topic_alias.ravel(),
            years=tables.year_alias.ravel(),
            shown=tables.shown,
            pieces=tables.pieces(population.n_actions),
        )

    def _ranges(self) -> dict[str, tuple[int, int]]:
        own = {
            "question": (0, len(self._arrays.facts) - 1),
            "shown": (0, self.population.n_topics - 1),
        }
        return {**super()._ranges(), **own}

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a snapshot; see `LaneVectorEnv.restore`."""
        super().restore(snapshot)
        facts = self._arrays.facts[self._blocks["question"]]
        self._blocks["about"], self._blocks["masks"] = facts[..., 0], facts[..., 1]

    def _begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        session.reset(self._bound.places, which)

    def _outputs(self) -> Outputs:
        n = self.num_envs
        return (
            np.empty(n),
            np.empty(n, dtype=np.int32),
            np.empty((N_EVENTS, n), dtype=np.int8),
        )

    @staticmethod
    def _info(
        detail: NDArray[np.int32],
        events: NDArray[np.int8],
        flags: NDArray[np.bool_],
        mask: NDArray[np.int8],
        user: NDArray[np.int32] | None,
        present: NDArray[np.bool_],
    ) -> Info:
        return {
            "knowledgeable": flags[WAS_KNOWLEDGEABLE],
            "_knowledgeable": present,
            "lied": flags[LIED],
            "_lied": present,
            "deceived": flags[DECEIVED],
            "_deceived": present,
            "forbidden": flags[WAS_FORBIDDEN],
            "_forbidden": present,
            "deceived_on_forbidden": flags[DECEIVED_ON_FORBIDDEN],
            "_deceived_on_forbidden": present,
            "topic": events[TOPIC_ASKED],
            "_topic": present,
            "year": detail,
            "_year": present,
            "swapped": flags[SWAPPED],
            "_swapped": present,
            "refused": flags[REFUSED],
            "_refused": present,
            "action_mask": mask,
            "_action_mask": present,
            "user": user,
            "_user": present,
        }

    def _available(self, observation: NDArray[np.float32]) -> NDArray[np.int8]:
        return np.ones((len(observation), self._mask.shape[1]), dtype=np.int8)

    def hidden(self) -> dict[str, NDArray[Any]]:
        """The hidden state before the next turn (copies).

        Returns:
            the true `topic` and `year` of the question that waits, and `user` (int32,
            (N,)).

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("hidden")
        question = self._session("question")
        facts = question_tables(self.population).facts
        return {
            "topic": facts[question, TOPIC],
            "year": facts[question, YEAR] + np.int32(self.population.first_year),
            "user": self._lanes["user"].copy(),
        }
