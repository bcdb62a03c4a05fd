"""References are read or refused by their part; `latest` is the highest number."""

from __future__ import annotations

import pytest

from engine.model.errors import InputError
from engine.model.image import ImageReference, ImageVersion, check_version, latest_of, parse_reference, version_key

WEB = ImageReference("contoso", "web", "stable", "1.2.0")


def test_a_reference_is_read_and_written_alike() -> None:
    assert parse_reference("contoso:web:stable:1.2.0") == WEB
    assert str(WEB) == "contoso:web:stable:1.2.0"
    assert parse_reference("a.b:c-d:e_f:latest").is_latest
    assert not WEB.is_latest
    assert WEB.with_version("2.0.0").version == "2.0.0"


@pytest.mark.parametrize(
    ("text", "said"),
    (
        ("", "1 parts where 4 are needed"),
        ("a:b:c", "3 parts where 4 are needed"),
        ("a:b:c:1.0:x", "5 parts where 4 are needed"),
        (":b:c:1.0", "publisher ''"),
        ("a:b/..:c:1.0", "offer 'b/..'"),
        ("a:b:c\x1b[2J:1.0", "sku"),
        ("a:b:" + "c" * 81 + ":1.0", "sku"),
        ("a:b:c:", "version ''"),
        ("a:b:c:1.x", "version '1.x'"),
        ("a:b:c:Latest", "version 'Latest'"),
        ("a:b:c:1.2.3.4.5.6", "version"),
        ("a:b:c:12345678901", "version"),
        ("a:b:c:1.0\n", "version"),
    ),
)
def test_what_is_no_reference_is_refused_by_its_part(text: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_reference(text)
    assert said in refusal.value.message
    assert refusal.value.next_step


def test_longest_names_are_taken() -> None:
    assert parse_reference("a:b:" + "c" * 80 + ":1234567890.2.3.4.5").sku == "c" * 80


def test_names_of_a_family_are_compared_without_case() -> None:
    assert ImageReference("Contoso", "WEB", "Stable", "1").family == WEB.family


def test_versions_are_compared_by_number() -> None:
    assert sorted(("1.10.0", "1.9.0", "1.9", "2"), key=version_key) == ["1.9", "1.9.0", "1.10.0", "2"]
    check_version("0", "here")


def published(version: str, at: float, *, sku: str = "stable", excluded: bool = False) -> ImageVersion:
    return ImageVersion(ImageReference("contoso", "web", sku, version), "sha256:x", 1, at, excluded)


def test_latest_is_the_highest_number_not_the_newest_date() -> None:
    versions = (
        published("1.10.0", 1.0),
        published("1.9.0", 9.0),
        published("3.0.0", 2.0, excluded=True),
        published("4.0.0", 2.0, sku="beta"),
        published("2.0.0", 2.0),
    )
    assert latest_of(versions, WEB.family) == versions[4]
    assert latest_of(versions, WEB.family, blocked=("2.0.0",)) == versions[0]
    assert latest_of((), WEB.family) is None
