"""What foreign archives raise while they are imported is a sentence, and never a success."""

import base64
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from typer.testing import CliRunner

from carousel_agents.commands.app import app
from carousel_agents.system.interruption import Interrupted
from carousel_envs import CarouselError
from support.learned_models import trained_model
from support.policy_files import POPULATION


class Raises:
    """Raises when it is unpickled."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        return (raising, (self.error,))


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Foreign(BaseException):
    pass


def raising(error: BaseException) -> None:
    raise error


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.zip"
    trained_model("ppo", POPULATION, steps=320, plain=True).save(path)
    return path


def importing(archive: Path, out: Path, *more: Any) -> Any:
    command = ("import-sb3", archive, "Boredom", "--algo", "ppo", "--trust", "--out", out, *more)
    return CliRunner().invoke(app, [str(a) for a in command], catch_exceptions=False)


def refusal(archive: Path, out: Path, *more: Any) -> str:
    with pytest.raises(CarouselError) as caught:
        importing(archive, out, *more)
    assert not out.exists()
    assert str(caught.value).isprintable()
    return str(caught.value)


def with_data(model: Path, path: Path, **changes: Any) -> Path:
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "data":
                content = json.dumps({**json.loads(content), **changes}).encode()
            new.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_STORED]
)
@pytest.mark.parametrize("name", ["_stable_baselines3_version", "data"])
def test_damaged_streams_are_one_sentence(name: str, method: int, tmp_path: Path):
    damaged, text = tmp_path / "damaged.zip", bytes(range(256)) * 8
    with zipfile.ZipFile(damaged, "w") as archive:
        if name == "data":
            archive.writestr("_stable_baselines3_version", "2.9.2")
        archive.writestr(name, text, compress_type=method)
        entry = archive.getinfo(name)
        # behind its header: 30 bytes and the name; and behind LZMA's own, which is 9
        start = entry.header_offset + 30 + len(name)
        begin = start + 9 * (method == zipfile.ZIP_LZMA)
        end = start + entry.compress_size
    whole = bytearray(damaged.read_bytes())
    whole[begin:end] = b"\xff" * (end - begin)
    damaged.write_bytes(whole)
    assert "damaged.zip" in refusal(damaged, tmp_path / "p.safetensors")


@pytest.mark.parametrize("steps", ["abc", float("inf"), float("nan"), -1, 1.5, None, [1], 10**30])
def test_steps_that_are_none_are_one_sentence(steps: Any, model: Path, tmp_path: Path):
    archive = with_data(model, tmp_path / "m.zip", num_timesteps=steps)
    said = refusal(archive, tmp_path / "p.safetensors")
    assert "cannot be loaded as a model of ppo: its num_timesteps is " in said


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(0), "it raises SystemExit"),
        (GeneratorExit(), "it raises GeneratorExit"),
        (Foreign("x"), "it raises Foreign"),
        (MuteError(), "MuteError"),
        (ValueError("a\nb\x1b[31m"), "a b?[31m"),
        (ValueError(), "ValueError"),
    ],
)
def test_whatever_foreign_content_raises_is_a_failure(
    error: BaseException, reason: str, model: Path, tmp_path: Path
):
    serialized = base64.b64encode(cloudpickle.dumps(Raises(error))).decode()
    entry = {":type:": "<class 'dict'>", ":serialized:": serialized}
    archive, out = tmp_path / "m.zip", tmp_path / "p.safetensors"
    with_data(model, archive, policy_kwargs=entry)
    assert refusal(archive, out).endswith(f"cannot be loaded as a model of ppo: {reason}")
    stats = tmp_path / "stats.pkl"
    stats.write_bytes(pickle.dumps(Raises(error)))
    said = refusal(model, out, "--vecnormalize", stats)
    assert said.endswith(f"cannot be loaded as statistics of VecNormalize: {reason}")


@pytest.mark.parametrize("error", [Interrupted(), KeyboardInterrupt()])
def test_an_import_can_be_interrupted(error: BaseException, model: Path, tmp_path: Path):
    (tmp_path / "stats.pkl").write_bytes(pickle.dumps(Raises(error)))
    arguments = ("--vecnormalize", tmp_path / "stats.pkl")
    if isinstance(error, KeyboardInterrupt):
        # what the framework of the command line makes of it
        assert importing(model, tmp_path / "p.safetensors", *arguments).exit_code == 130
    else:
        with pytest.raises(Interrupted):
            importing(model, tmp_path / "p.safetensors", *arguments)
    assert not (tmp_path / "p.safetensors").exists()


def test_a_model_without_statistics_is_imported_without_a_word(model: Path, tmp_path: Path):
    done = importing(model, tmp_path / "p.safetensors", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["algorithm"] == "ppo"
    assert done.stderr == ""


def test_a_model_that_scales_columns_itself_has_no_statistics_to_miss(tmp_path: Path):
    trained_model("ppo", POPULATION, steps=320).save(tmp_path / "own.zip")
    assert importing(tmp_path / "own.zip", tmp_path / "p.safetensors").stderr == ""
