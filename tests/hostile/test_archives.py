"""Archives and directories made to escape, to overwhelm or to mislead: one clear refusal each, nothing left behind."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import os
import socket
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.errors import InputError
from engine.store.image_blobs import ImageBlobs
from engine.store.safe_archive import Limits

BOOT = b"#!/bin/sh\n"
END = b"\0" * 1024


def header(
    name: bytes, kind: bytes = b"0", size: bytes | int = 0, mode: bytes = b"0000755", prefix: bytes = b""
) -> bytes:
    """One ustar header, with whatever bytes are asked for, and a right checksum."""
    field = b"%011o\0" % size if isinstance(size, int) else size
    block = struct.pack("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x", name, mode, b"0" * 7, b"0" * 7, field, b"0" * 11,
                        b" " * 8, kind, b"/etc/passwd", b"ustar\x0000", b"", b"", b"", b"", prefix)  # fmt: skip
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def entry(name: bytes, data: bytes = b"", kind: bytes = b"0") -> bytes:
    return header(name, kind, len(data)) + data + b"\0" * (-len(data) % 512)


def pax(records: bytes, kind: bytes = b"x") -> bytes:
    return entry(b"pax", records, kind)


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


GOOD = entry(b"boot", BOOT)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def refused(root: Path, source: Path, limits: Limits | None = None) -> str:
    """The message of the one refusal; asserts its form and that the store is as empty as before."""
    before = sorted(os.listdir(root.parent))
    blobs = ImageBlobs(root, limits)
    with pytest.raises(InputError) as caught:
        blobs.publish(source)
    assert caught.value.code == "InvalidParameter"
    assert str(source) in caught.value.message
    assert caught.value.next_step
    assert str(caught.value).isprintable()
    assert os.listdir(root / "sha256") == []
    assert sorted({*os.listdir(root.parent)} - {"blobs"}) == [name for name in before if name != "blobs"]
    return caught.value.message


def refused_bytes(root: Path, data: bytes, limits: Limits | None = None) -> str:
    (root.parent / "image.tar").write_bytes(data)
    return refused(root, root.parent / "image.tar", limits)


def test_the_headers_made_here_are_right(root: Path) -> None:
    source = root.parent / "image.tar"
    source.write_bytes(GOOD + entry(b"etc/", kind=b"5") + entry(b"old/", kind=b"\0") + END)

    assert ImageBlobs(root).publish(source).file_count == 1


@pytest.mark.parametrize(
    ("name", "why"),
    (
        (b"/etc/passwd", "absolute"),
        (b"//x", "absolute"),
        (b"../x", "'..'"),
        (b"a/../../x", "'..'"),
        (b"..", "'..'"),
        (b"./../x", "'..'"),
        (b"", "empty"),
        (b"a//b", "empty"),
        (b"a/./b", "'.' part"),
        (b"././a", "'.' part"),
        (b".//etc/passwd", "empty"),
        (b"a/", "empty"),
        (b"./", "empty"),
        (b"a\0b", "NUL"),
        (b"a\nb", "control"),
        (b"\x1b]0;owned\x07", "control"),
        (b"a\x7f", "control"),
        (b"a\xc2\x9b31m", "control"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a\xc0\xae\xc0\xae/b", "not UTF-8"),
        (b"\xed\xb2\x80", "not UTF-8"),
        (b"n" * 256, "more than 255 bytes"),
        (b"d/" * 100 + b"x", "101 levels"),
        (b"n/" * 512 + b"x", "1025 bytes"),
    ),
)
def test_unsafe_names_are_refused_in_every_kind_of_header(root: Path, name: bytes, why: str) -> None:
    forms = {"pax": pax(record(b"path", name)) + entry(b"fine", b"data"),
             "gnu": entry(b"././@LongLink", name + b"\0", b"L") + entry(b"fine", b"data")}  # fmt: skip
    if len(name) <= 100:
        forms["ustar"] = entry(name, b"data")
    for form, data in forms.items():
        assert why in refused_bytes(root, GOOD + data + END), form


def test_a_name_split_over_the_ustar_prefix_is_checked_whole(root: Path) -> None:
    assert "'..'" in refused_bytes(root, GOOD + header(b"x", prefix=b"../..") + END)
    assert "absolute" in refused_bytes(root, GOOD + header(b"x", prefix=b"/etc") + END)


def test_a_file_may_not_be_the_top_itself(root: Path) -> None:
    assert "twice" in refused_bytes(root, GOOD + entry(b".", kind=b"5") + entry(b"./", kind=b"5") + END)
    assert "both a file and a directory" in refused_bytes(root, GOOD + entry(b".", b"data") + END)


def test_names_are_shown_escaped_and_short(root: Path) -> None:
    assert "'\\x1b[2J'" in refused_bytes(root, entry(b"\x1b[2J") + END)
    assert "\\u202e" in refused_bytes(root, entry("\u202e/../x".encode()) + END)
    assert len(refused_bytes(root, pax(record(b"path", b"n" * 100_000)) + GOOD + END)) < 500 + len(str(root))


@pytest.mark.parametrize(
    ("kind", "why"),
    (
        (b"1", "hard link"),
        (b"2", "symbolic link"),
        (b"3", "device"),
        (b"4", "device"),
        (b"6", "fifo"),
        (b"7", "unknown kind"),
        (b"S", "sparse"),
        (b"V", "unknown kind"),
        (b"\x1b", "unknown kind b'\\x1b'"),
    ),
)
def test_only_files_and_directories_are_taken(root: Path, kind: bytes, why: str) -> None:
    message = refused_bytes(root, GOOD + entry(b"odd", kind=kind) + END)
    assert why in message
    assert "'odd'" in message


def test_a_link_cannot_redirect_a_later_entry(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("way/owned"))

    assert "symbolic link" in refused(root, archive)
    assert os.listdir(tmp_path / "outside") == []


def test_sparse_files_in_pax_headers_are_refused(root: Path) -> None:
    records = record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.realsize", b"99999999999")
    assert "sparse" in refused_bytes(root, pax(records) + GOOD + END)


@pytest.mark.parametrize(
    ("entries", "why"),
    (
        (entry(b"boot", b"other"), "twice"),
        (entry(b"./boot", b"other"), "twice"),
        (entry(b"boot/", kind=b"5"), "twice"),
        (entry(b"boot/x"), "both a file and a directory"),
        (entry(b"d/x") + entry(b"d"), "both a file and a directory"),
        (entry(b"d/", kind=b"5") + entry(b"d/", kind=b"5"), "twice"),
        (entry(b"d", b"") + entry(b"d/e/f"), "both a file and a directory"),
    ),
)
def test_names_that_collide_are_refused(root: Path, entries: bytes, why: str) -> None:
    assert why in refused_bytes(root, GOOD + entries + END)


@pytest.mark.parametrize(
    ("data", "why"),
    (
        (b"", "not a tar archive"),
        (b"hello", "not a tar archive"),
        (b"\x7fELF" * 1000, "not a tar archive"),
        (gzip.compress(b"hello" * 1000, mtime=0), "not a tar archive"),
        (b"\x1f\x8b", "truncated"),
        (b"\x1f\x8bnonsense" * 100, "cannot be unpacked"),
        (b"\xfd7zXZ\0nonsense" * 100, "cannot be unpacked"),
        (b"BZh9" + b"1" * 600, "not a tar archive"),
        (END, "missing"),
        (GOOD, "truncated"),
        (GOOD[:-1], "truncated"),
        (GOOD[:515], "truncated"),
        (GOOD + END[:100], "truncated"),
        (GOOD + header(b"x")[:300], "truncated"),
        (GOOD + b"x" * 512 + END, "checksum"),
        (GOOD + END + GOOD + END, "other data"),
        (GOOD + END + b"trailing", "other data"),
        (GOOD + header(b"x", size=b"-0000000001\0") + END, "number"),
        (GOOD + header(b"x", size=b"\xff" * 12) + END, "number"),
        (GOOD + header(b"x", size=b"1_0\0") + END, "number"),
        (GOOD + header(b"x", size=b"99\0") + END, "number"),
        (GOOD + header(b"x", size=b"\x80" + b"\xff" * 11) + END, "more than"),
        (GOOD + header(b"x", size=2**31 + 1) + END, "more than"),
        (GOOD + header(b"x", mode=b"rwxr-xr") + END, "number"),
        (GOOD + entry(b"d/", b"data", b"5") + END, "directory"),
        (GOOD + header(b"pax", b"x", 2**30) + END, "larger than"),
        (GOOD + header(b"long", b"L", 2**30) + END, "larger than"),
        (GOOD + pax(b"nonsense") + END, "number"),
        (GOOD + pax(b"0 a=b\n") + END, "malformed"),
        (GOOD + pax(b"-5 a=b\n") + END, "number"),
        (GOOD + pax(b"99 a=b\n") + END, "malformed"),
        (GOOD + pax(b"6 a=b\n"[:-1]) + END, "malformed"),
        (GOOD + pax(b"4 ab\n") + END, "malformed"),
        (GOOD + pax(b"5 =b\n") + END, "malformed"),
        (GOOD + pax(b"9" * 10_000) + END, "number"),
        (GOOD + pax(record(b"size", b"-1")) + entry(b"x") + END, "number"),
        (GOOD + pax(record(b"size", b"9" * 5000)) + entry(b"x") + END, "number"),
        (GOOD + pax(record(b"path", b"x")) + END, "belongs to no entry"),
        (GOOD + pax(record(b"path", b"x"), b"g") + entry(b"y") + END, "global header"),
    ),
)
def test_damaged_and_misleading_archives_are_refused(root: Path, data: bytes, why: str) -> None:
    assert why in refused_bytes(root, data)


def test_a_zip_is_no_tar(root: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("boot", BOOT)
    assert "not a tar archive" in refused_bytes(root, data.getvalue())


@pytest.mark.parametrize("compress", (gzip.compress, lzma.compress))
def test_a_compressed_archive_cut_anywhere_is_refused(root: Path, compress: object) -> None:
    assert callable(compress)
    whole = compress(GOOD + entry(b"noise", os.urandom(3000)) + END)
    assert isinstance(whole, bytes)
    for length in [*range(7, len(whole) - 1, 191), len(whole) - 1]:
        refused_bytes(root, whole[:length])


def test_a_changed_byte_of_a_compressed_archive_is_refused(root: Path) -> None:
    whole = bytearray(gzip.compress(GOOD + entry(b"noise", bytes(range(256)) * 10) + END))
    whole[-6] ^= 1  # the checksum behind the data
    assert "cannot be unpacked" in refused_bytes(root, bytes(whole))


def test_pax_keys_that_do_not_matter_are_passed_over(root: Path) -> None:
    source = root.parent / "image.tar"
    extra = pax(record(b"comment", b"c" * 40), b"g") + pax(record(b"SCHILY.xattr.user.x", b"\n\0=") + record(b"a", b""))
    source.write_bytes(extra + GOOD + END)

    assert ImageBlobs(root).publish(source).file_count == 1


@pytest.mark.parametrize("compress", (gzip.compress, lzma.compress))
def test_a_decompression_bomb_stops_at_the_ratio(root: Path, compress: object) -> None:
    assert callable(compress)
    bomb = compress(GOOD + entry(b"zeros", b"\0" * (40 * 1024**2)) + END)
    assert "more than 200 times" in refused_bytes(root, bomb)
    trailing = compress(GOOD + END + b"\0" * (40 * 1024**2))
    assert "more than 200 times" in refused_bytes(root, trailing)


def test_a_small_image_of_zeros_passes_below_the_floor(root: Path) -> None:
    source = root.parent / "image.tar.gz"
    source.write_bytes(gzip.compress(GOOD + entry(b"zeros", b"\0" * (8 * 1024**2)) + END))

    assert ImageBlobs(root).publish(source).size_bytes == 8 * 1024**2 + len(BOOT)


def test_the_size_of_all_files_together_is_capped(root: Path) -> None:
    limits = Limits(unpacked_bytes=1000)
    assert "over 1000 bytes" in refused_bytes(
        root, GOOD + entry(b"a", b"a" * 900) + entry(b"b", b"b" * 900) + END, limits
    )
    assert "more than 1000 bytes" in refused_bytes(root, GOOD + header(b"a", size=1001) + END, limits)
    sparse = root.parent / "image.tar"
    sparse.write_bytes(GOOD + END)
    os.truncate(sparse, 20 * 1024**2)
    assert "more than 1000 bytes" in refused(root, sparse, Limits(unpacked_bytes=1000, entries=10, ratio=10**6))


def test_the_number_of_entries_is_capped_with_implied_directories(root: Path) -> None:
    many = b"".join(entry(b"%d" % number) for number in range(5))
    assert "5 entries" in refused_bytes(root, GOOD + many + END, Limits(entries=5))
    assert "5 entries" in refused_bytes(root, GOOD + entry(b"a/b/c/d/e") + END, Limits(entries=5))
    headers = b"".join(pax(record(b"comment", b"x")) for _ in range(30))
    assert "too many headers" in refused_bytes(root, headers + GOOD + END, Limits(entries=5))
    assert Limits().entries == 20_000


def test_directories_obey_the_same_rules(root: Path, tmp_path: Path) -> None:
    def tree(name: str) -> Path:
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "boot").write_bytes(BOOT)
        (tmp_path / name / "boot").chmod(0o755)
        return tmp_path / name

    (tree("links") / "sub" / "way").symlink_to("/etc")
    assert "entry 'sub/way' is a symbolic link" in refused(root, tmp_path / "links")
    os.mkfifo(tree("fifos") / "sub" / "pipe")
    assert "'sub/pipe' is a device, fifo or socket" in refused(root, tmp_path / "fifos")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(tree("sockets"), os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/sock")
        os.close(here)
        assert "'sock' is a device, fifo or socket" in refused(root, tmp_path / "sockets")
    (tree("escapes") / "a\x1b[2J").write_bytes(b"")
    assert "'a\\x1b[2J' has a NUL or control" in refused(root, tmp_path / "escapes")
    (tree("bytes") / os.fsdecode(b"\xff")).write_bytes(b"")
    assert "not UTF-8" in refused(root, tmp_path / "bytes")
    tree("deep").joinpath(*["d"] * 100, "e").mkdir(parents=True)
    assert "101 levels" in refused(root, tmp_path / "deep")
    (tree("large") / "sub" / "large").write_bytes(b"x" * 1001)
    assert "over 1000 bytes" in refused(root, tmp_path / "large", Limits(unpacked_bytes=1000))
    assert "2 entries" in refused(root, tmp_path / "large", Limits(entries=2))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=6),
    length=st.integers(0, 4096),
    sum_right=st.booleans(),
)
def test_no_change_to_an_archive_gets_past_the_one_refusal(
    tmp_path: Path, changes: list[tuple[int, int]], length: int, sum_right: bool
) -> None:
    data = bytearray(GOOD + pax(record(b"path", b"long/name")) + entry(b"x", b"data") + END)
    for at, value in changes:
        data[at % len(data)] = value
    if sum_right:
        for start in range(0, len(data), 512):
            if any(data[start : start + 512]) and data[start + 257 : start + 262] == b"ustar":
                data[start + 148 : start + 156] = b" " * 8
                data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    image = tmp_path / "image.tar"
    image.write_bytes(data[: length or None] if length % 3 == 0 else data)
    blobs = ImageBlobs(tmp_path / "blobs")
    with contextlib.suppress(InputError):
        assert blobs.verify(blobs.publish(image).digest)
    assert not list((tmp_path / "blobs" / "sha256").glob(".*"))
    assert sorted(os.listdir(tmp_path)) == ["blobs", "image.tar"]
