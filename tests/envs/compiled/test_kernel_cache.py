"""Compiled kernels on disk: nothing found there stops a command, and others may not write there."""

from __future__ import annotations

import importlib.util
import os
import pickle
import stat
from typing import TYPE_CHECKING

import numba
import numpy as np
import pytest
from numba.core.caching import FunctionCache, IndexDataCacheFile

from carousel_envs.compiled import kernel_cache
from carousel_envs.compiled.kernel_cache import KernelFiles
from carousel_envs.foundation import messages

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
from carousel_envs.compiled.compiler import njit
@njit
def double(x): return 2 * x
"""
COMPILED, LOADED = (42, 0), (42, 1)


@pytest.fixture
def double(tmp_path, monkeypatch, caplog):
    """Makes a kernel as a new process would and calls it: its result, how many signatures were
    loaded, and what was logged."""
    script = tmp_path / "double.py"
    script.write_text(SCRIPT)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))

    def run() -> tuple[tuple[int, int], list[str]]:
        monkeypatch.setattr(messages, "_SAID", set())
        spec = importlib.util.spec_from_file_location("double", script)
        module = importlib.util.module_from_spec(spec)
        caplog.clear()
        spec.loader.exec_module(module)
        result = module.double(21)
        loaded = sum(module.double.stats.cache_hits.values())
        return (result, loaded), [record.getMessage() for record in caplog.records]

    return run


def files(tmp_path: Path, suffix: str) -> list[Path]:
    return sorted(path for path in (tmp_path / "cache").rglob(f"double.double-*{suffix}"))


def test_a_kernel_is_loaded_again(double, tmp_path):
    assert double() == (COMPILED, [])
    assert double() == (LOADED, [])
    assert len(files(tmp_path, ".index")) == len(files(tmp_path, ".kernel")) == 1


@pytest.mark.parametrize("suffix", [".index", ".kernel"])
def test_what_is_damaged_is_compiled_and_written_anew_with_one_warning(double, tmp_path, suffix):
    double()
    (path,) = files(tmp_path, suffix)
    whole = path.read_bytes()
    damaged = {
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "one byte": whole[:-1] + bytes([whole[-1] ^ 1]),
    }
    for content in damaged.values():
        path.write_bytes(content)
        printed, warned = double()
        assert printed == COMPILED
        assert len(warned) == 1
        assert warned[0].endswith("is damaged; its kernel is compiled and written anew")
        assert str(path) in warned[0]
        assert double() == (LOADED, [])


def test_a_file_that_cannot_be_read_is_no_obstacle(double, tmp_path):
    double()
    (path,) = files(tmp_path, ".kernel")
    path.unlink()
    path.mkdir()
    printed, warned = double()
    assert printed == COMPILED
    # nor can it be written over
    assert len(warned) == 2
    assert "cannot be read (Is a directory)" in warned[0]
    assert "cannot be kept in" in warned[1]


def test_a_folder_is_closed_to_others(double, tmp_path):
    old = os.umask(0o002)
    try:
        double()
    finally:
        os.umask(old)
    (folder,) = {path.parent for path in files(tmp_path, ".index")}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_folder_of_another_user_is_not_read(double, tmp_path):
    double()
    (folder,) = {path.parent for path in files(tmp_path, ".index")}
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(elsewhere)
    printed, warned = double()
    assert printed == COMPILED
    assert len(warned) == 1
    assert "compiled kernels are not kept" in warned[0]
    assert "is a link, or no folder" in warned[0]


def test_another_owner_is_named(tmp_path, monkeypatch):
    assert kernel_cache._foreign(tmp_path) is None
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to another user" in str(kernel_cache._foreign(tmp_path))


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(messages, "_SAID", set())


def kept(folder: Path, stamp: str = "now") -> KernelFiles:
    return KernelFiles(str(folder), "double", stamp, is_private=True)


def test_processes_that_write_at_once_never_mix_up_signatures(tmp_path, told):
    one, other = kept(tmp_path), kept(tmp_path)
    known = one._load_index(), other._load_index()  # neither knows of the other
    late = []
    one._load_index, other._load_index = (lambda found=found: dict(found) for found in known)
    one._save_index = late.append
    one.save("f8", "code of f8")
    other.save("i8", "code of i8")
    KernelFiles._save_index(one, late[0])
    assert kept(tmp_path).load("f8") == "code of f8"
    assert kept(tmp_path).load("i8") is None  # the last index does not know of it
    kept(tmp_path).save("i8", "code of i8")
    assert kept(tmp_path).load("i8") == "code of i8"
    assert kept(tmp_path).load("f8") == "code of f8"


def test_machine_code_of_another_signature_is_not_loaded(tmp_path, told):
    kept(tmp_path).save("f8", "code of f8")
    (name,) = kept(tmp_path)._load_index().values()
    kept(tmp_path)._save_index({"i8": name})
    assert kept(tmp_path).load("i8") is None


@pytest.mark.parametrize("how", ["owner", "mode"])
def test_a_file_that_another_user_may_have_written_is_not_read(
    tmp_path, monkeypatch, told, caplog, how
):
    kept(tmp_path).save("f8", "code")
    (path,) = tmp_path.glob("*.kernel")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if how == "mode":
        path.chmod(0o620)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert kept(tmp_path).load("f8") is None
    (record,) = caplog.records
    assert "belongs to another user, or others may write to it" in record.getMessage()
    beside_the_source = KernelFiles(str(tmp_path), "double", "now", is_private=False)
    assert beside_the_source.load("f8") == "code"


def test_a_full_disk_is_told_once_with_its_folder(tmp_path, monkeypatch, told, caplog):
    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(KernelFiles, "_open_for_write", full)
    for number in range(3):
        kept(tmp_path / "new").save(number, "code")
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
    assert str(tmp_path / "new") in record.getMessage()


def test_after_a_full_disk_no_other_kernel_is_taken_for_it(tmp_path, monkeypatch, told, caplog):
    """The index is written last, and what was left by other sources does not fit."""
    kept(tmp_path, "before").save("f8", "old code")
    write = KernelFiles._write

    def full_after_the_index(self, path, content):
        if path.endswith(".kernel"):
            raise OSError(28, "No space left on device")
        write(self, path, content)

    monkeypatch.setattr(KernelFiles, "_write", full_after_the_index)
    kept(tmp_path).save("f8", "new code")
    assert "No space left" in caplog.text
    assert kept(tmp_path).load("f8") is None
    (left,) = tmp_path.glob("*.kernel")
    kept(tmp_path)._save_index({"f8": left.name})
    assert kept(tmp_path).load("f8") is None


def test_files_of_other_sources_are_not_read(tmp_path, told, caplog):
    kept(tmp_path, "before").save("f8", "old code")
    assert kept(tmp_path).load("f8") is None
    kept(tmp_path).save("f8", "new code")
    assert kept(tmp_path).load("f8") == "new code"
    assert not caplog.records


def test_five_hundred_damaged_files_are_all_refused(tmp_path, told):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a pickle was read",)

    rng = np.random.default_rng(0)
    files = kept(tmp_path)
    files.save("f8", b"code" * 20)
    (path,) = tmp_path.glob("*.kernel")
    whole = path.read_bytes()
    for i in range(500):
        damaged = bytearray(whole[: rng.integers(len(whole))] if i % 5 == 0 else whole)
        for _ in range(rng.integers(1, 4)):
            if len(damaged):
                damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
        content = pickle.dumps(Trap()) if i % 50 == 0 else bytes(damaged)
        path.write_bytes(content)
        assert files.load("f8") is None or content == whole
    path.write_bytes(whole)
    assert files.load("f8") == b"code" * 20


def test_what_the_compiler_keeps_privately_is_still_there():
    """`_kernel_cache` stands in for these."""
    for name in ("_load_index", "_save_index", "_data_path", "_open_for_write"):
        assert callable(getattr(IndexDataCacheFile, name)), name
    assert callable(FunctionCache.disable)
