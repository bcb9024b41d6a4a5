"""Commands about policy files: inspect, export, import-sb3."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecNormalize
from typer.testing import CliRunner

from carousel_agents.commands.app import app
from carousel_agents.learning import LearnedRouter, PolicyFile
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.view import View
from carousel_envs import CarouselError
from support.learned_models import LANES, played, trained_model
from support.policy_files import POPULATION, RECALL, make_file

DOCS = Path(__file__).parents[3] / "docs" / "policy_files.md"


def run(*arguments: Any) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refusal(*arguments: Any) -> str:
    with pytest.raises(CarouselError) as caught:
        CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- inspect ----------------------------------------------------------------------------------


def test_inspect_says_what_a_file_holds(tmp_path: Path):
    path = tmp_path / "p.safetensors"
    users = POPULATION.replace(swap_cost=2.0)
    make_file(users, lstm=1, view=View(history=2), masked=True).save(path)
    said = json.loads(run("inspect", path, "--json"))
    assert said["algorithm"] == "ppo"
    assert said["environment"] == "Carousel/Boredom-v0"
    assert said["population"] == {
        "kind": "users",
        "fingerprint": users.fingerprint,
        "changed": {"swap_cost": {"preset": POPULATION.swap_cost, "here": 2.0}},
    }
    assert said["view"] == {"history": 2, "visible_context": False}
    assert said["columns"] == list(View(history=2).columns(users))
    assert said["network"] == {
        "lstm": [8],
        "layers": [8, 4],
        "activation": "tanh",
        "head": "logits",
        "masked": True,
        "clip": None,
        "parameters": 4 * 8 * (30 + 8 + 2) + 8 * 9 + 4 * 9,
    }
    assert said["training"] == {"steps": 10, "seed": 0}
    table = run("inspect", path)
    shown = " ".join(table.split())
    assert ", ".join(said["columns"]) in shown
    assert "..." not in table
    for line in (r"population.changed.swap_cost.here\s+2.0", r"training.steps\s+10"):
        assert re.search(line, table)


def test_inspect_knows_no_preset_of_a_foreign_environment(tmp_path: Path):
    path = tmp_path / "p.safetensors"
    for options in ({"environment": "Other/Env-v3"}, {"population": RECALL}):
        make_file(**options).save(path)
        assert json.loads(run("inspect", path, "--json"))["population"]["changed"] is None
    assert "does not exist" not in run("inspect", path)
    assert "cannot be read" in refusal("inspect", tmp_path / "none.safetensors")


def test_a_folder_is_no_policy_file(tmp_path: Path):
    for arguments in (("inspect",), ("export", "--out", tmp_path / "p.npz")):
        said = refusal(*arguments, tmp_path)
        assert said == f"{tmp_path} is a folder, and no policy file"


# -- export -----------------------------------------------------------------------------------

FORMS: list[dict[str, Any]] = [
    {},
    {"lstm": 2, "masked": True},
    {"population": RECALL, "lstm": 1, "view": View(history=2)},
    {"population": RECALL, "masked": True, "clip": 0.5},
    {"view": View(visible_context=True), "head": "values"},
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_an_exported_policy_runs_without_this_library(
    form: dict[str, Any], suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With the code that the documentation prints."""
    monkeypatch.chdir(tmp_path)
    file = make_file(**{"population": POPULATION.replace(unavailability=0.4), **form})
    file.save(Path("policy.safetensors"))
    run("export", "policy.safetensors", "--out", f"policy{suffix}")
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    if suffix == ".json":
        document = json.loads(Path("policy.json").read_text(encoding="utf-8"))
        arrays = {name: np.array(a, np.float32) for name, a in document["arrays"].items()}
        described = np.array(json.dumps(document["description"]))
        np.savez("policy.npz", allow_pickle=False, **arrays, description=described)
    assert "carousel" not in code
    names: dict[str, Any] = {}
    exec(code, names)
    router = LearnedRouter(file, "ours")
    memory, state = (), router.initial_state(32, 0)
    for row in played(file.population, file.view, 32, 60)[0]:
        expected, _ = router.outputs(row, state)
        ours, state = router.act(row, state)
        theirs, memory = names["act"](row, memory)
        differ = np.flatnonzero(ours != theirs)
        assert np.allclose(expected[differ, ours[differ]], expected[differ, theirs[differ]])


def test_exports_are_whole_refuse_to_replace_and_know_their_endings(tmp_path: Path):
    path, out = tmp_path / "p.safetensors", tmp_path / "p.npz"
    make_file().save(path)
    assert "must end in .npz or .json" in refusal("export", path, "--out", tmp_path / "p.onnx")
    run("export", path, "--out", out)
    first = out.read_bytes()
    assert "exists; give --force" in refusal("export", path, "--out", out)
    run("export", path, "--out", out, "--force")
    assert out.read_bytes() == first
    with np.load(out, allow_pickle=False) as arrays:
        assert set(arrays) == {*make_file().tensors(), "description"}
    (tmp_path / "folder.npz").mkdir()
    refusal("export", path, "--out", tmp_path / "folder.npz", "--force")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.npz", "p.npz", "p.safetensors"]


# -- import-sb3 -------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("algorithm", "env", "extra"),
    [
        ("ppo", "Boredom", ()),
        ("qr-dqn", "Recall", ("--history", "2")),
        ("recurrent-ppo", "Boredom", ("--visible-context",)),
        ("maskable-ppo", "Boredom", ("--set", "unavailability=0.3")),
        ("maskable-recurrent-ppo", "Boredom", ("--set", "unavailability=0.3")),
    ],
)
def test_a_model_trained_elsewhere_becomes_a_policy_file(
    algorithm: str, env: str, extra: tuple[str, ...], tmp_path: Path
):
    population = RECALL if env == "Recall" else POPULATION
    if "--set" in extra:
        population = population.replace(unavailability=0.3)
    view = View(2 if "--history" in extra else 1, "--visible-context" in extra)
    more = {"lstm_hidden_size": 8} if "recurrent" in algorithm else {}
    model = trained_model(algorithm, population, view, plain=True, **more)
    model.save(tmp_path / "model.zip")
    out = tmp_path / "policy.safetensors"
    run(
        *("import-sb3", tmp_path / "model.zip", env, "--algo", algorithm, "--out", out),
        *("--trust", *extra),
    )
    file = PolicyFile.load(out)
    assert (file.algorithm, file.view) == (algorithm, view)
    assert file.population == population
    assert file.training == {"imported": True, "source": "model.zip", "steps": model.num_timesteps}
    assert file.versions["stable-baselines3"][0].isdigit()
    rows, _, masks = played(population, view, 64, 1)
    masked = {"action_masks": masks[0]} if "maskable" in algorithm else {}
    expected, _ = model.predict(rows[0], deterministic=True, **masked)
    router = LearnedRouter(file, "imported")
    picked, _ = router.act(rows[0], router.initial_state(64, 0))
    np.testing.assert_array_equal(picked, expected)


def test_statistics_of_a_normalised_environment_are_imported(tmp_path: Path):
    lanes = CarouselVecEnv.of(POPULATION, LANES, 0, time_limit="end")
    env = VecNormalize(lanes, clip_obs=1.5)
    model = trained_model("ppo", POPULATION, plain=True, env=env)
    model.save(tmp_path / "model.zip")
    env.save(str(tmp_path / "stats.pkl"))
    out = tmp_path / "policy.safetensors"
    common = ("import-sb3", tmp_path / "model.zip", "Boredom", "--algo", "ppo", "--out", out)
    run(*common, "--trust", "--vecnormalize", tmp_path / "stats.pkl", "--json")
    router = LearnedRouter(PolicyFile.load(out), "imported")
    assert router.file.clip == 1.5
    for row in played(POPULATION, None, 64, 40)[0]:
        expected, _ = model.predict(env.normalize_obs(row), deterministic=True)
        picked, _ = router.act(row, None)
        outputs, _ = router.outputs(row)
        differ = np.flatnonzero(picked != expected)
        np.testing.assert_allclose(
            outputs[differ, picked[differ]], outputs[differ, expected[differ]], atol=1e-5
        )
        assert len(differ) < 2


def test_what_cannot_be_imported_is_one_sentence(tmp_path: Path):
    model, out = tmp_path / "model.zip", tmp_path / "policy.safetensors"
    trained_model("ppo", POPULATION, steps=320, plain=True).save(model)
    (tmp_path / "stats.pkl").write_bytes(b"no pickle")

    def importing(*arguments: Any, zip_: Path = model, env: str = "Boredom", algo="ppo") -> str:
        common = ("import-sb3", zip_, env, "--algo", algo, "--trust")
        return refusal(*common, *(arguments or ("--out", out)))

    assert "users show 30 columns" in importing("--out", out, "--history", "2")
    assert "offered 3 personas" in importing(env="Recall")
    assert "no context to be shown" in importing("--out", out, "--visible-context", env="Recall")
    assert "algorithm 'sarsa' is unknown; known are ppo" in importing(algo="sarsa")
    assert "cannot be loaded as a model of dqn" in importing(algo="dqn")
    assert "must end in .safetensors" in importing("--out", tmp_path / "x.zip")
    assert "cannot be read: No such file" in importing(zip_=tmp_path / "none.zip")
    assert "no archive that" in importing(zip_=tmp_path / "stats.pkl")
    assert "as statistics of VecNormalize" in importing(
        "--out", out, "--vecnormalize", tmp_path / "stats.pkl"
    )
    assert not out.exists()
    out.write_bytes(b"here")
    assert "exists; give --force" in importing()
    assert out.read_bytes() == b"here"
