"""Budgets: a preset scales with its steps, and too few of them are said to be too few."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carousel_agents.benchmark.fill import Filling, fill
from carousel_agents.benchmark.grid import Grid
from carousel_agents.commands import grids, learn
from carousel_agents.commands.app import app
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.settings import preset, settings_of, shortfall
from carousel_agents.learning.spaces import as_parameters, as_settings, space_of
from carousel_agents.learning.train import Run
from carousel_envs import Population
from support import stand_in


@pytest.mark.parametrize("algorithm", core_algorithms())
def test_a_preset_with_its_own_steps_is_the_preset(algorithm: str):
    known = preset(algorithm)
    assert settings_of(algorithm, {"steps": known.steps}) == known
    assert shortfall(algorithm, known.steps) is shortfall(algorithm, None) is None
    # what the kept grids ask for
    for steps in (1_000_000, 2_000_000):
        assert settings_of(algorithm, {"steps": steps}) == known.replace(steps=steps)


def test_fewer_steps_leave_as_many_updates():
    for steps in (150_000, 300_000, 600_000):
        chosen = settings_of("ppo", {"steps": steps})
        updates = steps / (chosen.lanes * chosen.n_steps)
        assert updates == pytest.approx(1_000_000 / (256 * 40), rel=0.02)
        # minibatches of one size, as many as the preset's
        assert chosen.lanes * chosen.n_steps == 10 * chosen.batch_size
    assert settings_of("ppo", {"steps": 100}).lanes == 32


def test_what_is_given_is_not_scaled():
    assert settings_of("ppo", {"steps": 1000, "lanes": 300}).batch_size == 1024
    assert settings_of("ppo", {"steps": 1000, "batch_size": 80}).lanes == 256
    assert settings_of("ppo", {"steps": 100_000, "gamma": 0.5}).lanes == 32


@pytest.mark.parametrize("algorithm", core_algorithms())
def test_a_search_has_the_scaled_preset_among_its_trials(algorithm: str):
    known = settings_of(algorithm, {"steps": 100_000})
    parameters = as_parameters(algorithm, known.model_dump())
    assert (
        parameters.keys()
        == ALGORITHMS[algorithm].space.keys()
        == space_of(algorithm, known.model_dump()).keys()
    )
    assert settings_of(algorithm, {**as_settings(parameters), "steps": 100_000}) == known


SENTENCE = "on Boredom, ppo needs 100000 with most seeds"
SMALL = ("--steps", "1500", "--setting", "lanes=16", "--setting", "batch_size=80")


def carousel(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.mark.slow
def test_training_says_that_steps_are_too_few(tmp_path: Path):
    done = carousel("train", "Boredom", *SMALL, "--out", tmp_path / "p.safetensors")
    assert f"steps is 1500; {SENTENCE}" in done.stderr
    done = carousel("train", "Boredom", *SMALL, "--out", tmp_path / "q.safetensors", "--json")
    assert json.loads(done.stdout)


def test_a_search_says_that_steps_are_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Searched(Exception):  # noqa: N818
        pass

    def search(*_: object, **__: object) -> None:
        raise Searched

    monkeypatch.setattr("carousel_agents.learning.tune.tune", search)
    for steps, told in (("1500", 1), ("100000", 0)):
        out = CliRunner().invoke(
            app, ["tune", "Boredom", "--steps", steps, "--out", str(tmp_path / "t.toml")]
        )
        assert isinstance(out.exception, Searched)
        assert out.stderr.count(SENTENCE) == told


GRID = """
[evaluation]
users = 50
[[row]]
environments = ["Boredom"]
algorithms = ["ppo"]
seeds = 3
steps = 1_500
[[row]]
environments = ["Boredom"]
algorithms = ["ppo"]
seeds = 1
steps = 100_000
history = 2
"""


def test_a_grid_says_it_once_and_its_table_marks_whom_it_concerns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "g.toml").write_text(GRID)

    def quick(runs, out, how):
        from support.filled import here

        return fill(runs, out, Filling(execute=stand_in.execute, engine=here))

    monkeypatch.setattr(grids, "fill", quick)
    done = carousel("grid", tmp_path / "g.toml", "--out", tmp_path / "runs")
    assert done.exit_code == 0
    assert done.stderr.count(SENTENCE) == 1
    assert f"Boredom/ppo: steps is 1500; {SENTENCE}" in done.stderr
    assert len(Grid.read(tmp_path / "g.toml").runs()) == 4
    for option in ((), ("--markdown",)):
        shown = carousel("table", tmp_path / "runs", *option).stdout.replace("`", "")
        assert "ppo*" in shown
        assert "ppo-history2*" not in shown
        assert shown.lower().count(SENTENCE.lower()) == 1


def constant(run, **others):
    """A policy whose network says the same of everything that it sees."""
    file = stand_in.execute(run, **others)
    ((weight, bias),) = file.network.layers
    network = dataclasses.replace(file.network, layers=((0.0 * weight, bias),))
    return dataclasses.replace(file, network=network)


def test_swaps_are_counted_in_play(tmp_path: Path):
    run = Run.of(Population.preset("Boredom"), environment="Boredom", steps=1500)
    rest = {"report": lambda _: None, "checkpoint": tmp_path / "c"}
    assert learn.swaps_of(constant(run, **rest)) == 0.0
    assert learn.swaps_of(stand_in.execute(run, **rest)) > 0.0


@pytest.mark.parametrize("execute", [constant, stand_in.execute])
def test_a_router_that_never_swaps_does_not_go_without_a_word(
    execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def quick(run, *, report, checkpoint, **_):
        return execute(run, report=report, checkpoint=checkpoint)

    monkeypatch.setattr("carousel_agents.learning.train.execute", quick)
    done = carousel("train", "Boredom", "--out", tmp_path / "p.safetensors")
    assert done.exit_code == 0
    assert ("p.safetensors never swaps" in done.stderr) == (execute is constant)


def test_a_grid_and_its_table_say_which_seeds_never_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = GRID[: GRID.rindex("[[row]]")].replace("1_500", "100_000")
    (tmp_path / "g.toml").write_text(text)

    def first_is_constant(run, **others):
        return (stand_in.execute if run.seed else constant)(run, **others)

    def quick(runs, out, how):
        from support.filled import here

        return fill(runs, out, replace(how, engine=here, execute=first_is_constant))

    monkeypatch.setattr(grids, "fill", quick)
    done = carousel("grid", tmp_path / "g.toml", "--out", tmp_path / "runs")
    assert [line for line in done.stderr.splitlines() if "never swaps" in line] == [
        line for line in done.stderr.splitlines() if "seed-0: " in line
    ]
    for option in ((), ("--markdown",)):
        shown = carousel("table", tmp_path / "runs", *option).stdout.replace("`", "").lower()
        assert "ppo*: 1 of 3 seeds never swap" in shown
    told = json.loads(carousel("table", tmp_path / "runs", "--json").stdout)
    assert [row["never_swap"] for row in told["environments"][0]["rows"] if row["seeds"]] == [1]
