"""Wrong usage: one sentence, exit code 2, and what was probably meant."""

import os
import pty
import shutil
import subprocess
import sys

import pytest

COMMANDS = (
    *("envs", "reference", "frontier", "shifts", "distance", "train", "tune", "evaluate", "demo"),
    *("generalise", "users-seen", "report", "grid", "table", "watch", "speed", "inspect"),
    *("export", "import-sb3", "probe"),
)


def carousel(capfd, monkeypatch, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, in this process."""
    from carousel_agents import cli

    monkeypatch.setattr(sys, "argv", ["carousel", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fly"], "no such command 'fly'"),
        (["evaluate"], "missing argument"),
        (["evaluate", "loop", "Boredom", "--charm", "1"], "no such option: --charm"),
        (["reference"], "give either an environment or --all"),
        (["reference", "Boredom", "--all"], "give either an environment or --all"),
        (["shifts", "--set", "swap_cost=1"], "name one"),
        (["table", "here", "--json", "--markdown"], "give either --json or --markdown"),
        (["reference", "Boredm"], "'Boredm' is unknown (did you mean Boredom?)"),
        (["reference", "Carousel/Tast-v0"], "(did you mean Carousel/Taste-v0?)"),
        (["reference", "Boredom", "--set", "swap_kost=1"], "(did you mean swap_cost?)"),
        (["reference", "Boredom", "--set", "a\nb=1"], r"'a\nb' is not a field"),
        (["reference", "Boredom", "--set", "a\nb"], r"--set 'a\nb' must have the form"),
        (["reference", "Boredom", "--set", "swap_cost"], "must have the form field=value"),
        (["evaluate", "lop", "Boredom"], "(did you mean loop?)"),
        (["evaluate", "fixed:bobb", "Boredom"], "(did you mean bob?)"),
        (["evaluate", "uniform:3", "Boredom"], "takes no argument"),
        (["evaluate", "loop", "Boredom", "--shift", "hazrd=1"], "(did you mean hazard?)"),
        (["evaluate", "loop", "Boredom", "--shift", "hazard"], "form axis=severity"),
        (["distance", "Boredom", "--axis", "fitt"], "(did you mean fit?)"),
        (["train", "Boredom", "--out", "x.zip"], "must end in .safetensors"),
        (["train", "Boredom", "--out", "x.safetensors", "--algo", "pp"], "(did you mean ppo?)"),
        (["evaluate", "Boredom", "uniform"], "the router comes first, as in 'uniform Boredom'"),
        (["watch", "Boredom", "uniform"], "the router comes first, as in 'uniform Boredom'"),
        (["generalise", "Taste", "loop", "--out", "x"], "the router comes first"),
        (["users-seen", "Taste", "loop", "--out", "x"], "the router comes first"),
        (["generalise", "loop", "--out", "x"], "give one router or more, and then"),
        (["probe", "Taste", "loop"], "the router comes first"),
        (["probe", "loop", "Boredom", "--only", "drve"], "(did you mean drive?)"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exits_with_two(
    arguments, sentence, capfd, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    code, out, err = carousel(capfd, monkeypatch, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("carousel: ")
    assert sentence in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "Uniform", "boredom", "--users", "10", "--shift", "Hazard=1"],
        ["evaluate", "FIXED:Bob", "CAROUSEL/Boredom-V0", "--users", "10", "--set", "Swap_Cost=1"],
    ],
)
def test_names_are_known_in_any_case(arguments, capfd, monkeypatch):
    code, out, err = carousel(capfd, monkeypatch, *arguments, "--json")
    assert (code, err) == (0, "")
    assert '"env": "Carousel/Boredom-v0"' in out


def test_without_a_command_the_help_is_told_and_usage_was_wrong(capfd, monkeypatch):
    code, out, err = carousel(capfd, monkeypatch)
    assert (code, out) == (2, "")
    assert "Usage: carousel" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_names_for_its_values(command, capfd, monkeypatch):
    code, out, _ = carousel(capfd, monkeypatch, command, "-h")
    assert code == 0
    usage = out.splitlines()[0]
    assert usage.startswith(f"Usage: carousel {command} [OPTIONS]")
    assert "{" not in usage
    for word in ("TEXT", "INTEGER", "FLOAT", "PATH", "<int>"):
        assert word not in out.split()


@pytest.mark.slow
def test_help_is_as_wide_as_the_terminal():
    done = subprocess.run(
        [sys.executable, "-m", "carousel_agents", "evaluate", "--help"],
        env={**os.environ, "COLUMNS": "140"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 100 < max(map(len, done.stdout.splitlines())) <= 140


def completed(line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    done = subprocess.run(
        [sys.executable, "-m", "carousel_agents"],
        env={
            **os.environ,
            "_CAROUSEL_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_names_are_completed():
    assert completed("carousel evaluate lo") == ["loop"]


PLUGIN = """
import dataclasses
from carousel_agents.learning.algorithms import ALGORITHMS
ALGORITHMS.register(dataclasses.replace(ALGORITHMS["ppo"], name="quokka"))
"""


@pytest.mark.slow
def test_the_algorithm_of_a_plugin_is_in_the_help_and_is_completed(tmp_path):
    path = tmp_path / "brings_quokka.py"
    path.write_text(PLUGIN)
    command = [sys.executable, "-m", "carousel_agents", "--plugin", str(path), "train", "-h"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "quokka" in done.stdout
    assert completed(f"carousel --plugin {path} train --algo qu") == ["quokka"]
    assert completed(f"carousel --plugin {path}.missing train --algo qu") == []


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [("--help", "1"), pytest.param("envs", "", marks=pytest.mark.slow)],
)
def test_a_full_standard_output_is_named(arguments, unbuffered):
    done = subprocess.run(
        ["sh", "-c", f"exec '{sys.executable}' -m carousel_agents {arguments} > /dev/full"],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    said = "carousel: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def on_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal of 80 columns."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "carousel_agents", *arguments],
        env={**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **environment},
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    said = b""
    while True:
        try:
            some = os.read(leader, 4096)
        except OSError:
            break
        if not some:
            break
        said += some
    os.close(leader)
    assert process.wait() == 0
    return said.decode()


@pytest.mark.slow
def test_no_color_leaves_nothing_bold():
    said = on_terminal("shifts", "Recall", NO_COLOR="1")
    assert "axis" in said
    assert "\x1b[1m" not in said
