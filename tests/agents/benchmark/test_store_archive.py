"""A store that is kept as an archive: every command that is given a path in it finds its runs."""

import shutil

import pytest
from typer.testing import CliRunner

from carousel_agents.benchmark.store import RunStore
from carousel_agents.commands.app import app
from carousel_agents.generalisation.taking_part import controls, policies
from carousel_agents.router import find_router
from carousel_envs import CarouselError, Population
from support.filled import files, filled, run

BOREDOM = Population.preset("Boredom")


@pytest.fixture
def store(tmp_path):
    """A store of two runs, of which only the archive is left; and its files."""
    folder = tmp_path / "runs"
    filled(folder, run(0), run(1))
    (folder / "Boredom" / "ppo" / "seed-0" / "training.checkpoint").write_bytes(b"left over")
    RunStore(folder).pack()
    kept = {name: data for name, data in files(folder).items() if "checkpoint" not in name}
    shutil.rmtree(folder)
    return folder, kept


def test_an_archive_holds_policies_and_records_alone(store):
    folder, kept = store
    records, unfinished = RunStore(folder).finished()
    assert (len(records), unfinished) == (2, 0)
    assert files(folder) == kept
    names = {name for name in kept if name != ".archive"}
    policy, record = "policy.safetensors", "run.json"
    assert names == {f"Boredom/ppo/seed-{i}/{file}" for i in (0, 1) for file in (policy, record)}


@pytest.mark.parametrize(
    "read",
    [
        lambda folder: find_router(f"{folder}/Boredom/ppo/seed-1/policy.safetensors", BOREDOM),
        lambda folder: policies([f"{folder}/Boredom/ppo"]),
        lambda folder: controls([f"{folder}/Boredom/ppo"], [BOREDOM]),
        lambda folder: CliRunner().invoke(
            app,
            ["inspect", f"{folder}/Boredom/ppo/seed-0/policy.safetensors"],
            catch_exceptions=False,
        ),
    ],
)
def test_a_path_in_it_is_enough(store, read):
    folder, kept = store
    read(folder)
    assert files(folder) == kept


def test_filling_goes_on_from_the_archive_and_packing_is_repeatable(store):
    folder, _ = store
    archive = folder.with_name("runs.tar")
    before = archive.read_bytes()
    assert [result.status for result in filled(folder, run(0), run(1))] == ["kept", "kept"]
    assert RunStore(folder).pack() == archive
    assert archive.read_bytes() == before
    assert [result.status for result in filled(folder, run(1), run(2))] == ["kept", "done"]
    RunStore(folder).pack()
    shutil.rmtree(folder)
    assert len(RunStore(folder).finished()[0]) == 3


def test_a_damaged_archive_is_one_sentence(store):
    folder, _ = store
    archive = folder.with_name("runs.tar")
    archive.write_bytes(archive.read_bytes()[:3000])
    for read in (RunStore(folder).finished, lambda: policies([str(folder)])):
        with pytest.raises(CarouselError, match=r"runs\.tar is damaged: ") as caught:
            read()
        assert "\n" not in str(caught.value)
    assert not folder.exists()
