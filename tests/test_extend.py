"""What others add in one file: the examples, through the public mechanism alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from carousel_envs.foundation import plugins
from support.matrix import most_later

EXAMPLES = Path(__file__).parents[1] / "examples" / "extend"


SEVERAL = """
import json, sys
from support.command_line import carousel
for typed in json.loads(sys.argv[1]):
    ran = carousel(*typed)
    assert ran.returncode == 0, (typed, ran.stderr)
    print(json.dumps(ran.stdout))
"""


def carousel(*typed: tuple[str, ...], plugin: str | None = None) -> list[str]:
    """Run command lines one after the other in a process of their own; what each printed."""
    before = ["--plugin", str(EXAMPLES / f"{plugin}.py")] if plugin else []
    lines = json.dumps([[*before, *words] for words in typed])
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-c", SEVERAL, lines],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def in_python(code: str) -> str:
    """Run Python beside the examples, which it can import; its standard output."""
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(
        command, cwd=EXAMPLES, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_example_is_short_and_uses_nothing_private():
    files = sorted(EXAMPLES.glob("*.py"))
    names = ["algorithm", "environment", "metric", "probe", "router", "shift"]
    assert [file.stem for file in files] == names
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 80, file.name
        assert " import _" not in text
        assert "._" not in text.replace("self._", "")


def test_a_router_is_evaluated_by_place_and_by_name():
    asked = ("Boredom", "--users=500", "--json")
    (by_place,) = map(json.loads, carousel(("evaluate", f"{EXAMPLES}/router.py:Patience", *asked)))
    by_name, longer = map(
        json.loads,
        carousel(
            *(("evaluate", name, *asked) for name in ("patience", "patience:4")), plugin="router"
        ),
    )
    assert by_place["engagement"] == by_name["engagement"]
    assert longer["swaps"] < by_name["swaps"]
    said = in_python(
        "from router import Patience\n"
        "from carousel_agents import evaluate\n"
        "from carousel_envs import any_population\n"
        "users = any_population('Boredom')\n"
        "print(repr(evaluate(Patience(users), users, users=500).engagement))\n"
    )
    assert float(said) == by_name["engagement"]


def test_a_shift_is_listed_and_takes_part_in_a_study(tmp_path):
    study = ("generalise", "uniform", "Boredom", "--axis", "restless", "--severity", "1")
    to = ("--users", "100", "--out", str(tmp_path / "study"), "--workers", "2")
    listed, _ = carousel(("shifts", "Boredom"), (*study, *to), plugin="shift")
    assert "restless" in listed
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    assert [axis["name"] for axis in summary["axes"]] == ["restless"]
    said = in_python(
        "import shift\n"
        "from carousel_envs.reference import solve\n"
        "from carousel_envs.shifts import find_shift\n"
        "shifted = find_shift('restless').apply('Boredom', 1.0)\n"
        "print(solve(shifted).value < solve('Boredom').value)\n"
    )
    assert said == "True\n"


@pytest.mark.slow
def test_a_metric_is_in_evaluations_and_on_the_page(tmp_path):
    (said,) = carousel(("evaluate", "fixed", "Boredom", "--users=300", "--json"), plugin="metric")
    row = json.loads(said)
    # who never swaps stays with one persona throughout
    assert row["longest_run"] == pytest.approx(row["session_length"])
    said = in_python(
        "import metric\n"
        "from carousel_agents import evaluate\n"
        "print(evaluate('loop', 'Boredom', users=300).totals['longest_run'] < 40)\n"
    )
    assert said == "True\n"


def test_a_probe_is_asked_with_the_others():
    (said,) = carousel(
        ("probe", "uniform", "fixed", "Boredom", "--only=comes-back", "--sessions=60", "--json"),
        plugin="probe",
    )
    uniform, fixed = json.loads(said)["findings"]
    assert uniform["verdict"] == "comes back"
    assert uniform["estimates"]["back"]["low"] > 0.5
    assert (fixed["verdict"], fixed["reason"]) == (None, "It swapped 0 times.")
    said = in_python(
        "import probe\n"
        "from carousel_agents.probes import PROBES, probe as ask\n"
        "print(list(PROBES)[-1], ask('comes-back', 'uniform', 'Boredom', sessions=60).verdict)\n"
    )
    assert said == "comes-back comes back\n"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_an_environment_passes_every_check(mode):
    in_python(
        "import environment, gymnasium as gym\n"
        "from carousel_envs.checking import check_vector_env\n"
        "assert gym.make_vec('Mine/Restless-v0', num_envs=3).num_envs == 3\n"
        f"make = lambda: environment.RestlessVectorEnv(5, autoreset_mode='{mode}')\n"
        "report = check_vector_env(make, scalar=environment.RestlessEnv)\n"
        "print(report)\n"
        "report.raise_if_failed()\n"
    )


def test_an_environment_is_played_by_everything():
    evaluated, reference, watched = carousel(
        ("evaluate", "uniform", "Restless", "--users=500", "--json"),
        ("reference", "Restless", "--json"),
        ("watch", "uniform", "Restless"),
        plugin="environment",
    )
    row, known = json.loads(evaluated), json.loads(reference)
    assert (row["tier"], row["score"], row["value"]) == ("none", None, None)
    # the router is the one that the reference plays on other sessions
    assert abs(row["uniform"] - row["engagement"]) < 5 * row["engagement_se"]
    assert known["best_fixed"] > 0
    assert "persona" in watched


@pytest.mark.slow
def test_an_environment_is_trained_in(tmp_path):
    out = str(tmp_path / "p.safetensors")
    _, evaluated = carousel(
        ("train", "Restless", "--algo", "ppo", "--steps", "2000", "--out", out),
        ("evaluate", out, "Restless", "--users=200", "--json"),
        plugin="environment",
    )
    assert json.loads(evaluated)["tier"] == "none"


def test_an_entry_point_is_as_good_as_a_flag(monkeypatch):
    from importlib import metadata

    from carousel_envs.metrics import METRICS

    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setattr(METRICS, "_loaded", set())
    monkeypatch.setattr(METRICS, "_records", dict(METRICS._records))
    monkeypatch.setattr(plugins, "_ENTRIES", set())
    mine = {"carousel.metrics": [metadata.EntryPoint("mine", "metric", "carousel.metrics")]}
    monkeypatch.setattr(metadata, "entry_points", lambda group: mine.get(group, []))
    try:
        assert "longest_run" in METRICS
        assert plugins.digests().keys() == {"metric"}
    finally:
        sys.modules.pop("metric", None)
        METRICS._origin.pop("longest_run", None)


@pytest.mark.slow
@pytest.mark.parametrize("by_name", most_later([True, False], bool))
def test_results_of_an_edited_plugin_are_another_study(tmp_path, by_name):
    router = tmp_path / "mine.py"
    text = (EXAMPLES / "router.py").read_text(encoding="utf-8")
    router.write_text(text.replace('"patience"', '"mine"'))
    named = (
        ["--plugin", str(router), "generalise", "mine"]
        if by_name
        else [*("generalise", f"{router}:Patience")]
    )
    typed = [*named, "Boredom", "--axis", "hazard", "--severity", "1", "--users", "50"]
    typed += ["--workers", "1", "--out", str(tmp_path / "study")]
    _, again = carousel(tuple(typed), tuple(typed))
    assert "already" in again
    router.write_text(router.read_text() + "# changed\n")
    command = [sys.executable, "-m", "carousel_agents", *typed]
    edited = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert edited.returncode == 1
    assert "holds results of another study" in edited.stderr
    carousel((*typed, "--force"))
