"""Kernels are compiled even where no compiled code can be kept."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import carousel_envs
from carousel_envs.compiled import compiler
from carousel_envs.foundation import messages


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


def test_where_nothing_can_be_kept_kernels_are_compiled_without_a_cache(monkeypatch, caplog):
    nowhere = planted("cannot cache function 'double': no locator available for file 'x'")
    monkeypatch.setattr(numba, "njit", nowhere)
    monkeypatch.setattr(messages, "_SAID", set())
    with caplog.at_level(logging.WARNING):
        compiled = [compiler.njit(double) for _ in range(3)]
    assert compiled == [(double, {"nogil": True, "error_model": "numpy"})] * 3
    assert [record.getMessage() for record in caplog.records] == [compiler._NOWHERE]


def test_other_troubles_of_the_compiler_are_not_hidden(monkeypatch):
    monkeypatch.setattr(numba, "njit", planted("out of order"))
    with pytest.raises(RuntimeError, match="out of order"):
        compiler.njit(double)


def test_without_a_cache_folder_importing_is_no_error_where_warnings_are():
    # a locator that is never at home, as where no place can be written
    code = (
        "import numba\n"
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "import carousel_envs\n"
        "from carousel_envs.compiled.rng import lane_keys\n"
        "print(lane_keys(3, 2)[1] == lane_keys(4, 1)[0])\n"
    )
    ran = run(code)
    assert ran.stdout == "True\n", ran.stderr
    assert ran.stderr == f"{compiler._NOWHERE}\n"


_PLAY = (
    "import hashlib, sys\n"
    "import numpy as np\n"
    "from carousel_envs.registry import any_population, vector_env\n"
    "digest = hashlib.sha256()\n"
    "played = ('Welfare', 'NextStep'), ('Satiation', 'SameStep'), ('Recall', 'SameStep')\n"
    "for name, mode in played:\n"
    "    env = vector_env(any_population(name), 2, autoreset_mode=mode)\n"
    "    digest.update(env.reset(seed=3)[0].tobytes())\n"
    "    for actions in np.random.default_rng(0).integers(3, size=(50, 2)):\n"
    "        *arrays, info = env.step(actions)\n"
    "        for array in (*arrays, info['action_mask'], info['swapped'], info['user']):\n"
    "            digest.update(np.ascontiguousarray(array).tobytes())\n"
    "sys.stdout.write(digest.hexdigest())\n"
)


def test_without_the_compiler_sessions_are_the_same(capsys):
    exec(_PLAY, {})
    compiled = capsys.readouterr().out
    ran = run(_PLAY, NUMBA_DISABLE_JIT="1")
    assert ran.returncode == 0, ran.stderr
    assert (ran.stdout, ran.stderr) == (compiled, "")


def run(code: str, **surroundings: str) -> subprocess.CompletedProcess:
    """A process of its own in which warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **surroundings},
        capture_output=True,
        text=True,
        check=False,
    )


_CALL = (
    "from carousel_envs import CarouselVectorEnv\n"
    "print(*CarouselVectorEnv(2).reset(seed=3)[1]['user'])\n"
)


def test_kernels_are_compiled_anew_when_what_they_call_has_changed_and_that_is_said(tmp_path):
    package = tmp_path / "carousel_envs"
    source = Path(carousel_envs.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    surroundings = {**os.environ, "PYTHONPATH": str(tmp_path)}
    surroundings["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")

    def called() -> tuple[str, str]:
        command = [sys.executable, "-W", "error", "-c", _CALL]
        ran = subprocess.run(
            command, env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return ran.stdout, ran.stderr

    users, said = called()
    assert "0" not in users.split()
    assert said == f"{compiler._COMPILING}\n", "said once, though more kernels are compiled"
    assert called() == (users, ""), "kept, so that nobody waits"
    blocks = package / "compiled" / "blocks.py"
    text = blocks.read_text()
    blocks.write_text(text.replace("listed[n_listed] = j", "listed[n_listed] = np.uint64(0)"))
    first = users.split()[0]
    assert called() == (f"{first} 0\n", said), "what lists lanes now lists the first one alone"


def test_files_whose_constants_kernels_hold_are_found(tmp_path):
    package = Path(carousel_envs.__file__).parent
    found = {path.relative_to(package).as_posix() for path in compiler.compiled_files(package)}
    assert found >= {
        "users/turn.py",
        "users/outputs.py",
        "users/arrays.py",
        "users/table.py",
        "questions/table.py",
        "compiled/codes.py",
        "compiled/blocks.py",
    }
    assert "users/population.py" not in found
    files = {
        "kernel.py": "from .numbers.mid import (\n    SIZE,\n)\n"
        "from . import codes, steps\n@session_kernel\ndef f(): ...\n",
        "steps.py": "@part\ndef g(): ...\n",
        "codes.py": "ONE = 1\n",
        "numbers/mid.py": "from ..base import BASE\nSIZE = 2 * BASE\n",
        "base.py": "BASE = 3\n",
        "other.py": "from .kernel import f\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = {path.relative_to(tmp_path).as_posix() for path in compiler.compiled_files(tmp_path)}
    assert found == files.keys() - {"other.py"}
