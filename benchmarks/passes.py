"""Where a step's time goes: each pass of the kernels alone, in nanoseconds a lane, in turns.

Passes are called as the kernel calls them, block by block, on the arrays of a running environment,
at one batch that fits the nearest caches and one that does not. What is left of the whole step are
beginnings and ends of sessions. The whole is also timed with the same pick every turn instead of
random ones: what is saved are swaps, and branches that nobody can foresee.

    python benchmarks/passes.py [--env ENV]... [--lanes N]... [--blocks N]

prints one JSON document: a row per environment, batch and pass.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from carousel_agents.benchmark.timing import Spread, in_turns, rate
from carousel_envs.compiled.blocks import BLOCK, column_shift
from carousel_envs.questions import session as recall_session
from carousel_envs.registry import any_population, vector_env
from carousel_envs.users import turn
from common import ENVIRONMENTS, arguments, print_document, row, several_of, tell

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = (2048, 65_536)
SECONDS = 0.01
_U, _I = np.uint64, np.int32
_njit: Any = numba.njit(nogil=True, error_model="numpy")

Pass = tuple["Callable[..., None]", tuple[Any, ...]]


@_njit
def _look_up(n, blocks, actions, satiation, lane_rows, gains, hook, welfare, personas, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        turn.look_up(
            at, _U(BLOCK), blocks[at // _U(BLOCK)], actions, satiation, lane_rows, gains, hook,
            welfare, personas, scratch[0],
        )  # fmt: skip


@_njit
def _draw(n, blocks, hook, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        turn.draw(_U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], hook)


@_njit
def _react(n, blocks, gains, hook, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        turn.react(_U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], gains)
        if hook is not None:
            turn.part(_U(BLOCK), blocks[at // _U(BLOCK)], scratch[0])


@_njit
def _go_on(n, blocks, length, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        turn.go_on(_U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], length, _I(0))


@_njit
def _report(n, personas, hook, welfare, scratch, reward, detail, events):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        turn.report(
            at, _U(BLOCK), scratch[0], 0.1, False, personas, 0.1, hook, welfare, reward, detail,
            events,
        )  # fmt: skip


@_njit
def _show(  # type: ignore[no-untyped-def]
    n, blocks, alias, shown, shift, columns, k, farewell, gains, satiation, hook, obs, scratch
):
    for at in range(_U(0), n, _U(BLOCK)):
        turn.show(
            at, _U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], alias, shown, np.float32(0.025),
            shift, columns, k, farewell, gains, satiation, hook, obs,
        )  # fmt: skip


def of_users(env: Any, actions: Any, outputs: Any) -> dict[str, Pass]:
    """The passes over users, and what each takes."""
    _, blocks, lane_rows, gains, satiation, obs, _, _, scratch = env._sessions
    _, _, _, _, alias, shown, hook, welfare, _ = env._tables
    n, k = _U(env.num_envs), _U(env.single_action_space.n)
    personas = _U(len(env.population.personas))
    farewell = _U(env.columns.farewell or 0)
    columns, length = _I(len(alias) // 2), _I(env.population.session_length)
    shift = column_shift(columns)
    looking = (n, blocks, actions, satiation, lane_rows, gains, hook, welfare, personas, scratch)
    showing = (alias, shown, shift, columns, k, farewell, gains, satiation, hook, obs, scratch)
    return {
        "look up": (_look_up, looking),
        "draw": (_draw, (n, blocks, hook, scratch)),
        "react": (_react, (n, blocks, gains, hook, scratch)),
        "go on": (_go_on, (n, blocks, length, scratch)),
        "report": (_report, (n, personas, hook, welfare, scratch, *outputs)),
        "show": (_show, (n, blocks, *showing)),
    }


@_njit
def _take_picks(n, actions, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        recall_session._take(at, _U(BLOCK), actions, scratch[0])


@_njit
def _answer(n, blocks, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        recall_session._answer(_U(BLOCK), blocks[at // _U(BLOCK)], scratch[0])


@_njit
def _go_on_asking(n, blocks, length, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        recall_session._go_on(_U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], length, _I(0))


@_njit
def _ask(n, blocks, facts, asked, topics, years, blank, shifts, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        recall_session._ask(
            _U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], facts, asked, topics, years, blank,
            shifts,
        )  # fmt: skip


@_njit
def _report_answer(n, blocks, scratch, reward, year, events):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        recall_session._report(
            at, _U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], _I(2000), reward, year, events
        )  # fmt: skip


@_njit
def _show_question(n, blocks, pieces, obs, scratch):  # type: ignore[no-untyped-def]
    for at in range(_U(0), n, _U(BLOCK)):
        recall_session._show_pieces(
            at, _U(BLOCK), blocks[at // _U(BLOCK)], scratch[0], np.float32(0.05), pieces, obs
        )  # fmt: skip


def of_questions(env: Any, actions: Any, outputs: Any) -> dict[str, Pass]:
    """The passes over questions, and what each takes."""
    _, blocks, obs, _, scratch = env._sessions
    facts, asked, topics, years, _, pieces = env._tables
    n, length = _U(env.num_envs), _I(env.population.session_length)
    shifts = recall_session._shifts(asked, topics, years)
    tables = (facts, asked, topics.ravel(), years.ravel(), _I(len(years)), shifts)
    return {
        "look up": (_take_picks, (n, actions, scratch)),
        "react": (_answer, (n, blocks, scratch)),
        "go on": (_go_on_asking, (n, blocks, length, scratch)),
        "report": (_report_answer, (n, blocks, scratch, *outputs)),
        "draw": (_ask, (n, blocks, *tables, scratch)),
        "show": (_show_question, (n, blocks, pieces, obs, scratch)),
    }


def measure(name: str, lanes: int, blocks: int) -> list[dict[str, Any]]:
    """Rows of an environment at one batch."""
    env: Any = vector_env(any_population(name), lanes, copy=False)
    env.reset(seed=0)
    draw, k = np.random.default_rng(0), env.single_action_space.n
    outputs = env._outputs()
    random = draw.integers(k, size=(16, lanes))
    same = np.zeros((16, lanes), dtype=np.int64)

    def step(picks: Any) -> int:
        for actions in picks:
            env._turn(actions, outputs)
        return len(picks) * lanes

    step(random)
    passes = (of_questions if name == "Recall" else of_users)(env, random[0], outputs)
    state = env.snapshot()

    def alone(function: Callable[..., None], given: tuple[Any, ...]) -> int:
        for _ in range(16):
            function(*given)
        return 16 * lanes

    def timed(play: Callable[[], int]) -> Callable[[], float]:
        # every block from the same state: a pass alone leaves lanes as no step would
        def block() -> float:
            env.restore(state)
            return rate(play, SECONDS)

        return block

    contestants = {"step": timed(partial(step, random)), "same picks": timed(partial(step, same))}
    for one, (function, given) in passes.items():
        env.restore(state)
        function(*given)
        contestants[one] = timed(partial(alone, function, given))
    env.restore(state)
    tell(f"{name}, {lanes} lanes")
    rates = in_turns(contestants, blocks)
    cost = {one: [1e9 / x for x in found] for one, found in rates.items()}
    rows = [
        row(f"{name}: {one}", Spread.of(found), "ns", environment=name, lanes=lanes)
        for one, found in cost.items()
    ]
    for other in rows[1:]:
        other["of_step"] = other["measured"] / rows[0]["measured"]
    return rows


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=15)
    several_of(parser, "--env", ENVIRONMENTS)
    several_of(parser, "--lanes", BATCHES)
    asked = parser.parse_args(given)
    rows: list[dict[str, Any]] = []
    for name in asked.env or ENVIRONMENTS:
        for lanes in asked.lanes or BATCHES:
            rows += measure(name, lanes, asked.blocks)
    print_document("nanoseconds a lane of each pass of a step", rows)


if __name__ == "__main__":
    main()
