"""Archives of folders: packed alike, unpacked whole and checked, refused in one sentence."""

import hashlib
import io
import json
import os
import tarfile
import time

import pytest

from carousel_agents.system.archives import archive_of, pack, unpacked
from carousel_envs import CarouselError

FILES = {"b/one.json": b"{}", "a/policy.safetensors": bytes(range(256)) * 5, "a/run.json": b""}


def folder_of(path, files=FILES):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def packed(path, files=FILES):
    """An archive whose folder is gone."""
    folder = folder_of(path, files)
    archive = pack(folder, [folder / name for name in files])
    remove(folder)
    return archive


def remove(folder):
    for file in sorted(folder.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    folder.rmdir()


def contents(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != ".archive"
    }


def entry(name, data):
    return {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def written(path, members, listed=None):
    """An archive of these members, with a manifest of these entries."""
    listed = [entry(name, data) for name, data in members] if listed is None else listed
    manifest = json.dumps({"format": 1, "files": listed}).encode()
    with tarfile.open(path, "w") as archive:
        for name, data in [("manifest.json", manifest), *members]:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def refused(path):
    with pytest.raises(CarouselError) as caught:
        unpacked(path)
    assert "\n" not in str(caught.value)
    assert not path.exists(), "nothing partial is left"
    assert [file.name for file in path.parent.iterdir()] == [archive_of(path).name]
    return str(caught.value)


def test_a_folder_comes_back_as_it_was_packed(tmp_path):
    archive = packed(tmp_path / "runs")
    assert archive == tmp_path / "runs.tar"
    assert unpacked(tmp_path / "runs") == tmp_path / "runs"
    assert contents(tmp_path / "runs") == FILES


def test_the_same_files_give_the_same_bytes(tmp_path):
    first = packed(tmp_path / "here" / "runs").read_bytes()
    folder = folder_of(tmp_path / "there" / "runs", dict(reversed(FILES.items())))
    for file in folder.rglob("*"):
        os.utime(file, (1, time.time() + 1000))
        file.chmod(0o700)
    assert pack(folder, [folder / name for name in FILES]).read_bytes() == first
    # nor does it matter that the folder was itself unpacked
    unpacked(tmp_path / "here" / "runs")
    again = tmp_path / "here" / "runs"
    assert pack(again, [again / name for name in FILES]).read_bytes() == first


def test_a_path_below_the_folder_is_enough(tmp_path):
    packed(tmp_path / "runs")
    assert unpacked(tmp_path / "runs" / "a" / "run.json").is_file()
    assert not unpacked(tmp_path / "runs" / "nowhere").exists()


def test_a_path_of_no_archive_is_left_alone(tmp_path):
    assert unpacked(tmp_path / "else" / "where") == tmp_path / "else" / "where"
    assert list(tmp_path.iterdir()) == []
    unpacked(tmp_path / ("long" * 100) / "a")


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    packed(tmp_path / "runs")
    unpacked(tmp_path / "runs")
    (tmp_path / "runs" / "more").write_bytes(b"trained since")
    unpacked(tmp_path / "runs")
    assert (tmp_path / "runs" / "more").exists()
    own = folder_of(tmp_path / "own" / "runs", {"x": b"1"})
    written(archive_of(own), [("y", b"2")])
    unpacked(own)
    assert contents(own) == {"x": b"1"}


def test_a_folder_of_another_version_is_refused_until_it_is_packed(tmp_path):
    packed(tmp_path / "runs")
    folder = unpacked(tmp_path / "runs")
    written(archive_of(folder), [("a/run.json", b"newer")])
    with pytest.raises(
        CarouselError, match=r"unpacked from another version of .*runs\.tar; remove"
    ):
        unpacked(folder / "a")
    pack(folder, [folder / "a" / "run.json"])
    assert unpacked(folder / "a").is_dir()


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "..", "C:/x", "a\\..\\x"])
def test_members_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    written(tmp_path / "runs.tar", [("a", b"1"), (name, b"2")])
    assert "leads out of the folder" in refused(tmp_path / "runs")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_members_that_are_no_files_are_refused(tmp_path, kind):
    member = tarfile.TarInfo("a")
    member.type, member.linkname = kind, "/etc/passwd"
    written(tmp_path / "runs.tar", [(member, b"")], listed=[entry("a", b"")])
    assert "is no regular file" in refused(tmp_path / "runs")


@pytest.mark.parametrize(
    ("members", "listed", "sentence"),
    [
        ([("a", b"1")], [entry("a", b"2")], "another size or digest"),
        ([("a", b"1")], [{**entry("a", b"1"), "size": 2}], "another size or digest"),
        ([("a", b"1")], [], "'a' in it is not in its manifest.json"),
        ([], [entry("a", b"1")], "is damaged: it lacks 'a'"),
        ([("a", b"1"), ("a", b"2")], [entry("a", b"2")], "'a' in it is there twice"),
        ([], [{"path": "a"}], "its manifest.json has another form"),
        ([], [3], "its manifest.json has another form"),
    ],
)
def test_an_archive_that_is_not_what_its_manifest_says_is_refused(
    tmp_path, members, listed, sentence
):
    written(tmp_path / "runs.tar", members, listed)
    assert sentence in refused(tmp_path / "runs")


def test_damaged_archives_are_one_sentence(tmp_path):
    whole = packed(tmp_path / "runs").read_bytes()
    header = whole.rindex(b"a/policy.safetensors")
    body = whole.index(bytes(range(256)))
    for damaged in (
        b"",
        b"no archive at all",
        whole[:2000],
        whole[:700],
        whole[:header] + b"A" + whole[header + 1 :],
        whole[:body] + b"\xff" + whole[body + 1 :],
    ):
        archive_of(tmp_path / "runs").write_bytes(damaged)
        assert "runs.tar is damaged" in refused(tmp_path / "runs")
    written(tmp_path / "runs.tar", [], [])
    other = (tmp_path / "runs.tar").read_bytes().replace(b'"format": 1', b'"format": 2')
    (tmp_path / "runs.tar").write_bytes(other)
    assert "in the format of this version" in refused(tmp_path / "runs")


def test_an_archive_without_a_manifest_is_refused(tmp_path):
    with tarfile.open(tmp_path / "runs.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    assert "it has no manifest.json" in refused(tmp_path / "runs")
