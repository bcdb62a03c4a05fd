"""Which directories an engine refuses to keep its state in, and what it says instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.model.errors import UnreachableError
from engine.store.state_directory import check_state_directory, file_system_of

LINE = "36 35 98:0 / {point} rw,noatime shared:1 - {kind} {source} rw\n"


def mounts(tmp_path: Path, *found: tuple[str, str]) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text("".join(LINE.format(point=point, kind=kind, source="x") for point, kind in (("/", "ext4"), *found)))
    return path


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


def test_a_private_directory_of_ours_on_a_local_disk_will_do(state_dir: Path, tmp_path: Path) -> None:
    check_state_directory(state_dir, mounts=mounts(tmp_path))


def test_what_an_engine_and_its_operator_put_there_will_do(state_dir: Path, tmp_path: Path) -> None:
    for name in ("engine.log", "engine.lock", "spawn.lock", "ballast", "hooks.json", "config.toml"):
        (state_dir / name).touch()
    (state_dir / "images").mkdir()
    check_state_directory(state_dir, mounts=mounts(tmp_path))


def test_a_directory_of_other_things_is_refused_unless_it_has_a_database(state_dir: Path, tmp_path: Path) -> None:
    for name in ("passwd", "notes.txt", "bin", "x\x1b[2J"):
        (state_dir / name).touch()
    with pytest.raises(UnreachableError, match=r"holds other things \(bin, notes.txt, passwd, ...\)") as refused:
        check_state_directory(state_dir, mounts=mounts(tmp_path))
    assert "a directory of its own" in refused.value.next_step
    (state_dir / "rollset.db").touch()
    check_state_directory(state_dir, mounts=mounts(tmp_path))


@pytest.mark.parametrize("mode", (0o770, 0o720, 0o702, 0o777))
def test_others_may_not_write_to_it(state_dir: Path, mode: int) -> None:
    state_dir.chmod(mode)
    with pytest.raises(UnreachableError, match="written by others") as refused:
        check_state_directory(state_dir)
    assert refused.value.next_step == f"chmod 700 {state_dir}"


def test_it_must_be_ours(state_dir: Path) -> None:
    with pytest.raises(UnreachableError, match="belongs to user"):
        check_state_directory(state_dir, uid=os.geteuid() + 1)


def test_it_is_a_directory_and_no_link_to_one(state_dir: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(state_dir)
    file = tmp_path / "file"
    file.touch()
    for path in (link, file):
        with pytest.raises(UnreachableError, match="no directory"):
            check_state_directory(path)
    with pytest.raises(UnreachableError, match="cannot be used"):
        check_state_directory(tmp_path / "missing")


@pytest.mark.parametrize("kind", ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse", "ceph", "lustre"))
def test_a_file_system_that_machines_share_is_refused_with_the_way_out(
    state_dir: Path, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(UnreachableError, match=f"of type {kind}") as refused:
        check_state_directory(state_dir, mounts=mounts(tmp_path, (str(tmp_path), kind)))
    assert "local disk" in refused.value.next_step


def test_the_innermost_and_latest_mount_counts(state_dir: Path, tmp_path: Path) -> None:
    outer, inner = str(tmp_path), str(state_dir)
    assert file_system_of(state_dir, mounts(tmp_path, (outer, "nfs4"), (inner, "xfs"))) == "xfs"
    assert file_system_of(state_dir, mounts(tmp_path, (inner, "xfs"), (outer, "nfs4"))) == "xfs"
    assert file_system_of(state_dir, mounts(tmp_path, (inner, "xfs"), (inner, "nfs4"))) == "nfs4"
    assert file_system_of(state_dir, mounts(tmp_path, (inner + "-other", "nfs4"))) == "ext4"


def test_names_with_spaces_and_missing_tables_are_read(tmp_path: Path) -> None:
    spaced = tmp_path / "a b"
    spaced.mkdir()
    assert file_system_of(spaced, mounts(tmp_path, (str(spaced).replace(" ", "\\040"), "nfs"))) == "nfs"
    assert file_system_of(spaced, tmp_path / "none") == ""
