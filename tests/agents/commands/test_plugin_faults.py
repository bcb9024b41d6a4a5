"""What is said when something in a plugin is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from carousel_agents import evaluate
from carousel_agents.learning.algorithms import ALGORITHMS, Algorithm
from carousel_agents.router import RouterSpec, make, register
from carousel_agents.router.registered import ROUTERS
from carousel_envs import BasePopulation, CarouselError, Population
from carousel_envs.foundation import plugins
from carousel_envs.foundation.errors import UsageError
from carousel_envs.foundation.plugin_faults import place_of_fault
from carousel_envs.lanes.numpy_env import NumpyEnv, NumpyVectorEnv
from carousel_envs.metrics import METRICS, Metric
from carousel_envs.shifts import Shift
from support.command_line import carousel

ROUTERS_OF_OTHERS = """
import numpy as np

class Staying:
    def initial_state(self, lanes, seed):
        return None
    def act(self, observation, state):
        return np.zeros(len(observation), dtype=np.int64), state

class Failing(Staying):
    def act(self, observation, state):
        {fault}

class WithoutState:
    act = Staying.act

class OneArgument(Staying):
    def initial_state(self, lanes):
        return None

class TwoParts(Staying):
    def __init__(self, one, other):
        pass
"""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv(plugins.VARIABLE, "")
    monkeypatch.setattr(plugins, "_MODULES", set())
    known = dict(sys.modules)
    yield
    for name in sys.modules.keys() - known.keys():
        if name.startswith("plugin_"):
            del sys.modules[name]


def written(folder, name, fault="raise KeyError('mine')"):
    path = folder / f"plugin_{name}.py"
    path.write_text(ROUTERS_OF_OTHERS.format(fault=fault))
    return path


@pytest.mark.parametrize(
    ("name", "fault", "said"),
    [
        ("key", "raise KeyError('mine')", "KeyError: 'mine'"),
        ("index", "return [][1], state", "IndexError: list index out of range"),
        ("system", "open('/not/there')", "FileNotFoundError: "),
        ("call", "return np.zeros(-1), state", "ValueError: negative dimensions"),
    ],
)
def test_an_exception_in_a_plugin_ends_with_its_place(tmp_path, name, fault, said):
    path = written(tmp_path, name, fault)
    ran = carousel("evaluate", f"{path}:Failing", "Boredom", "--users", "10")
    line = path.read_text().splitlines().index(f"        {fault}") + 1
    assert ran.returncode == 1
    assert ran.stderr.startswith("Traceback")
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"carousel: a plugin failed: {path}, line {line}, in act: {said}")


def test_an_exception_in_a_worker_process_ends_with_its_place(tmp_path):
    path = written(tmp_path, "worker")
    ran = carousel(
        *("generalise", f"{path}:Failing", "uniform", "Boredom", "--users", "10"),
        *("--axis", "hazard", "--workers", "2", "--out", str(tmp_path / "study")),
    )
    assert ran.returncode == 1
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"carousel: a plugin failed: {path}, line 12, in act: KeyError: 'mine'")


def test_a_fault_of_our_own_is_no_plugins():
    with pytest.raises(CarouselError) as caught:
        evaluate(None, "Boredom")  # type: ignore[arg-type]
    assert not place_of_fault(caught.value)


@pytest.mark.parametrize(
    ("router", "said"),
    [
        (
            "WithoutState",
            "has no method 'initial_state'; a router needs initial_state(lanes, seed)",
        ),
        ("OneArgument", "takes (lanes); it must take (lanes, seed)"),
        ("TwoParts", "is made with (one, other); it must take nothing else than the population"),
        ("Nobody", "has no 'Nobody'"),
    ],
)
def test_what_is_no_router_is_one_sentence(tmp_path, router, said):
    path = written(tmp_path, "none")
    ran = carousel("evaluate", f"{path}:{router}", "Boredom", "--users", "10")
    assert ran.returncode in (1, 2)
    assert len(ran.stderr.splitlines()) == 1
    assert said in ran.stderr


def test_a_file_that_is_not_there_is_named():
    ran = carousel("evaluate", "not_there.py:Router", "Boredom")
    assert ran.returncode == 2
    assert "the file 'not_there.py' does not exist" in ran.stderr


def test_an_argument_that_a_router_cannot_read_is_usage(monkeypatch):
    monkeypatch.setattr(ROUTERS, "_records", dict(ROUTERS))
    monkeypatch.setattr(ROUTERS, "_origin", dict(ROUTERS._origin))
    register(RouterSpec("counting", "counts", lambda p, n: int(n), takes="how many"))
    with pytest.raises(UsageError, match=r"argument of router 'counting' is 'lots'; it takes how"):
        make("counting:lots", "Boredom")


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "zzz", "Boredom"),
        ("evaluate", "uniform", "Zzz"),
        ("evaluate", "zzz:Zzz", "Boredom"),
        ("evaluate", "uniform", "Boredom", "--shift", "zzz=1"),
        ("train", "Boredom", "--algo", "zzz", "--out", "zzz.safetensors"),
    ],
)
def test_a_name_that_resembles_none_may_be_a_plugins(command):
    ran = carousel(*command)
    assert ran.returncode == 2
    assert "--plugin" in ran.stderr


def test_a_name_that_resembles_one_is_corrected_alone():
    ran = carousel("evaluate", "optimul", "Boredom")
    assert "did you mean optimal?" in ran.stderr
    assert "--plugin" not in ran.stderr


def test_a_plugins_metric_that_these_users_lack_is_reported(tmp_path, monkeypatch):
    for kept in ("_records", "_origin"):
        monkeypatch.setattr(METRICS, kept, dict(getattr(METRICS, kept)))
    path = tmp_path / "plugin_lacking.py"
    path.write_text(
        "from carousel_envs.metrics import Metric, register\n"
        "register(Metric('changes', 'mean changes', 'swaped'))\n"
        "register(Metric('nothing', 'mean nothing', lambda turn: None))\n"
    )
    ran = carousel("--plugin", str(path), "evaluate", "uniform", "Boredom", "--users", "10")
    assert ran.returncode == 0, ran.stderr
    assert "no changes: the environment's info has no 'swaped'" in ran.stdout + ran.stderr
    assert "no nothing: it returns None for the first turn" in ran.stdout + ran.stderr
    assert str(path) in os.environ[plugins.VARIABLE]


def shift(**changed):
    fields = {
        "name": "mine",
        "kind": "mechanism",
        "moves": ("boredom_hazard",),
        "description": "more of it",
        "change": lambda population, severity: population.replace(boredom_hazard=severity),
    }
    return Shift(**{**fields, **changed})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "Mine=1"}, "name of a shift is 'Mine=1'; it must be lower-case letters"),
        ({"kind": "magic"}, "shift 'mine': kind is 'magic'; it must be 'covariate'"),
        ({"regime": "far"}, "shift 'mine': regime is 'far'"),
        (
            {"moves": "boredom_hazard"},
            "shift 'mine': moves is 'boredom_hazard'; it must be a tuple",
        ),
        ({"moves": ()}, "moves is ()"),
        ({"change": 3}, "shift 'mine': change is 3; it must be a function"),
    ],
)
def test_a_shift_of_another_form_is_refused(changed, said):
    with pytest.raises(CarouselError) as caught:
        shift(**changed)
    assert said in str(caught.value)


def test_a_shift_that_makes_no_population_is_named():
    users = Population.preset("Boredom")
    beyond = shift(change=lambda population, severity: population.replace(boredom_hazard=9.0))
    with pytest.raises(CarouselError, match=r"^shift 'mine' at severity 1: boredom_hazard is 9.0"):
        beyond.apply(users, 0.5)
    with pytest.raises(CarouselError, match=r"^shift 'mine' makes None of a Population"):
        shift(change=lambda population, severity: None).apply(users, 0.5)


def test_a_shift_moves_what_it_says_it_moves():
    users = Population.preset("Boredom")
    with pytest.raises(CarouselError, match=r"moves 'leave_board', which is no field of Populat"):
        shift(moves=("leave_board",)).apply(users, 0.5)
    with pytest.raises(CarouselError, match=r"changes 'boredom_hazard', which is not among what"):
        shift(moves=("swap_cost",)).apply(users, 0.5)


class Complete(NumpyVectorEnv):
    population_type = Population
    own_columns = make_state = begin = turn = observe = lambda self, *_: None


class Whole(NumpyEnv):
    vector = Complete


class Partial(NumpyEnv):
    vector = NumpyVectorEnv


class Counting:
    def start(self, lanes):
        return lanes

    def turn(self, state, turn):
        return state


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: shift(change=lambda population: population), "shift 'mine': change takes (pop"),
        (lambda: shift(reason=lambda: ""), "shift 'mine': reason takes (); it must take"),
        (lambda: Metric("mine", "x", memory=Counting()), "total of memory is None; it must be a"),
        (lambda: Metric("mine", "x", memory=Counting), "memory is the class Counting; it must"),
        (lambda: Metric("mine", "x", lambda: 0), "metric 'mine': source takes (); it must take"),
        (lambda: RouterSpec("mine", "x", lambda: 0), "router 'mine': build takes (); it must"),
        (lambda: RouterSpec("mine", "x", 3), "router 'mine': build is 3; it must be a function"),
        (lambda: RouterSpec("mine", "x", lambda p: 0, takes="n"), "must take (population, arg"),
        (lambda: RouterSpec("Mine", "x", lambda p: 0), "name of a router is 'Mine'; it must be"),
        (lambda: RouterSpec("frozen-x", "x", lambda p: 0), "and not begin with 'frozen-'"),
        (lambda: Algorithm("mine", ALGORITHMS["ppo"].preset, lambda x: 0), "load takes (x)"),
        (lambda: Partial.model(), "NumpyVectorEnv has no method 'begin'"),
        (lambda: Whole.model(best_known=lambda: 0), "best_known takes (); it must take"),
        (lambda: Whole.model(shifts={}), "shifts is {}; it must be a function of ()"),
    ],
)
def test_a_record_of_another_form_is_refused(made, said):
    with pytest.raises(CarouselError) as caught:
        made()
    assert said in str(caught.value)


def test_what_builds_no_router_is_named(monkeypatch):
    monkeypatch.setattr(ROUTERS, "_records", dict(ROUTERS))
    monkeypatch.setattr(ROUTERS, "_origin", dict(ROUTERS._origin))
    register(RouterSpec("nothing", "builds nothing", lambda population: None))
    with pytest.raises(CarouselError, match=r"router 'nothing' has no method 'initial_state'"):
        make("nothing", "Boredom")


def test_who_takes_one_of_our_names_is_refused(tmp_path):
    path = tmp_path / "plugin_clash.py"
    path.write_text(
        "from carousel_agents import RouterSpec, register_router\n"
        "register_router(RouterSpec('loop', 'mine', lambda population: None))\n"
    )
    command = [sys.executable, "-m", "carousel_agents", "--plugin", str(path), "envs"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 1
    assert "is registered by carousel_agents.scripted.loop already; plugin_clash mus" in ran.stderr


class Pair(BasePopulation):
    """Users of nobody in particular."""

    texts = ("personas",)
    personas: tuple[str, ...] = ("ann", "bob")
    session_length: int = 5


def test_a_persona_appears_once_in_every_population():
    with pytest.raises(CarouselError, match="repeats a name; each may appear once"):
        Pair(personas=("ann", "ann"))
