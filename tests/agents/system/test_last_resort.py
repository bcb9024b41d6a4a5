"""What the command line says of errors that nothing below it foresaw."""

import errno
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from carousel_agents import cli
from carousel_agents.commands import app
from carousel_agents.system import console

LONG = "a" * 300


def failure(capsys: pytest.CaptureFixture[str], monkeypatch: Any, *arguments: Any) -> str:
    """The one sentence with which a command fails."""
    monkeypatch.setattr(sys, "argv", ["carousel", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (1, "")
    (line,) = said.err.splitlines()
    return line


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "Boredom", "--out", f"{LONG}.safetensors"),
        ("train", "Boredom", "--out", f"{LONG}.safetensors", "--force"),
        # not too long itself, but there is no room for a temporary name beside it
        ("train", "Boredom", "--out", f"{'a' * 240}.safetensors"),
        ("tune", "Boredom", "--out", f"{LONG}.toml"),
        ("export", "none", "--out", f"{LONG}.npz"),
        ("inspect", LONG),
    ],
)
def test_names_that_are_too_long_are_named(
    arguments: tuple[str, ...], capsys, monkeypatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    said = failure(capsys, monkeypatch, *arguments)
    assert "'aaaaaaaaaa" in said
    assert "aaa... cannot be " in said
    assert said.endswith(": File name too long")
    assert len(said) < 160
    assert not list(tmp_path.iterdir())


def raised(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def run() -> None:
        raise error

    monkeypatch.setattr(app, "run", run)


def test_a_file_is_named_and_standard_output_is_not_blamed(capsys, monkeypatch):
    denied = PermissionError(errno.EACCES, "Permission denied", "some/file")
    raised(monkeypatch, denied)
    said = failure(capsys, monkeypatch)
    assert said == "carousel: some/file cannot be used: Permission denied"
    raised(monkeypatch, OSError(errno.ENAMETOOLONG, "File name too long", LONG))
    said = failure(capsys, monkeypatch)
    assert said == f"carousel: '{'a' * 76}... cannot be used: File name too long"


def test_a_folder_whose_name_is_too_long_is_one_sentence(capsys, monkeypatch):
    said = failure(capsys, monkeypatch, "table", LONG)
    assert "aaaaaaaaaa" in said
    assert "standard output" not in said


def test_what_names_no_file_blames_nobody(capsys, monkeypatch):
    raised(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    said = failure(capsys, monkeypatch)
    assert said == "carousel: the system refused to read or to write: No space left on device"


class Full(io.StringIO):
    """A standard output that takes nothing."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_standard_output_is_blamed_where_it_is_full(capsys, monkeypatch):
    class EndedError(Exception):
        pass

    def ends(code: int) -> None:
        raise EndedError(code)

    monkeypatch.setattr(cli.os, "_exit", ends)
    monkeypatch.setattr(sys, "argv", ["carousel", "--version"])
    monkeypatch.setattr(sys, "stdout", Full())
    # what could not be written stays in the console: that of a process that ends here
    monkeypatch.setattr(console, "OUT", Console(force_jupyter=False))
    with pytest.raises(EndedError, match="1"):
        cli.main()
    said = capsys.readouterr().err
    assert said == "carousel: standard output cannot be written: No space left on device\n"
