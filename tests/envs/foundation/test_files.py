"""Reading what may be no file at all, and names that are nearly right."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import UsageError, finite_rows, named
from carousel_envs.foundation.files import check_folder, check_writable, read_whole, write_whole


def test_a_regular_file_is_read_to_its_end(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_whole(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="has 5 bytes; at most 4 are read") as refused:
        read_whole(tmp_path / "file", 4)
    assert refused.value.errno == errno.EFBIG


def test_devices_pipes_and_folders_are_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/full", "/dev/zero", str(tmp_path / "pipe")):
        with pytest.raises(OSError, match="it is not a regular file"):
            read_whole(Path(path))
    with pytest.raises(IsADirectoryError):
        read_whole(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / "nothing")


def test_a_file_that_says_it_is_smaller_is_not_read_on():
    # files of the system have no size
    with pytest.raises(OSError, match="more than 3 bytes"):
        read_whole(Path("/proc/self/status"), 3)


def test_a_place_for_a_folder_holds_a_folder_or_nothing(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "new")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(CarouselError, match="it is not a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(CarouselError, match="it is a link to nothing"):
        check_folder(tmp_path / "link")


def test_names_are_found_in_any_case_and_the_nearest_is_suggested():
    known = ("Boredom", "Taste", "swap-cost")
    assert named("axis", "SWAP-Cost", known) == "swap-cost"
    with pytest.raises(UsageError, match=r"axis 'swap_cos' is unknown \(did you mean swap-cost\?"):
        named("axis", "swap_cos", known)
    for other in (None, 3, "", "xyz", ["Taste"]):
        with pytest.raises(UsageError, match=r"is unknown; known are Boredom, Taste, swap-cost$"):
            named("axis", other, known)
    assert named("letter", "a", ("a", "A")) == "a"
    with pytest.raises(UsageError):
        named("word", "Ab", ("ab", "AB"))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([[1.0, 2.0], [3.0]], "its rows differ in length"),
        ([1.0, 2.0], r"of dtype float64 and shape \(2,\)"),
        ([["a"]], "must be numbers of shape"),
        ([[1.0, float("nan")]], "holds nan in row 0, column 1"),
        ([[1.0], [float("-inf")]], "holds -inf in row 1, column 0"),
    ],
)
def test_rows_of_anything_but_finite_numbers_are_refused(rows, sentence):
    with pytest.raises(CarouselError, match=sentence):
        finite_rows("observation", rows)
    assert finite_rows("observation", [[1e38], [-1e38]]).shape == (2, 1)


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_written_to(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    check_writable(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    for data in (b"one", b"two"):
        write_whole(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_fails_between_opening_and_writing_leaves_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", lambda _: (_ for _ in ()).throw(OSError(5, "broken")))
        with pytest.raises(CarouselError, match="file cannot be written: broken"):
            write_whole(tmp_path / "file", b"one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refused", ["open", "fsync"])
def test_what_has_been_written_is_not_said_to_have_failed(tmp_path, monkeypatch, refused):
    """A folder may refuse to be opened or flushed after the rename."""
    fsync, opened = os.fsync, os.open

    def no_fsync(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        fsync(number)

    def no_open(path, flags, *more, **named):
        if path == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *more, **named)

    with monkeypatch.context() as patched:
        patched.setattr(os, refused, {"open": no_open, "fsync": no_fsync}[refused])
        write_whole(tmp_path / "file", b"one")
    assert (tmp_path / "file").read_bytes() == b"one"
