"""Policy files: what is written comes back, and nothing else gets in."""

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from carousel_agents.learning import LearnedRouter, PolicyFile
from carousel_agents.learning.layers import Network
from carousel_agents.learning.view import View
from carousel_envs import CarouselError, Columns, Population, column_names
from support.policy_files import POPULATION, RECALL, make_file


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "policy.safetensors"
    make_file().save(path)
    return path


def edit(path: Path, change) -> None:
    """Change the description of a policy file in place, or return another; tensors stay."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["carousel"])
    document = change(document) or document
    save_file(load_file(path), path, metadata={"carousel": json.dumps(document)})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lstm": 2, "masked": True},
        {"population": RECALL, "lstm": 1, "view": View(history=2), "masked": True},
        {"view": View(history=3, visible_context=True), "head": "values", "clip": 2.5},
    ],
)
def test_a_saved_policy_comes_back_whole(options: dict[str, Any], tmp_path: Path):
    before = make_file(**options)
    before.save(tmp_path / "policy")
    after = PolicyFile.load(tmp_path / "policy")
    assert type(after.population) is type(before.population)
    assert after.document() == before.document()
    assert list(after.tensors()) == list(before.tensors())
    for name, array in before.tensors().items():
        np.testing.assert_array_equal(array, after.tensors()[name])
    assert after.clip == before.clip
    assert after.scaling.counts == before.scaling.counts
    assert after.view == before.view


def test_what_is_no_number_of_json_is_saved_as_nothing(tmp_path: Path):
    training = {"return": float("nan"), "steps": np.int64(3), "sizes": (1, 2)}
    make_file(training=training).save(tmp_path / "policy")
    after = PolicyFile.load(tmp_path / "policy").training
    assert after == {"return": None, "steps": 3, "sizes": [1, 2]}
    with pytest.raises(CarouselError, match="which is no plain data"):
        make_file(training={"policy": object()}).save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_file_of_format_1_is_still_read(tmp_path: Path):
    """Written here as the first version wrote it."""
    new, path = make_file(), tmp_path / "old.safetensors"
    document = {
        "format": 1,
        "algorithm": "ppo",
        "environment": "Carousel/Boredom-v0",
        "population": POPULATION.model_dump(mode="json"),
        "population_fingerprint": POPULATION.fingerprint,
        "columns": list(column_names(POPULATION)),
        "architecture": {
            "activation": "tanh",
            "counts": [Columns.of(POPULATION).streak],
            "layers": 2,
        },
        "training": {"steps": 10, "seed": 0},
        "versions": {"numpy": np.__version__},
    }
    save_file(new.tensors(), path, metadata={"carousel": json.dumps(document)})
    old = PolicyFile.load(path)
    assert old.document() == new.document()
    document["architecture"]["lstm"] = 1
    save_file(new.tensors(), path, metadata={"carousel": json.dumps(document)})
    with pytest.raises(CarouselError, match="architecture has 'lstm', which is unknown"):
        PolicyFile.load(path)


def test_saving_twice_gives_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        make_file().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_truncated_file_is_refused_at_every_length(saved: Path, tmp_path: Path):
    data = saved.read_bytes()
    for size in {0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1}:
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(data[:size])
        with pytest.raises(CarouselError, match="is not a policy file, or damaged"):
            PolicyFile.load(cut)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path):
    path = tmp_path / "foreign.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, path, metadata={"format": "pt"})
    with pytest.raises(CarouselError, match="not a policy of Carousel"):
        PolicyFile.load(path)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("form", ["pickle", "zip"])
def test_loading_never_unpickles(tmp_path: Path, form: str):
    mark, path = tmp_path / "ran", tmp_path / "evil.safetensors"
    payload = pickle.dumps(Bomb(mark))
    if form == "pickle":
        path.write_bytes(payload)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", payload)
    with pytest.raises(CarouselError, match="is not a policy file, or damaged"):
        PolicyFile.load(path)
    assert not mark.exists()
    pickle.loads(payload)
    assert mark.exists(), "the bomb itself must work, or this test shows nothing"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(format=4), "format is 4; this version reads 1, 2, 3"),
        (lambda d: d.update(format=3), "'padding' is missing in its view"),
        (lambda d: d["view"].update(padding=[0.0]), "view has 'padding', which is unknown"),
        (lambda d: d.update(format=True), "format is True"),
        (lambda d: d.pop("format") and None, "format is None"),
        (lambda d: d.pop("columns") and None, "'columns' is missing"),
        (lambda d: d.update(colour=1), "has 'colour', which is unknown"),
        (lambda d: d.update(algorithm="a\x1b[31m"), "algorithm is 'a.x1b.31m'"),
        (lambda d: d.update(environment="x" * 300), "must be a short printable text"),
        (lambda d: d.update(training=[]), "training is .*must be an object"),
        (lambda d: d.update(columns=[[]] * 15), "must be names"),
        (lambda d: d.update(columns=["x"] * 15), "repeat a name"),
        (lambda d: d["population"].update(kind="robots"), "of kind 'robots'"),
        (lambda d: d["population"].update(kind="questions"), "is not a field of Questions"),
        (lambda d: d["population"].update(fields=[1]), "must map names of fields"),
        (lambda d: d["population"]["fields"].update(swap_cost=3.0), "not match its fingerprint"),
        (lambda d: d["population"]["fields"].update(swap_cost=-3.0), "swap_cost is -3.0"),
        (lambda d: d["population"]["fields"].update(charm=1), "charm is not a field"),
        (lambda d: d["view"].update(history=0), "history is 0"),
        (lambda d: d["view"].update(visible_context="no"), "visible_context is 'no'"),
        (lambda d: d["view"].update(eyes=2), "view has 'eyes'"),
        (lambda d: d["architecture"].update(activation="eval"), "activation is 'eval'"),
        (lambda d: d["architecture"].update(activation=["tanh"]), "activation is .'tanh'"),
        (lambda d: d["architecture"].update(head="q"), "head is 'q'"),
        (lambda d: d["architecture"].update(masked=1), "masked is 1"),
        (lambda d: d["architecture"].update(gates=1), "architecture has 'gates'"),
        (lambda d: d["architecture"].update(layers=10**9), "layers is 1000000000"),
        (lambda d: d["architecture"].update(layers=True), "layers is True"),
        (lambda d: d["architecture"].update(layers=1), "which its architecture lacks"),
        (lambda d: d["architecture"].update(layers=3), "'layer2.weight' is missing"),
        (lambda d: d["architecture"].update(lstm=1), "'lstm0.weight_ih' is missing"),
        (lambda d: d["architecture"].update(lstm=10**9), "LSTM layers is 1000000000"),
        (lambda d: d["architecture"].update(counts=[99]), "columns it counts is 99"),
        (lambda d: d["architecture"].update(counts=[2, 2]), "counts a column twice"),
        (lambda d: d["architecture"].update(clip=0), "clip is 0"),
        (lambda d: d["architecture"].update(clip="10"), "clip is '10'"),
        (lambda d: d["columns"].pop() and None, "scaling does not fit"),
        (lambda d: [d], "no JSON object"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(saved: Path, change, reason: str):
    edit(saved, change)
    with pytest.raises(CarouselError, match=reason) as caught:
        PolicyFile.load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("layer1.bias", np.full(4, np.nan, np.float32), "not all finite"),
        ("layer0.weight", np.zeros((8, 3), np.float32), "reads 3 columns; it names 15"),
        ("layer1.weight", np.zeros((4, 3), np.float32), r"needs \(any, 8\)"),
        ("layer1.weight", np.zeros((4, 8, 1), np.float32), r"needs \(any, 8\)"),
        ("layer1.bias", np.zeros(3, np.float32), r"needs \(4\)"),
        ("layer2.weight", np.zeros((2, 4), np.float32), "architecture lacks"),
        ("centre", np.full(15, np.nan, np.float32), "centre beyond"),
        ("scale", np.zeros(15, np.float32), "not positive"),
        ("layer1.bias", np.zeros(4, np.float64), "must be float32"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(saved: Path, name: str, array, reason: str):
    from safetensors import safe_open

    with safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    save_file({**load_file(saved), name: array}, saved, metadata=metadata)
    with pytest.raises(CarouselError, match=reason):
        PolicyFile.load(saved)


def test_a_missing_file_is_reported():
    with pytest.raises(CarouselError, match="cannot be read: No such file"):
        PolicyFile.load(Path("nowhere.safetensors"))


def test_an_unwritable_place_is_reported_and_left_alone(tmp_path: Path):
    blocker = tmp_path / "file"
    blocker.write_text("here")
    with pytest.raises(CarouselError, match="cannot be written"):
        make_file().save(blocker / "policy.safetensors")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CarouselError, match="cannot be written"):
        make_file().save(tmp_path / "folder")
    assert blocker.read_text() == "here"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_network_refuses_users_who_show_other_columns():
    router = LearnedRouter(make_file(), "mine")
    router.check_fits(POPULATION.replace(swap_cost=2.0, session_length=80))
    with pytest.raises(CarouselError, match="trained on other columns"):
        router.check_fits(Population.preset("Taste"))


def test_a_network_plays_any_personas_in_its_slots():
    router = LearnedRouter(make_file(), "mine")
    cast = POPULATION.personas
    router.check_fits(POPULATION.replace(personas=cast[::-1]))
    router.check_fits(POPULATION.replace(personas=("critic", *cast[1:])))
    with pytest.raises(CarouselError, match="trained on other columns"):
        router.check_fits(POPULATION.replace(personas=cast[:-1]))


def test_parts_that_do_not_fit_are_refused_when_made():
    with pytest.raises(CarouselError, match="do not tell where a session begins"):
        make_file(lstm=1, columns=tuple(f"c{i}" for i in range(15)))
    with pytest.raises(CarouselError, match="does not read available_alice"):
        make_file(masked=True, columns=tuple(f"c{i}" for i in range(15)))
    with pytest.raises(CarouselError, match=r"lstm1\.weight_ih has shape"):
        Network("tanh", make_file().network.layers, (*make_file(lstm=1).network.lstm,) * 2)
    with pytest.raises(CarouselError, match="layers is 0"):
        Network("tanh", ())


def test_a_network_of_questions_refuses_users():
    router = LearnedRouter(make_file(RECALL), "mine")
    router.check_fits(RECALL)
    with pytest.raises(CarouselError, match="trained on other columns"):
        router.check_fits(POPULATION)
    history = LearnedRouter(make_file(view=View(history=2)), "mine")
    history.check_fits(POPULATION)
    with pytest.raises(CarouselError, match=r"it needs reply_latency, .* and 16 more"):
        history.check_fits(RECALL)
    context = LearnedRouter(make_file(view=View(visible_context=True)), "mine")
    with pytest.raises(CarouselError):
        context.check_fits(RECALL)
