"""Untrusted files: nothing in them runs, and nothing in them reaches the terminal."""

import base64
import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from safetensors.numpy import save_file

from carousel_agents.learning import LearnedRouter, PolicyFile
from carousel_envs import CarouselError
from support.command_line import carousel
from support.matrix import most_later
from support.policy_files import POPULATION, RECALL, make_file


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.target}",))


# -- archives of Stable-Baselines3 ------------------------------------------------------------


def in_data(archive: zipfile.ZipFile, bomb: Bomb) -> None:
    serialized = base64.b64encode(cloudpickle.dumps(bomb)).decode()
    entry = {":type:": "<class 'dict'>", ":serialized:": serialized}
    archive.writestr("data", json.dumps({"policy_kwargs": entry}))


def in_weights(archive: zipfile.ZipFile, bomb: Bomb) -> None:
    archive.writestr("data", json.dumps({"policy_class": None}))
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as weights:
        weights.writestr("archive/data.pkl", pickle.dumps(bomb))
        weights.writestr("archive/version", "3\n")
    archive.writestr("policy.pth", inside.getvalue())


IMPORT = ("import-sb3", "evil.zip", "Boredom", "--algo", "ppo", "--out", "policy.safetensors")


@pytest.mark.parametrize("place", most_later([in_data, in_weights], lambda place: place is in_data))
def test_nothing_in_an_archive_runs_unless_it_is_trusted(place, tmp_path: Path):
    mark = tmp_path / "ran"
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        place(archive, Bomb(mark))
        archive.writestr("_stable_baselines3_version", "2.9.2")
    (tmp_path / "stats.pkl").write_bytes(pickle.dumps(Bomb(mark)))
    for extra in ((), ("--vecnormalize", "stats.pkl")):
        done = carousel(*IMPORT, *extra, cwd=tmp_path)
        assert done.returncode == 1
        assert "runs whatever code it contains; give --trust" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not mark.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.zip", "stats.pkl"]


@pytest.mark.slow
def test_what_trust_means(tmp_path: Path):
    """The bomb is live, or the test above shows nothing; weights are never unpickled."""
    for place, goes_off in ((in_data, True), (in_weights, False)):
        mark = tmp_path / place.__name__
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            place(archive, Bomb(mark))
            archive.writestr("_stable_baselines3_version", "2.9.2")
        done = carousel(*IMPORT, "--trust", cwd=tmp_path)
        assert done.returncode == 1
        assert "evil.zip cannot be loaded as a model of ppo" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert mark.exists() == goes_off
        assert not (tmp_path / "policy.safetensors").exists()


# -- policy files -----------------------------------------------------------------------------

DOCUMENT = json.dumps(make_file().document())


def written(path: Path, text: str) -> Path:
    save_file(make_file().tensors(), path, metadata={"carousel": text})
    return path


def with_training(value: str) -> str:
    return DOCUMENT.replace('"training": {"steps": 10, "seed": 0}', f'"training": {value}')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("__import__('os').system('touch ran')", "no JSON"),
        ("{'format': 2}", "no JSON"),
        ("[" * 100_000, "nested deeper"),
        (with_training('{"a":' * 40 + "1" + "}" * 40), "nested deeper"),
        (with_training('{"a":' * 900 + "1" + "}" * 900), "nested deeper"),
        (with_training('{"a": ' + "9" * 10**6 + "}"), "more than 20 digits"),
        (with_training('{"a": 1e999}'), "holds '1e999', which is too large"),
        (with_training('{"a": NaN}'), "holds NaN"),
        (with_training('{"a": -Infinity}'), "holds -Infinity"),
        (with_training('{"a": 1, "a": 2}'), "says 'a' twice"),
        (DOCUMENT[:-1] + ', "format": 2}', "says 'format' twice"),
        (with_training('"' + "a" * (1 << 22) + '"'), "4194304 may be"),
        (DOCUMENT[:-1] + ', "__class__": "os.system"}', "has '__class__', which is unknown"),
        (DOCUMENT.replace('"kind": "users"', '"kind": "os.system"'), "of kind 'os.system'"),
        (DOCUMENT.replace('"swap_cost": 0.8', '"swap_cost": 1e300'), "swap_cost"),
        (DOCUMENT.replace('"ppo"', '"\\u001b[2Jppo"'), "must be a short printable text"),
        (pickle.dumps(Path("ran"), protocol=0).decode("latin-1"), "no JSON"),
        ("null", "no JSON object"),
        ("", "no JSON"),
    ],
)
def test_crafted_descriptions_are_refused(text: str, reason: str, tmp_path: Path):
    path = written(tmp_path / "policy.safetensors", text)
    with pytest.raises(CarouselError, match=reason) as caught:
        PolicyFile.load(path)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 1000
    assert [p.name for p in tmp_path.iterdir()] == ["policy.safetensors"]


STRANGE = {
    "expression": "__import__('os').system('touch ran')",
    "__class__": "posix.system",
    "__reduce__": ["posix.system", ["touch ran"]],
    "path": "../../etc/passwd",
    "pickle": pickle.dumps(Path("ran"), protocol=0).decode("latin-1"),
    "escape": "\x1b]0;title\x07\x1b[31mred\x9b2J\u202eabc",
    "\x1b[2Jkey": "lines\nand\rreturns",
    "markup": "[bold red]not bold[/]",
    "surrogate": "\ud800",
    "long": "y" * 100_000,
}


def test_strange_text_is_text(tmp_path: Path):
    path = tmp_path / "policy.safetensors"
    make_file(training=STRANGE).save(path)
    loaded = PolicyFile.load(path)
    assert loaded.training == STRANGE
    LearnedRouter(loaded, "strange").check_fits(POPULATION)
    done = carousel("inspect", path.name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "__import__('os').system('touch ran')" in done.stdout
    assert "[bold red]not bold[/]" in done.stdout
    assert all(c.isprintable() or c == "\n" for c in done.stdout)
    assert len(done.stdout) < 5_000
    plain = carousel("inspect", path.name, "--json", cwd=tmp_path)
    assert plain.stdout.isascii()
    assert json.loads(plain.stdout)["training"] == STRANGE
    assert [p.name for p in tmp_path.iterdir()] == ["policy.safetensors"]


def test_a_file_cannot_fill_the_screen(tmp_path: Path):
    path = tmp_path / "policy.safetensors"
    make_file(training={f"{i}" * 100: i for i in range(5000)}).save(path)
    said = carousel("inspect", path.name, cwd=tmp_path).stdout
    assert "fields more; --json shows all" in said
    assert len(said.splitlines()) < 100
    assert max(map(len, said.splitlines())) < 200


def test_escapes_in_names_do_not_reach_sentences(tmp_path: Path):
    topics = ("a\x1b[31m", *RECALL.topics[1:])
    questions = RECALL.replace(topics=topics, interests=(), forbidden_topic=None)
    router = LearnedRouter(make_file(questions), "strange")
    with pytest.raises(CarouselError) as caught:
        router.check_fits(POPULATION)
    assert str(caught.value).isprintable()
    name = tmp_path / "policy.safetensors"
    header = {"\x1b[31m": {"dtype": "\x1b[32m", "shape": [1], "data_offsets": [0, 4]}}
    for change in ({}, {"\x1b[31m": {**header["\x1b[31m"], "dtype": "I32"}}):
        text = json.dumps({"__metadata__": {"carousel": "{}"}, **header, **change}).encode()
        name.write_bytes(len(text).to_bytes(8, "little") + text + np.zeros(1, "<i4").tobytes())
        with pytest.raises(CarouselError) as caught:
            PolicyFile.load(name)
        assert str(caught.value).isprintable()
