"""Reads tar archives (plain, gzip, xz; told by content) that nobody vouches for, as a stream of checked entries.

An own reader, since tarfile takes a damaged or missing header behind the first entry for the end, follows links, and
holds headers of any size in memory. Only regular files and directories exist here; whatever else an archive holds is
refused with one InputError. Nothing is written here: the caller writes what it is handed.
"""

from __future__ import annotations

import gzip
import lzma
import os
import re
import stat
import unicodedata
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.model.errors import InputError

_BLOCK = 512
_CHUNK_BYTES = 256 * 1024  # also the most that long names and pax records may take: they are held in memory
_XZ_MEMORY_BYTES = 256 * 1024 * 1024
_OVERHEAD_BYTES_PER_ENTRY = 4096  # headers and padding of one entry, for the cap on the stream as a whole
_XZ_MAGIC = b"\xfd7zXZ\x00"
_SHRINK = "Leave files out and publish again."
_REPACK = "Pack the archive again and publish that."
ONLY_PLAIN = "only regular files and directories are allowed"
_KINDS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a fifo"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one image. Implied parent directories count as entries; `ratio` is unpacked to packed bytes."""

    entries: int = 20_000
    unpacked_bytes: int = 2 * 1024**3
    ratio: int = 200
    ratio_floor_bytes: int = 16 * 1024**2
    path_bytes: int = 1024
    name_bytes: int = 255
    depth: int = 100


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One entry of an image: `chunks` are a regular file's bytes, to be read before the next entry; None: directory."""

    path: str
    """Checked and relative; empty for the top directory itself."""
    executable: bool
    chunks: Iterator[bytes] | None


def refusal(source: Path, entry: bytes | None, what: str, next_step: str) -> InputError:
    """The one error for an image that cannot be used; names are shown with control characters escaped."""
    if entry is None:
        return InputError("InvalidParameter", f"Image {str(source)!r} {what}.", next_step)
    shown = repr(entry[:120].decode("utf-8", "surrogateescape")) + ("..." if len(entry) > 120 else "")
    return InputError("InvalidParameter", f"Image {str(source)!r}: entry {shown} {what}.", next_step)


def check_path(source: Path, raw: bytes, limits: Limits) -> str:
    """The relative path that `raw` stands for ("" for the top directory). Raises InputError for any unsafe name."""
    fault = _fault_of_name(raw, limits)
    if fault:
        raise refusal(source, raw, fault, "Rename or remove the entry and publish again.")
    return "" if raw == b"." else raw.removeprefix(b"./").decode()


def _fault_of_name(raw: bytes, limits: Limits) -> str | None:
    if len(raw) > limits.path_bytes:
        return f"has a path of {len(raw)} bytes; at most {limits.path_bytes} are allowed"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "has a name that is not UTF-8"
    if any(unicodedata.category(character) == "Cc" for character in text):
        return "has a NUL or control character in its name"
    if text.startswith("/"):
        return "has an absolute name"
    parts = [] if text == "." else text.removeprefix("./").split("/")
    if ".." in parts:
        return "has '..' in its name"
    if "" in parts or "." in parts:
        return "has an empty or '.' part in its name"
    if len(parts) > limits.depth:
        return f"lies {len(parts)} levels deep; at most {limits.depth} are allowed"
    if any(len(part.encode()) > limits.name_bytes for part in parts):
        return f"has a part of more than {limits.name_bytes} bytes in its name"
    return None


def read_archive(source: Path, file: BinaryIO, limits: Limits) -> Iterator[SourceEntry]:
    """The entries of the tar archive open as `file`, in its order; `source` only names it in errors.

    Raises InputError (InvalidParameter) at the first thing that is not allowed, and when the archive is truncated,
    damaged, followed by other data, or no tar archive. Read it to the end: a checksum may be the last thing in it.
    """
    return _TarReader(source, _UnpackedBytes(source, file, limits), limits).entries()


def _unpack_xz(file: BinaryIO) -> Iterator[bytes]:
    """Unpacks xz streams with bounded memory, which lzma.LZMAFile does not offer."""
    packed = file.read(_CHUNK_BYTES)
    while packed:
        unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
        while not unpacker.eof:
            if not packed and unpacker.needs_input:
                packed = file.read(_CHUNK_BYTES)
                if not packed:
                    raise EOFError
            yield unpacker.decompress(packed, _CHUNK_BYTES)
            packed = b""
        packed = unpacker.unused_data.lstrip(b"\0")  # zeros pad one stream; another may follow
        while not packed and (more := file.read(_CHUNK_BYTES)):
            packed = more.lstrip(b"\0")


def _unpack(file: BinaryIO) -> Iterator[bytes]:
    magic = file.read(len(_XZ_MAGIC))
    file.seek(0)
    if magic == _XZ_MAGIC:
        return _unpack_xz(file)
    plain = gzip.GzipFile(fileobj=file, mode="rb") if magic.startswith(b"\x1f\x8b") else file
    return iter(lambda: plain.read(_CHUNK_BYTES), b"")


class _UnpackedBytes:
    """The archive's unpacked bytes, forward only, with the caps on size and ratio."""

    def __init__(self, source: Path, file: BinaryIO, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._packed_bytes = os.fstat(file.fileno()).st_size
        self._unpacked_bytes = 0
        self._pieces = _unpack(file)
        self._piece = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most `size` bytes; fewer than asked only at the end."""
        taken: list[memoryview] = []
        while size:
            if not self._piece:
                piece = self._next_piece()
                if piece is None:
                    break
                self._piece = memoryview(piece)
            taken.append(self._piece[:size])
            self._piece = self._piece[size:]
            size -= len(taken[-1])
        return b"".join(taken)

    def _next_piece(self) -> bytes | None:
        try:
            piece = next(self._pieces, None)
        except EOFError:
            raise refusal(self._source, None, "is truncated", _REPACK) from None
        except (OSError, zlib.error, lzma.LZMAError) as error:
            raise refusal(self._source, None, f"cannot be unpacked ({error})", _REPACK) from None
        self._unpacked_bytes += len(piece or b"")
        limits = self._limits
        if self._unpacked_bytes > max(limits.ratio_floor_bytes, limits.ratio * self._packed_bytes):
            what = f"unpacks to more than {limits.ratio} times its {self._packed_bytes} bytes"
            raise refusal(self._source, None, what, _SHRINK)
        if self._unpacked_bytes > limits.unpacked_bytes + limits.entries * _OVERHEAD_BYTES_PER_ENTRY:
            raise refusal(self._source, None, f"holds more than {limits.unpacked_bytes} bytes", _SHRINK)
        return piece


class _TarReader:
    """ustar, pax and GNU long names; each entry's kind, name and size are checked before its bytes are handed out."""

    def __init__(self, source: Path, stream: _UnpackedBytes, limits: Limits) -> None:
        self._source = source
        self._stream = stream
        self._limits = limits
        self._headers = 0
        self._pax: dict[bytes, bytes] = {}  # what the headers before an entry say about it

    def entries(self) -> Iterator[SourceEntry]:
        while (block := self._header_block()) is not None:
            kind, size = block[156:157], self._number(block, 124, 136)
            if kind in (b"L", b"K", b"x", b"g"):
                self._take_extension(kind, self._body(size))
                continue
            yield from self._entry(block, kind, size)
            self._pax = {}
        if self._pax:
            raise self._damaged("its last header belongs to no entry")
        while rest := self._stream.read(_CHUNK_BYTES):
            if rest.strip(b"\0"):
                raise self._damaged("other data follows its end")

    def _entry(self, block: bytes, kind: bytes, size: int) -> Iterator[SourceEntry]:
        name = self._name(block)
        if b"size" in self._pax:
            size = self._digits(self._pax[b"size"], 10)
        if any(key.startswith(b"GNU.sparse") for key in self._pax):
            kind = b"S"  # as GNU's own headers have it
        if kind == b"\0":  # before ustar a directory was a name that ends in a slash
            kind = b"5" if name.endswith(b"/") else b"0"
        if kind not in (b"0", b"5"):
            what = f"is {_KINDS.get(kind, 'sparse' if kind == b'S' else f'of the unknown kind {kind!r}')}"
            raise refusal(self._source, name, f"{what}; {ONLY_PLAIN}", "Remove or replace it and publish again.")
        if kind == b"5":
            if size:
                raise self._damaged("a directory in it has content", name)
            path = check_path(self._source, name.removesuffix(b"/"), self._limits)
            yield SourceEntry(path, executable=False, chunks=None)
            return
        path = check_path(self._source, name, self._limits)
        if size > self._limits.unpacked_bytes:
            raise refusal(self._source, name, f"has more than {self._limits.unpacked_bytes} bytes", _SHRINK)
        executable = bool(self._number(block, 100, 108) & stat.S_IXUSR)
        chunks = self._chunks(name, size)
        yield SourceEntry(path, executable, chunks)
        deque(chunks, maxlen=0)  # what the caller left unread

    def _header_block(self) -> bytes | None:
        """The next header, None at the end-of-archive block."""
        block = self._stream.read(_BLOCK)
        self._headers += 1
        if len(block) == _BLOCK and not block.strip(b"\0"):
            return None
        stored = block[148:156].strip(b" \0")
        right = re.fullmatch(rb"[0-7]+", stored) and int(stored, 8) == sum(block[:148] + b" " * 8 + block[156:])
        if self._headers == 1 and not (right and len(block) == _BLOCK):
            raise refusal(self._source, None, "is not a tar archive", "Give a tar (plain, gzip or xz) or a directory.")
        if len(block) < _BLOCK:
            raise refusal(self._source, None, "is truncated: its end mark is missing", _REPACK)
        if not right:
            raise self._damaged("the checksum of a header is wrong")
        if self._headers > 4 * self._limits.entries:
            raise self._damaged("it has too many headers")
        return block

    def _name(self, block: bytes) -> bytes:
        if b"path" in self._pax:
            return self._pax[b"path"]
        # Bytes behind a NUL stay, so that a name with something hidden there is refused.
        name, prefix = block[:100].rstrip(b"\0"), block[345:500].rstrip(b"\0")
        return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name

    def _take_extension(self, kind: bytes, body: bytes) -> None:
        if kind == b"L":
            self._pax[b"path"] = body.removesuffix(b"\0")
        elif kind == b"x":
            self._pax.update(self._records(body))
        elif kind == b"g" and self._records(body).keys() & {b"path", b"size"}:
            raise self._damaged("a global header names an entry")

    def _records(self, body: bytes) -> dict[bytes, bytes]:
        records: dict[bytes, bytes] = {}
        at = 0
        while at < len(body):
            space = body.find(b" ", at, at + 12)
            end = at + self._digits(body[at : max(space, at)], 10)
            key, equals, value = body[space + 1 : end - 1].partition(b"=")
            if end > len(body) or body[max(space, end - 1) : end] != b"\n" or not key or not equals:
                raise self._damaged("a pax header is malformed")
            records[key] = value
            at = end
        return records

    def _number(self, block: bytes, begin: int, end: int) -> int:
        field = block[begin:end]
        if field[0] == 0x80:  # GNU: binary, big-endian
            return int.from_bytes(field[1:], "big")
        return self._digits(field.strip(b" \0") or b"0", 8)

    def _digits(self, text: bytes, base: int) -> int:
        if not re.fullmatch(rb"[0-9]{1,20}" if base == 10 else rb"[0-7]{1,20}", text):
            raise self._damaged("a header holds something else than a number")
        return int(text, base)

    def _body(self, size: int) -> bytes:
        if size > _CHUNK_BYTES:
            raise self._damaged(f"a header of {size} bytes is larger than {_CHUNK_BYTES}")
        return b"".join(self._chunks(None, size))

    def _chunks(self, name: bytes | None, size: int) -> Iterator[bytes]:
        left = size
        while left:
            chunk = self._stream.read(min(left, _CHUNK_BYTES))
            if not chunk:
                break
            left -= len(chunk)
            yield chunk
        padding = -size % _BLOCK
        if left or len(self._stream.read(padding)) < padding:
            raise refusal(self._source, name, "is truncated", _REPACK)

    def _damaged(self, why: str, entry: bytes | None = None) -> InputError:
        return refusal(self._source, entry, f"is damaged: {why}", _REPACK)
