"""Solved references on disk: found again, never trusted when damaged, never in the way."""

from __future__ import annotations

import ast
import hashlib
import importlib
import io
import logging
import os
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from carousel_envs import CarouselError, Population
from carousel_envs.foundation import files, messages
from carousel_envs.reference import Reference, solve, store
from carousel_envs.rollout import rollout
from carousel_envs.spec import models
from support.enumeration import tiny
from support.env_helpers import plain

# the package exports the function under the name of its module
solve_module = importlib.import_module("carousel_envs.reference.solve")

POPULATION = plain()
ARRAYS = {"value": np.array(2.5), "picks": np.arange(6).reshape(2, 3)}


class Solver:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> dict:
        self.asked += 1
        return {name: array.copy() for name, array in ARRAYS.items()}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CAROUSEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ask(solver: Solver, population=POPULATION) -> None:
    found = store.stored("kinds", population, solver)
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_the_second_time_it_is_found(place):
    solver = Solver()
    ask(solver)
    ask(solver)
    assert solver.asked == 1
    assert len(list(place.iterdir())) == 1


def test_every_population_has_an_entry_of_its_own(place):
    solver = Solver()
    ask(solver)
    ask(solver, POPULATION.replace(n_users=11))
    store.stored("rotation", POPULATION, solver)
    assert solver.asked == 3
    assert len(list(place.iterdir())) == 3


def test_another_version_of_the_solvers_solves_anew(place, monkeypatch):
    solver = Solver()
    ask(solver)
    monkeypatch.setattr(store, "solvers", lambda: "other")
    ask(solver)
    assert solver.asked == 2


def test_the_entry_of_another_population_is_not_believed(place, caplog):
    solver, other = Solver(), POPULATION.replace(n_users=11)
    ask(solver)
    ask(solver, other)
    store.entry_path("kinds", other).rename(store.entry_path("kinds", POPULATION))
    with caplog.at_level(logging.WARNING):
        ask(solver)
    assert solver.asked == 3
    assert "is damaged" in caplog.text


@pytest.mark.parametrize("named", ["~nobody-of-this-name/x", "file"])
def test_a_cache_that_is_no_folder_is_said_to_be_none(tmp_path, monkeypatch, caplog, named):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAROUSEL_CACHE", named)
    solver = Solver()
    monkeypatch.setattr(messages, "_SAID", set())
    with caplog.at_level(logging.WARNING):
        ask(solver)
        ask(solver)
    assert solver.asked == 2
    (record,) = caplog.records
    assert record.getMessage().startswith(f"CAROUSEL_CACHE is {named!r}")


def cut(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-30])


def empty(entry: Path) -> None:
    entry.write_bytes(b"")


def scribble(entry: Path) -> None:
    entry.write_bytes(b"not an archive at all")


def change_the_last_bit(entry: Path) -> None:
    whole = bytearray(entry.read_bytes())
    whole[-1] ^= 1
    entry.write_bytes(bytes(whole))


def replace_by_a_bare_archive(entry: Path) -> None:
    whole = io.BytesIO()
    np.savez(whole, **ARRAYS)
    entry.write_bytes(whole.getvalue())


def pickle_something(entry: Path) -> None:
    whole = io.BytesIO()
    np.savez(whole, value=np.array([object()], dtype=object))
    content = whole.getvalue()
    entry.write_bytes(hashlib.sha256(entry.name.encode() + content).digest() + content)


def sign_something_else(entry: Path) -> None:
    content = b"no archive"
    entry.write_bytes(hashlib.sha256(entry.name.encode() + content).digest() + content)


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        empty,
        scribble,
        change_the_last_bit,
        replace_by_a_bare_archive,
        pickle_something,
        sign_something_else,
    ],
)
def test_a_damaged_entry_is_rebuilt_and_said_to_be(place, caplog, damage):
    solver = Solver()
    ask(solver)
    (entry,) = place.iterdir()
    damage(entry)
    with caplog.at_level(logging.WARNING):
        ask(solver)
    assert solver.asked == 2
    assert "is damaged" in caplog.text
    ask(solver)
    assert solver.asked == 2


def test_flipping_any_byte_never_changes_what_is_found(place):
    solver = Solver()
    ask(solver)
    (entry,) = place.iterdir()
    whole = entry.read_bytes()
    for at in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[at] ^= 0xFF
        entry.write_bytes(bytes(flipped))
        ask(solver)


def many(solver: Solver, count: int) -> list[Path]:
    """Entries of as many populations, each used an hour after the one before, the last one now."""
    found = []
    for i in range(count):
        population = POPULATION.replace(n_users=20 + i)
        ask(solver, population)
        path = store.entry_path("kinds", population)
        used = time.time() - 3600 * (count - i)
        os.utime(path, (used, used))
        found.append(path)
    return found


def test_what_was_used_least_recently_gives_way(place, monkeypatch):
    solver = Solver()
    first, second, third = many(solver, 3)
    assert [entry.path for entry in store.entries()] == [first, second, third]
    # to find an entry again is to use it
    ask(solver, POPULATION.replace(n_users=20))
    assert solver.asked == 3
    assert [entry.path for entry in store.entries()] == [second, third, first]
    size = first.stat().st_size
    assert [entry.path for entry in store.prune(3 * size)] == []
    with monkeypatch.context() as patched:
        patched.setattr(store, "prune", partial(store.prune, 3 * size))
        ask(solver, POPULATION.replace(n_users=30))
    assert not second.exists()
    assert [entry.path for entry in store.entries()][:2] == [third, first]
    assert store.prune(0)
    assert store.entries() == []


def test_what_cannot_be_removed_stays_and_what_was_solved_is_kept(place, monkeypatch, caplog):
    foreign, own = many(Solver(), 2)
    unlink = Path.unlink

    def refuse(path, missing_ok=False):
        if path == foreign:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(messages, "_SAID", set())
    monkeypatch.setattr(store, "prune", partial(store.prune, 2 * own.stat().st_size + 50))
    solver = Solver()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            ask(solver)
    assert solver.asked == 1
    assert next(entry.path for entry in store.entries()) == foreign
    assert not own.exists()
    (record,) = caplog.records
    assert record.getMessage() == f"{foreign} cannot be removed (Permission denied); it stays"


def test_entries_of_other_source_are_told_apart(place):
    (path,) = many(Solver(), 1)
    path.rename(path.with_name(path.name.replace(store.solvers(), "0" * 8)))
    (entry,) = store.entries()
    assert not entry.current


def test_what_killed_writes_have_left_is_removed_and_what_is_being_written_stays(place):
    place.mkdir()
    left = [place / f".kinds-{name}-0.reference.{n}.part" for name, n in (("a", 12), ("b", "f0a1"))]
    for path in left:
        path.write_bytes(b"half")
    others = place / ".others.part"
    others.write_bytes(b"of another program")
    with files._part(place / "kinds-c-0.reference") as (writing, _):
        ask(Solver())
        assert writing.exists()
    assert not any(path.exists() for path in left)
    assert others.exists()
    assert len(list(place.iterdir())) == 2


def test_a_write_is_on_the_disk_before_it_is_renamed(place, monkeypatch):
    happened = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (happened.append("flush"), fsync(number)))
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (happened.append("rename"), replace(path, to))
    )
    ask(Solver())
    # of the bytes, and of the folder's entry
    assert happened == ["flush", "rename", "flush"]


def test_without_a_place_everything_is_solved(monkeypatch):
    monkeypatch.setenv("CAROUSEL_CACHE", "")
    solver = Solver()
    ask(solver)
    ask(solver)
    assert solver.asked == 2
    assert store.entry_path("kinds", POPULATION) is None


def test_a_place_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CAROUSEL_CACHE", str(tmp_path / "file" / "cache"))
    solver = Solver()
    with caplog.at_level(logging.WARNING):
        ask(solver)
    assert solver.asked == 1
    assert "cannot be written" in caplog.text


def test_what_the_solver_raises_is_raised_and_nothing_is_kept(place):
    def fail() -> dict:
        raise CarouselError("no")

    with pytest.raises(CarouselError, match="no"):
        store.stored("kinds", POPULATION, fail)
    assert not place.exists()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("what", ["belief", "kinds", "rotation", "relaxation"])
def test_solve_finds_its_own_work_again_and_rebuilds_it_when_damaged(place, caplog, what):
    fields: dict = {"kinds": 1 if what == "belief" else 2, "length": 4}
    if what == "rotation":
        fields |= {"fit": ((1.0, 0.0), (0.0, 1.0)), "boredom_hazard": 0.0, "leave_fresh": 0.0}
        fields |= {"leave_bored": 0.0}
    if what in ("rotation", "relaxation"):
        fields |= {"satiation_gain": 0.3, "satiation_memory": 0.6}
    population = tiny(5, **fields)
    first = solve_anew(population)
    entry = store.entry_path(what, population)
    assert entry is not None
    written = entry.read_bytes()
    assert same(population, solve_anew(population), first)
    assert entry.read_bytes() == written
    change_the_last_bit(entry)
    with caplog.at_level(logging.WARNING):
        assert same(population, solve_anew(population), first)
    assert "is damaged" in caplog.text
    assert store.entry_path(what, population).stat().st_size == len(written)


def solve_anew(population: Population) -> Reference:
    """Solve without what this process remembers."""
    solve_module.solve_users.cache_clear()
    return solve(population)


def same(population: Population, one: Reference, other: Reference) -> bool:
    """Whether figures and the play of every policy agree."""
    assert one.summary() == other.summary()
    return all(
        np.array_equal(
            rollout(population, getattr(one, name), 500).engagement,
            rollout(population, getattr(other, name), 500).engagement,
        )
        for name in ("policy", "blind_policy", "myopic_policy")
    )


def test_what_solves_imports_nothing_of_what_the_digest_leaves_out():
    package = Path(store.__file__).parents[1]
    # these hand shifts and environments with their drawing on, and solve nothing
    seen = {package / "registry.py", package / "__init__.py"}
    waiting = [
        path
        for path in package.glob("reference/**/*.py")
        if store.solves(path.relative_to(package))
    ]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in imported(path, package):
            files = (module.with_suffix(".py"), module / "__init__.py")
            waiting += [file for file in files if file.exists()]
    within = {path.relative_to(package) for path in seen}
    names = (
        "reference/solve.py",
        "rollout.py",
        "users/population.py",
        "users/table.py",
        "users/cues.py",
    )
    assert {Path(name) for name in names} <= within
    assert all(map(store.solves, within))


def test_what_only_left_out_modules_import_is_left_out():
    package = Path(store.__file__).parents[1]
    importers: dict[Path, list[bool]] = {}
    for path in package.rglob("*.py"):
        solves = store.solves(path.relative_to(package))
        for module in imported(path, package):
            importers.setdefault(module.with_suffix(".py"), []).append(solves)
    wasted = [
        path.relative_to(package)
        for path, by in importers.items()
        if path.exists() and not any(by) and store.solves(path.relative_to(package))
    ]
    # what a model's record names is imported by its name
    named = {model.vector.partition(":")[0].split(".", 1)[1] for model in models().values()}
    wasted = [path for path in wasted if ".".join(path.with_suffix("").parts) not in named]
    assert package / "lanes/sheet.py" in importers
    assert package / "lanes/font.py" in importers
    assert wasted == []
    assert all((package / part).exists() for part in store._NEVER_SOLVES)


def imported(path: Path, package: Path) -> set[Path]:
    """What a module of the package imports from the package when it is imported."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            found |= {base} | {base / alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("carousel_envs"):
            base = package.joinpath(*node.module.split(".")[1:])
            found |= {base} | {base / alias.name for alias in node.names}
    return found


def test_a_change_of_a_page_keeps_what_is_solved(tmp_path, monkeypatch):
    package = tmp_path / "carousel_envs"
    shutil.copytree(Path(store.__file__).parents[1], package)
    monkeypatch.setattr(store, "__file__", str(package / "reference" / "store.py"))
    digest = store.solvers.__wrapped__
    before = digest()
    assert before == store.solvers()
    for name, changes in (("environments/boredom.py", False), ("users/session.py", True)):
        with (package / name).open("a") as file:
            file.write("# more\n")
        assert (digest() != before) is changes, name
