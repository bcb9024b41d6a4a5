"""Policy files: what is written comes back, and nothing else gets in."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from carousel_agents.learning import LearnedRouter, PolicyFile
from carousel_envs import CarouselError, Columns, Population, column_names

POPULATION = Population.preset("Boredom")


def make_file(population: Population = POPULATION, hidden: int = 8) -> PolicyFile:
    rng = np.random.default_rng(0)
    width, personas = Columns.of(population).width, population.n_actions
    sizes = [(hidden, width), (personas, hidden)]
    return PolicyFile(
        algorithm="ppo",
        environment="Carousel/Boredom-v0",
        population=population,
        columns=column_names(population),
        activation="tanh",
        counts=(Columns.of(population).streak,),
        centre=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        layers=tuple(
            (rng.normal(size=s).astype(np.float32), rng.normal(size=s[0]).astype(np.float32))
            for s in sizes
        ),
        training={"steps": 10, "seed": 0},
        versions={"numpy": np.__version__},
    )


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


def test_a_saved_policy_comes_back_whole(saved: Path):
    before, after = make_file(), PolicyFile.load(saved)
    assert after.population == before.population
    assert (after.algorithm, after.environment) == (before.algorithm, before.environment)
    assert (after.columns, after.counts) == (before.columns, before.counts)
    assert after.training == before.training
    observation = np.random.default_rng(1).uniform(0, 2, (50, len(after.columns)))
    observation = observation.astype(np.float32)
    np.testing.assert_array_equal(
        LearnedRouter(before, "a").logits(observation),
        LearnedRouter(after, "b").logits(observation),
    )


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
        (lambda d: d.update(format=2), "format is 2"),
        (lambda d: d.pop("columns") and None, "'columns' is missing"),
        (lambda d: d["population"].update(swap_cost=3.0), "does not match its fingerprint"),
        (lambda d: d["population"].update(swap_cost=-3.0), "swap_cost is -3.0"),
        (lambda d: d["population"].update(charm=1), "charm is not a field"),
        (lambda d: d["architecture"].update(activation="eval"), "activation is 'eval'"),
        (lambda d: d["architecture"].update(layers=10**9), "claims 1000000000 layers"),
        (lambda d: d["architecture"].update(layers=1), "8 outputs for 4 personas"),
        (lambda d: d["architecture"].update(layers=3), "'layer2.weight' is missing"),
        (lambda d: d["architecture"].update(counts=[99]), "counts columns"),
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
        ("layer0.weight", np.zeros((8, 3), np.float32), "inputs reach it"),
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


def test_a_missing_file_is_told():
    with pytest.raises(CarouselError, match="cannot be read: No such file"):
        PolicyFile.load(Path("nowhere.safetensors"))


def test_a_place_that_cannot_be_written_is_told_and_left_alone(tmp_path: Path):
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
