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
from carousel_envs.compiled.blocks import BLOCK
from carousel_envs.compiled.bound_arrays import bare, opened
from carousel_envs.compiled.compiler import part
from carousel_envs.questions import asking
from carousel_envs.questions import outputs as questions_outputs
from carousel_envs.questions import turn as questions_turn
from carousel_envs.questions.arrays import QuestionArrays
from carousel_envs.registry import any_population, vector_env
from carousel_envs.users import outputs, turn
from common import ENVIRONMENTS, arguments, print_document, row, several_of, tell

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = (2048, 65_536)
SECONDS = 0.01
_U = np.uint64
_njit: Any = numba.njit(nogil=True, error_model="numpy")

Pass = tuple["Callable[..., None]", tuple[Any, ...]]


def blockwise(declared: Any, play: Any) -> Callable[..., None]:
    """A kernel that plays one pass in every block of a batch of whole blocks.

    Args:
        declared: the NamedTuple of the arrays.
        play: the pass, compiled, of the first lane of a block, its state, the arrays, the actions
            and the three outputs.
    """

    @_njit
    def passed(places, actions, first, second, third):  # type: ignore[no-untyped-def]
        arrays = opened(places, declared)
        written = bare(first), bare(second), bare(third)
        for block in range(_U(arrays.state.shape[0])):
            play(block * _U(BLOCK), arrays.state[block], arrays, bare(actions), written)

    return passed  # type: ignore[no-any-return]


@part
def _resolve(at, here, arrays, actions, _):  # type: ignore[no-untyped-def]
    s, settings = arrays.scratch[0], arrays.settings[0]
    turn.resolve_actions(at, _U(BLOCK), here, s, actions, settings.n_personas)
    turn.look_up(at, _U(BLOCK), s, arrays, arrays.satiation_rows, arrays.hook)


@part
def _draw(_, here, arrays, __, ___):  # type: ignore[no-untyped-def]
    turn.draw_words(_U(BLOCK), here, arrays.scratch[0], arrays.hook)


@part
def _react(_, here, arrays, __, ___):  # type: ignore[no-untyped-def]
    turn.react(_U(BLOCK), here, arrays.scratch[0], arrays.satiation_rows)
    turn.say_goodbye(_U(BLOCK), here, arrays.scratch[0], arrays.hook)


@part
def _advance(_, here, arrays, __, ___):  # type: ignore[no-untyped-def]
    settings = arrays.settings[0]
    turn.advance(_U(BLOCK), here, arrays.scratch[0], settings.length, settings.same_step)


@part
def _write(at, here, arrays, _, written):  # type: ignore[no-untyped-def]
    s, settings = arrays.scratch[0], arrays.settings[0]
    outs = outputs.Outputs(*written)
    outputs.write_outputs(at, _U(BLOCK), s, settings, outs, arrays.pays)
    outputs.write_welfare(at, _U(BLOCK), here, s, settings, outs, arrays.welfare_rows)


@part
def _observe(at, here, arrays, _, __):  # type: ignore[no-untyped-def]
    outputs.write_observation(
        at, _U(BLOCK), here, arrays.scratch[0], arrays, arrays.satiation_rows, arrays.hook
    )


OF_USERS = {
    "look up": _resolve,
    "draw": _draw,
    "react": _react,
    "advance": _advance,
    "write outputs": _write,
    "write observation": _observe,
}
"""The passes over users."""


@part
def _read_actions(at, _, arrays, actions, __):  # type: ignore[no-untyped-def]
    questions_turn.read_actions(at, _U(BLOCK), arrays.scratch[0], actions)


@part
def _answer(_, here, arrays, __, ___):  # type: ignore[no-untyped-def]
    questions_turn.answer(_U(BLOCK), here, arrays.scratch[0], arrays.settings[0].lies)


@part
def _advance_questions(_, here, arrays, __, ___):  # type: ignore[no-untyped-def]
    settings = arrays.settings[0]
    questions_turn.advance(_U(BLOCK), here, arrays.scratch[0], settings.length, settings.same_step)


@part
def _write_answer(at, here, arrays, _, written):  # type: ignore[no-untyped-def]
    questions_outputs.write_outputs(
        at,
        _U(BLOCK),
        here,
        arrays.scratch[0],
        arrays.settings[0].first_year,
        questions_outputs.Outputs(*written),
    )


@part
def _ask(_, here, arrays, __, ___):  # type: ignore[no-untyped-def]
    asking.ask(_U(BLOCK), here, arrays.scratch[0], arrays)


@part
def _observe_question(at, here, arrays, _, __):  # type: ignore[no-untyped-def]
    questions_outputs.write_observation(at, _U(BLOCK), here, arrays.scratch[0], arrays)


OF_QUESTIONS = {
    "look up": _read_actions,
    "react": _answer,
    "advance": _advance_questions,
    "write outputs": _write_answer,
    "draw": _ask,
    "write observation": _observe_question,
}
"""The passes over questions."""


def passes_of(env: Any, actions: Any, outs: Any) -> dict[str, Pass]:
    """The passes of an environment's step, and what each takes."""
    found = OF_QUESTIONS if type(env._arrays) is QuestionArrays else OF_USERS
    given = (env._bound.places, actions, *outs)
    return {name: (blockwise(type(env._arrays), play), given) for name, play in found.items()}


def measure(name: str, lanes: int, blocks: int) -> list[dict[str, Any]]:
    """Rows of an environment at one batch."""
    env: Any = vector_env(any_population(name), lanes, copy=False)
    env.reset(seed=0)
    draw, k = np.random.default_rng(0), env.single_action_space.n
    outs = env._outputs()
    random = draw.integers(k, size=(16, lanes))
    same = np.zeros((16, lanes), dtype=np.int64)

    def step(picks: Any) -> int:
        for actions in picks:
            env._turn(actions, outs)
        return len(picks) * lanes

    step(random)
    passes = passes_of(env, random[0], outs)
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
