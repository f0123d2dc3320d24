"""Files and folders that are written: whole under their name, or not there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from btcturk_kit.adapters.whole_files import new_folder, replaced_file, write_lines, write_new_file
from btcturk_kit.errors import BtcturkKitError, ConfigurationError, StorageFull


def failing(number: int) -> Iterator[str]:
    """Give a part, then fail as a disk does."""
    yield "half of it\n"
    raise OSError(number, os.strerror(number))


def test_a_file_is_whole_and_its_owners(tmp_path: Path) -> None:
    """Texts and bytes are written one after the other, for no other user to read."""
    write_new_file(tmp_path / "a.txt", ["ü\n", b"\x00"])
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xbc\n\x00"
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600
    with new_folder(tmp_path / "b") as folder:
        (folder / "c").write_text("c")
        assert not (tmp_path / "b").exists()
    assert (tmp_path / "b" / "c").read_text() == "c"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.txt", "b"]


@pytest.mark.parametrize(
    ("number", "kind", "exit_code"),
    [
        (errno.ENOSPC, StorageFull, 7),
        (errno.EDQUOT, StorageFull, 7),
        (errno.EIO, ConfigurationError, 3),
    ],
)
def test_a_failing_disk_leaves_nothing_behind(
    tmp_path: Path, number: int, kind: type[BtcturkKitError], exit_code: int
) -> None:
    """No file, no folder, no temporary name; one line with the path and the cause."""
    with pytest.raises(kind, match=f"cannot write .*: {os.strerror(number)}") as caught:
        write_new_file(tmp_path / "a.txt", failing(number))
    assert caught.value.exit_code == exit_code
    with pytest.raises(kind), new_folder(tmp_path / "b") as folder:
        (folder / "c").write_text("".join(failing(number)))
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_ours_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """What the writer of a folder finds wrong is told as it is."""
    with pytest.raises(StorageFull, match="mine"), new_folder(tmp_path / "b"):
        raise StorageFull("mine")
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    """A file, a folder and a link that leads nowhere are refused, and stay as they are."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(ConfigurationError, match=f"{name} exists"):
            write_new_file(tmp_path / name, ["new"])
        with pytest.raises(ConfigurationError, match=f"{name} exists"), new_folder(tmp_path / name):
            pass
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A mistyped path is an error, not a new tree of folders."""
    with pytest.raises(ConfigurationError, match="No such file"):
        write_new_file(tmp_path / "nowhere" / "a.txt", ["a"])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_replaced_is_whole_before_and_after(tmp_path: Path) -> None:
    """The old content stays until the block is over, and after one that fails; folders are made."""
    path = tmp_path / "new" / "a.txt"
    write_lines(path, ["old"])
    with replaced_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old\n"
    assert path.read_text() == "new"
    with pytest.raises(StorageFull):
        write_lines(path, failing(errno.ENOSPC))
    assert path.read_text() == "new"
    assert [one.name for one in path.parent.iterdir()] == ["a.txt"]


def test_all_of_it_is_on_the_disk_when_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in files and folders before the rename, the entry of the new name after it."""
    synced: list[tuple[int, bool]] = []
    path = tmp_path / "a"
    fsync = os.fsync

    def noted(number: int) -> None:
        fsync(number)
        synced.append((os.fstat(number).st_ino, path.exists()))

    monkeypatch.setattr(os, "fsync", noted)
    write_new_file(path, ["a"])
    assert synced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]
    path.unlink()
    synced.clear()
    with new_folder(path) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "b").write_text("b")
    inside = {one.stat().st_ino for one in (path, path / "inner", path / "inner" / "b")}
    assert {number for number, is_named in synced if not is_named} == inside
    assert [number for number, is_named in synced if is_named] == [tmp_path.stat().st_ino]
