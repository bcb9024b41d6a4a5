"""Kernels are compiled even where no compiled code can be kept."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import pytest

import carousel_envs
from carousel_envs import _compile


def planted(message):
    """A compiler that cannot cache."""

    def njit(cache=False, **options):
        def decorate(function):
            if cache:
                raise RuntimeError(message)
            return (function, options)

        return decorate

    return njit


def double(x):
    return 2 * x


def test_where_nothing_can_be_kept_kernels_are_compiled_without_a_cache(monkeypatch):
    nowhere = planted("cannot cache function 'double': no locator available for file 'x'")
    monkeypatch.setattr(numba, "njit", nowhere)
    monkeypatch.setattr(_compile, "_SHOWN", {})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        compiled = [_compile.njit(double) for _ in range(3)]
    assert compiled == [(double, {"nogil": True, "error_model": "numpy"})] * 3
    assert [str(warning.message) for warning in told] == [_compile._NOWHERE]


def test_other_troubles_of_the_compiler_are_not_hidden(monkeypatch):
    monkeypatch.setattr(numba, "njit", planted("out of order"))
    with pytest.raises(RuntimeError, match="out of order"):
        _compile.njit(double)


def test_the_compiler_still_says_what_is_listened_for(tmp_path):
    # a locator that is never at home, as where no place can be written
    code = (
        "import numba\n"
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from carousel_envs._compile import njit\n"
        "@njit\n"
        "def double(x): return 2 * x\n"
        "print(double(21))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    ran = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "42\n", ran.stderr
    assert ran.stderr.count(_compile._NOWHERE) == 1


_CALL = (
    "import numpy as np\n"
    "from carousel_envs.recall.session import _shifts\n"
    "print(_shifts(np.zeros(4), np.zeros((2, 4)), np.zeros((2, 4)))[0])\n"
)


def test_a_kernel_is_compiled_anew_when_what_it_calls_has_changed(tmp_path):
    package = tmp_path / "carousel_envs"
    source = Path(carousel_envs.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    surroundings = {**os.environ, "PYTHONPATH": str(tmp_path)}
    surroundings["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")

    def called() -> int:
        command = [sys.executable, "-c", _CALL]
        ran = subprocess.run(
            command, env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return int(ran.stdout)

    before = called()
    blocks = package / "blocks.py"
    blocks.write_text(blocks.read_text().replace("return shift", "return shift - np.int32(1)"))
    assert called() == before - 1
