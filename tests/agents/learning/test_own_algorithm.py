"""An algorithm of one's own in one file: on the command line, from Python, and without the file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stable_baselines3 import DQN

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import LearnedRouter, PolicyFile, import_sb3
from carousel_agents.learning.algorithms import ALGORITHMS, Algorithm
from carousel_agents.learning.implementation import Implementation
from carousel_agents.learning.settings import settings_of, shortfall
from carousel_agents.learning.train import Run, execute
from carousel_envs import CarouselError
from carousel_envs.foundation import plugins
from support.command_line import carousel, result
from support.learned_models import trained_model
from support.resumed import contents, interrupt_after, until_done
from support.small_runs import BOREDOM, SMALL

NAME = "double-dqn"
PLUGIN = Path(__file__).parents[3] / "examples" / "extend" / "algorithm.py"
SETTINGS = [f"--setting={name}={value}" for name, value in SMALL["dqn"].items()]
GRID = """
curve = 1
[[row]]
environments = ["Boredom"]
algorithms = ["double-dqn"]
seeds = 2
steps = 600
settings = { lanes = 16, learning_starts = 200, buffer_size = 2000, batch_size = 32 }
label = "small"
[evaluation]
users = 20
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The file, named as a user would name it, for this test alone."""
    path = tmp_path / "mine" / "double_dqn.py"
    path.parent.mkdir()
    shutil.copy(PLUGIN, path)
    monkeypatch.setenv(plugins.VARIABLE, str(path))
    yield path
    forget(path)


def forget(path: Path) -> None:
    plugins._NAMED.discard(str(path))
    sys.modules.pop("double_dqn", None)
    ALGORITHMS._records.pop(NAME, None)
    ALGORITHMS._origin.pop(NAME, None)


def a_run(algorithm: str = NAME, **changes) -> Run:
    request = {"environment": "Mine/X-v0", "steps": 1500, "settings": SMALL["dqn"]}
    return Run.of(BOREDOM, algorithm=algorithm, **{**request, **changes})


@pytest.mark.slow
def test_a_run_of_its_own_is_as_reproducible_and_as_resumable_as_others(
    plugin, tmp_path: Path, monkeypatch
):
    whole = contents(execute(a_run(curve=2)), tmp_path)
    assert contents(execute(a_run(curve=2)), tmp_path) == whole
    interrupt_after(monkeypatch, 1, 25)
    resumed = until_done(a_run(curve=2), tmp_path / "checkpoint")
    assert resumed.training["resumed"] == 2
    assert contents(resumed, tmp_path) == whole


def test_what_it_learns_is_not_what_the_other_learns(plugin, tmp_path: Path):
    own_file, other = execute(a_run()), execute(a_run("dqn"))
    own_weights, weights = own_file.network.layers[0][0], other.network.layers[0][0]
    assert own_weights.shape == weights.shape
    assert not (own_weights == weights).all()


def test_it_is_trained_and_evaluated_by_its_name(plugin, tmp_path: Path):
    out = tmp_path / "p.safetensors"
    options = ("--steps", "1500", *SETTINGS)
    told = result("train", "Boredom", "--algo", NAME, *options, "--out", str(out))
    assert told["algorithm"] == NAME
    assert result("evaluate", str(out), "Boredom", "--users", "50")
    assert NAME in carousel("train", "Boredom", "--algo", "sarsa", "--out", str(out)).stderr


def test_its_policies_are_read_without_it(plugin, tmp_path: Path):
    file = execute(a_run())
    file.save(tmp_path / "p.safetensors")
    here = evaluate(LearnedRouter(file), BOREDOM, users=50)
    code = (
        "import sys\n"
        "from carousel_agents.generalisation import evaluate\n"
        "from carousel_agents.learning import LearnedRouter, PolicyFile\n"
        "from carousel_envs import Population\n"
        f"file = PolicyFile.load({str(tmp_path / 'p.safetensors')!r})\n"
        "boredom = Population.preset('Boredom')\n"
        "print(file.algorithm, evaluate(LearnedRouter(file), boredom, users=50).engagement)\n"
        "assert 'torch' not in sys.modules and 'double_dqn' not in sys.modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != plugins.VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [NAME, str(here.engagement)]


@pytest.mark.slow
def test_a_grid_trains_it_in_processes_of_its_own_and_its_table_needs_it_no_longer(
    plugin, tmp_path: Path, monkeypatch
):
    (tmp_path / "grid.toml").write_text(GRID)
    done = carousel("grid", "grid.toml", "--out", "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / f"runs/Boredom/{NAME}-small/seed-1/run.json").read_text())
    assert record["status"] == "done"
    monkeypatch.delenv(plugins.VARIABLE)
    forget(plugin)
    table = carousel("table", "runs", "--markdown", cwd=tmp_path)
    assert f"{NAME}-small" in table.stdout, table.stderr


def test_without_a_search_space_tune_says_so(plugin, tmp_path: Path):
    out = tmp_path / "t.toml"
    done = carousel("tune", "Boredom", "--algo", NAME, "--steps", "30000", "--out", str(out))
    assert done.returncode == 1
    assert done.stderr == f"carousel: {NAME} has no search space, so it cannot be tuned\n"
    assert list(tmp_path.iterdir()) == [plugin.parent]


@pytest.mark.slow
def test_with_a_search_space_it_is_tuned(plugin, tmp_path: Path, monkeypatch):
    space = {"gamma": (0.8, 0.9), "learning_rate": (1e-3, 1e-2, "log")}
    record = ALGORITHMS[NAME]
    small_preset = record.preset.replace(**SMALL["dqn"])
    monkeypatch.setitem(
        ALGORITHMS._records, NAME, Algorithm(NAME, small_preset, record.load, space=space)
    )
    out = tmp_path / "t.toml"
    options = ("--algo", NAME, "--steps", "600", "--trials", "2", "--seeds", "1")
    found = result("tune", "Boredom", *options, "--out", str(out))
    assert set(found["settings"]) == set(space)
    settings_of(NAME, found["settings"])


def test_its_saved_models_are_imported(plugin, tmp_path: Path):
    from support import learned_models

    options = {**learned_models.OPTIONS, NAME: learned_models.OPTIONS["dqn"]}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(learned_models, "OPTIONS", options)
        model = trained_model(NAME, BOREDOM, plain=True)
    model.save(tmp_path / "m.zip")
    import_sb3(tmp_path / "m.zip", BOREDOM, algorithm=NAME, environment="Mine/X-v0").save(
        tmp_path / "p.safetensors"
    )
    assert PolicyFile.load(tmp_path / "p.safetensors").algorithm == NAME


def test_without_the_file_there_is_no_such_algorithm():
    with pytest.raises(CarouselError, match="algorithm 'double-dqn' is unknown; known are ppo"):
        a_run()


def test_a_preset_that_was_not_measured_needs_no_number_of_steps(plugin):
    assert shortfall(NAME, 1) is None
    assert settings_of(NAME, {"steps": 1}).lanes == ALGORITHMS["dqn"].preset.lanes


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "Double DQN"}, "the algorithm's name is 'Double DQN'; it must be lower-case"),
        ({"name": "a" * 41}, "40 characters at most"),
        ({"preset": {"steps": 1}}, r"the preset of mine is \{'steps': 1\}; it must be Settings"),
        ({"space": {"tau": (0, 1)}}, "has 'tau', which is not a field of DQNSettings"),
    ],
)
def test_a_record_of_another_form_is_one_sentence(fields, sentence: str):
    whole = {"name": "mine", "preset": ALGORITHMS["dqn"].preset, "load": lambda: None}
    with pytest.raises(CarouselError, match=sentence):
        Algorithm(**{**whole, **fields})


def test_classes_that_cannot_be_imported_are_one_sentence():
    def load():
        raise ImportError("no module of this name")

    broken = Algorithm("mine", ALGORITHMS["dqn"].preset, load)
    with pytest.raises(CarouselError, match="mine cannot be loaded: no module of this name"):
        _ = broken.implementation


def test_a_setting_that_the_class_does_not_take_is_one_sentence():
    class Plain(DQN):
        def __init__(self, policy, env, learning_rate, policy_kwargs, seed, device, batch_size):
            raise AssertionError("it is not made")

    with pytest.raises(CarouselError, match="Plain takes no 'gamma', which is a setting"):
        Implementation(Plain).build(ALGORITHMS["dqn"].preset, env=None, scaling=None)
