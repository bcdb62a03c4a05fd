"""Images: references as Azure writes them, published versions, and the order of versions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.model.errors import InputError

LATEST = "latest"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_VERSION = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10}){0,4}")


def version_key(version: str) -> tuple[int, ...]:
    """The sort key of a version: its numbers (Azure: `latest` is the highest number, never the newest date)."""
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True, slots=True)
class ImageReference:
    """publisher, offer, sku and version; `version` is numbers with dots, or `latest`."""

    publisher: str
    offer: str
    sku: str
    version: str

    @property
    def family(self) -> tuple[str, str, str]:
        """What all versions of one image share, compared without case (Azure compares names without case)."""
        return (self.publisher.lower(), self.offer.lower(), self.sku.lower())

    @property
    def is_latest(self) -> bool:
        return self.version == LATEST

    def with_version(self, version: str) -> ImageReference:
        return ImageReference(self.publisher, self.offer, self.sku, version)

    def __str__(self) -> str:
        return f"{self.publisher}:{self.offer}:{self.sku}:{self.version}"


def parse_reference(text: str) -> ImageReference:
    """Read `publisher:offer:sku:version`.

    Raises InputError (InvalidParameter) that names the part that is wrong.
    """
    parts = text.split(":")
    if len(parts) != 4:
        raise InputError(
            "InvalidParameter",
            f"{text!r} is not an image: {len(parts)} parts where 4 are needed.",
            "Write publisher:offer:sku:version, for example contoso:web:stable:1.2.0.",
        )
    for name, part in zip(("publisher", "offer", "sku"), parts, strict=False):
        if not _PART.fullmatch(part):
            raise InputError(
                "InvalidParameter",
                f"{name} {part!r} of image {text!r} has characters that a name cannot have.",
                "Use letters, digits, dot, dash and underscore, 80 at most.",
            )
    check_version(parts[3], f"image {text!r}")
    return ImageReference(*parts)


def check_version(version: str, where: str) -> None:
    """Raise InputError unless `version` is `latest` or numbers with dots."""
    if version != LATEST and not _VERSION.fullmatch(version):
        raise InputError(
            "InvalidParameter",
            f"version {version!r} of {where} is neither numbers with dots nor `latest`.",
            "Write it as Major.Minor.Build, for example 1.2.0.",
        )


@dataclass(frozen=True, slots=True)
class ImageVersion:
    """One published version: `digest` names its content, sizes are bytes, `published_at` is Unix seconds."""

    reference: ImageReference
    digest: str
    size_bytes: int
    published_at: float
    excluded_from_latest: bool = False


def latest_of(
    versions: tuple[ImageVersion, ...], family: tuple[str, str, str], blocked: tuple[str, ...] = ()
) -> ImageVersion | None:
    """The highest version of a family that is not excluded and not blocked for the asking scale set."""
    able = [
        v
        for v in versions
        if v.reference.family == family and not v.excluded_from_latest and v.reference.version not in blocked
    ]
    return max(able, key=lambda v: version_key(v.reference.version), default=None)
