"""What commands and results show, refuse, and leave behind."""

import os

import numpy as np
import pytest

from carousel_agents import scripted
from carousel_agents.generalisation import evaluate
from carousel_agents.learning import LearnedRouter
from carousel_envs import CarouselError, Population, any_population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout
from support.command_line import carousel
from support.policy_files import make_file


@pytest.mark.parametrize("env", ["Boredom", "Welfare", "Unmask", "Recall"])
def test_watch_is_a_table_of_eighty_columns(env):
    done = carousel("watch", "uniform", env, "--seed", "3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split()[:1] == ["turn"]
    assert "swap" in done.stdout
    assert "total reward" in lines[-1]


def test_results_are_read_in_a_line():
    users = Population.preset("Boredom").replace(session_length=8)
    questions = any_population("Recall")
    for population in (users, questions):
        router = scripted.make("uniform", population)
        for result in (
            *(evaluate(router, population, users=50), solve(population)),
            *(rollout(population, router, 5), router),
        ):
            assert len(repr(result)) < 500
            assert "array" not in repr(result)
    assert "score" in repr(evaluate(scripted.make("loop", users), users, users=50))


@pytest.mark.parametrize("name", ["loop", "fixed", "uniform", "memoryless"])
@pytest.mark.parametrize("observation", [[[1.0], [2.0, 3.0]], [1.0], None, "text", [["a"]]])
def test_routers_say_what_is_wrong_with_an_observation(name, observation):
    router = scripted.make(name, Population.preset("Boredom").replace(session_length=4))
    with pytest.raises(CarouselError, match="observation"):
        router.act(observation, router.initial_state(1, 0))


def test_a_router_of_questions_refuses_too_few_columns_and_what_is_no_number():
    router = scripted.make("optimal", any_population("Recall"))
    with pytest.raises(CarouselError, match=r"observation has shape \(1, 3\)"):
        router.act(np.zeros((1, 3), dtype=np.float32), None)


def test_what_is_no_router_is_told_so():
    with pytest.raises(CarouselError, match="has no method 'initial_state'; a router needs"):
        rollout("Boredom", object(), 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ("grid", "/dev/full", "--out", "g"),
        ("inspect", "/dev/zero"),
        ("inspect", "pipe.safetensors"),
        ("train", "Boredom", "--out", "a.safetensors", "--settings", "/dev/full"),
        ("export", "pipe.safetensors", "--out", "a.npz"),
    ],
)
def test_what_is_no_file_is_refused_and_not_read(arguments, tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    done = carousel(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be read: it is not a regular file" in done.stderr
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--out", "new/d", "--steps", "0"),
        ("demo", "--out", "new/d", "--seed", "-1"),
        ("demo", "--out", "new/d", "--users", "0"),
        ("train", "Boredom", "--out", "new/a.safetensors", "--steps", "0"),
        ("train", "Boredom", "--out", "new/a.safetensors", "--seed", "-1"),
        ("train", "Boredom", "--out", "new/a.safetensors", "--setting", "gamma=9"),
        ("train", "Boredom", "--out", "new/a.safetensors", "--history", "0"),
    ],
)
def test_a_refused_request_leaves_no_folder(arguments, tmp_path):
    done = carousel(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("there", "sentence"),
    [("file", "it is not a folder"), ("link", "it is a link to nothing")],
)
@pytest.mark.parametrize("command", ["generalise loop Boredom", "demo", "grid grid.toml"])
def test_a_place_that_is_no_folder_is_named(command, there, sentence, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "grid.toml").write_text(
        '[[row]]\nenvironments = ["Boredom"]\nalgorithms = ["ppo"]\nseeds = 1\n'
    )
    done = carousel(*command.split(), "--out", there, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"carousel: {there} cannot be written to: {sentence}\n"


def test_a_folder_in_place_of_a_file_is_not_to_be_forced(tmp_path):
    (tmp_path / "a.safetensors").mkdir()
    done = carousel("train", "Boredom", "--out", "a.safetensors", cwd=tmp_path)
    assert done.stderr == "carousel: a.safetensors cannot be written: it is a folder\n"


def test_the_page_is_named_in_the_last_line(tmp_path):
    done = carousel(
        *("generalise", "uniform", "Boredom", "--set", "session_length=4", "--axis", "hazard"),
        *("--severity", "1", "--users", "20", "--workers", "1", "--out", "s"),
        cwd=tmp_path,
    )
    assert done.stdout.splitlines()[-1] == "the page is s/report.html; open it in a browser"


def test_policies_refuse_what_is_no_number():
    file = make_file()
    router = LearnedRouter(file, "a")
    assert len(repr(router)) < 200
    shown = np.full((2, len(file.columns)), np.nan, dtype=np.float32)
    with pytest.raises(CarouselError, match="holds nan in row 0, column 0"):
        router.act(shown, router.initial_state(2, 0))
