"""The owner's config.toml: what is right is taken, what is wrong is one error that names file, field and value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.control.config import ConfigFile, HookEvent, config_path, read_settings
from engine.model.errors import InputError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_no_file_is_no_roles_and_no_hooks(tmp_path: Path) -> None:
    settings = read_settings(tmp_path / "config.toml")

    assert settings.roles.admin == ()
    assert settings.hooks == ()


def test_roles_and_hooks_are_read(tmp_path: Path) -> None:
    settings = read_settings(
        written(
            tmp_path,
            """
            schema = 1
            [roles]
            viewer = ["user:ann", "group:support"]
            operator = ["uid:1001"]
            [[hooks]]
            name = "chat"
            on = ["faulted", "blocked"]
            url = "https://chat.example/hook"
            blocked_longer_than_s = 60
            [[hooks]]
            name = "page"
            on = ["ended"]
            command = ["notify", "--now"]
            [cockpit]
            theme = "dark"
            """,
        )
    )

    assert settings.roles.viewer == ("user:ann", "group:support")
    assert settings.hooks[0].on == (HookEvent.FAULTED, HookEvent.BLOCKED)
    assert settings.hooks[1].command == ("notify", "--now")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    (
        ("[roles]\nviewer = ['ann']", "roles.viewer.0", "'ann'"),
        ("[roles]\nviewer = 'user:ann'", "roles.viewer", "'user:ann'"),
        ("[roles]\nroot = ['user:ann']", "roles.root", '["user:ann"]'),
        ("[roles]\nadmin = ['user:*']", "roles.admin.0", "'user:*'"),
        ("[rules]\nx = 1", "rules", ""),
        ("schema = 2", "schema", "2"),
        ("[[hooks]]\nname = 'a'\non = ['ended']\nurl = 'ftp://x'", "hooks.0.url", "'ftp://x'"),
        ("[[hooks]]\nname = 'a'\non = ['exploded']\nurl = 'http://x'", "hooks.0.on.0", "'exploded'"),
        ("[[hooks]]\nname = 'a'\non = []\nurl = 'http://x'", "hooks.0.on", "[]"),
        ("[[hooks]]\nname = 'a'\non = ['ended']", "hooks.0", "either a command or a url"),
        ("[[hooks]]\nname = 'a'\non = ['ended']\nurl = 'http://x'\ncommand = ['y']", "hooks.0", "either"),
        ("[[hooks]]\nname = 'a'\non = ['ended']\nurl = 'http://x'\ntimeout_s = 0", "hooks.0.timeout_s", "0"),
        ("[[hooks]]\nname = 'a b'\non = ['ended']\nurl = 'http://x'", "hooks.0.name", "'a b'"),
        ("[[hooks]]\nname='a'\non=['ended']\nurl='http://x'\n" * 2, "the file", "two hooks are called 'a'"),
        ("[roles", "the file", "no TOML"),
        ("a = " + "[" * 5000, "the file", "no TOML"),
    ),
    ids=lambda part: part[:24],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, field: str, value: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(InputError) as caught:
        read_settings(path)

    assert str(path) in caught.value.message
    assert field in caught.value.message
    assert value in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", (b"\xff\xfe", b"#" * 300_000))
def test_what_is_no_text_or_too_long_is_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, "")
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"config\.toml"):
        read_settings(path)


@pytest.mark.parametrize("mode", (0o620, 0o602, 0o666))
def test_a_file_that_others_may_write_gives_nobody_power(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, "[roles]\nadmin = ['user:eve']")
    path.chmod(mode)

    with pytest.raises(InputError, match="others may write it"):
        read_settings(path)


def test_a_directory_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()

    with pytest.raises(InputError, match="irectory"):
        read_settings(tmp_path / "config.toml")


def test_a_change_is_seen_and_a_wrong_change_keeps_what_was(tmp_path: Path) -> None:
    now = [0.0]
    path = written(tmp_path, "[roles]\nviewer = ['user:ann']")
    config = ConfigFile(path, clock=lambda: now[0])

    path.write_text("[roles]\nviewer = ['user:bob', 'user:ann']")
    before = config.settings()
    now[0] = 2.0
    after = config.settings()
    path.write_text("[roles]\nviewer = ['nobody in particular']")
    now[0] = 4.0
    kept = config.settings()

    assert before.roles.viewer == ("user:ann",)
    assert after.roles.viewer == ("user:bob", "user:ann")
    assert kept == after
    assert config.wrong is not None
    path.unlink()
    now[0] = 6.0
    assert config.settings().roles.viewer == ()
    assert config.wrong is None


def test_it_is_below_xdg_config_home_or_home() -> None:
    assert config_path({"XDG_CONFIG_HOME": "/etc"}) == Path("/etc/rollset/config.toml")
    assert config_path({"XDG_CONFIG_HOME": "relative"}) == Path(os.path.expanduser("~/.config/rollset/config.toml"))
