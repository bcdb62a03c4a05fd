"""The parts of the cockpit that draw nothing: actions, themes, text in cells, the clipboard, options."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.color import Color as RichColor

from engine.model.commands import Verb
from tui.actions import ACTIONS, clashes, command_line
from tui.cells import clip, fit, width_of, wrap, wrap_code
from tui.clipboard import LIMIT, osc52
from tui.footer import footer_line
from tui.glyphs import HEALTH_SIGNS, LEFT_OUT_SIGNS, MEMBER_SIGNS, UPGRADE_SIGNS, Glyphs
from tui.options import read_options
from tui.palette import Meaning, Piece
from tui.subject import READONLY, RECORDED, Subject, why_not_verb
from tui.themes import load_themes, read_theme, shipped_folder

KOREAN = "결제 서비스 운영"


def test_no_two_actions_share_a_key() -> None:
    assert clashes({}) == []


def test_a_keymap_with_a_clash_or_an_unknown_action_is_told() -> None:
    assert clashes({"pause": "r"}) == ["'r' is the key of both 'pause' and 'rollback'"]
    assert clashes({"fly": "f"}) == ["'fly' is no action"]


def test_every_action_says_what_it_does() -> None:
    assert all(a.words and a.does.endswith(".") for a in ACTIONS.values())


def test_a_recording_and_a_readonly_cockpit_say_why_a_verb_cannot_act() -> None:
    assert why_not_verb(Verb.START, Subject(live=False, readonly=True)) == RECORDED
    assert why_not_verb(Verb.START, Subject(live=True, readonly=True)) == READONLY
    assert why_not_verb(Verb.PAUSE, Subject(live=True, readonly=False)) == "no scale set is chosen"


def test_the_command_line_of_an_action_can_be_pasted() -> None:
    line = command_line(ACTIONS["rollback"], "web eu", (), {"reason": "it's bad", "confirm": ""})
    assert line == """rollset rollback 'web eu' --reason 'it'"'"'s bad'"""
    held = command_line(ACTIONS["hold"], "web", ("3", "7"), {})
    assert held == "for i in 3 7; do rollset hold web $i; done"
    free = command_line(ACTIONS["unprotect"], "web", ("3",), {"from_actions": False})
    assert free == "rollset protect web 3 --no-from-actions"


@pytest.mark.parametrize("width", (1, 2, 5, 10, 40))
def test_text_fits_its_cells_whatever_its_letters(width: int) -> None:
    for text in (KOREAN, "web-eu", "", "e\u0301"):
        assert cell_len(fit(text, width)) == width
        assert width_of(clip((Piece(text), Piece(text)), width)) <= width
        assert all(cell_len(line) <= max(2, width) for line in wrap(text, width))


def test_text_from_outside_is_measured_as_it_will_be_shown() -> None:
    harm = "\x1b[2J\u202eend"
    assert fit(harm, 30).rstrip() == r"\x1b[2J\u202eend"
    assert fit(harm, 8) == r"\x1b[2J…"
    assert wrap(harm, 10) == [r"\x1b[2J\u2", "02eend"]


def test_what_is_cut_has_a_mark() -> None:
    assert fit("web-europe", 6) == "web-e…"
    assert clip((Piece("abc"), Piece("def")), 3)[0].text == "ab…"


def test_a_code_is_broken_before_its_capitals_and_loses_nothing() -> None:
    code = "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"
    lines = wrap_code(code, 30)
    assert "".join(lines) == code
    assert all(len(line) <= 30 and line[0].isupper() for line in lines)


def test_every_sign_is_one_cell_in_both_forms() -> None:
    for signs in (MEMBER_SIGNS, LEFT_OUT_SIGNS, HEALTH_SIGNS, UPGRADE_SIGNS):
        for sign in signs.values():
            assert cell_len(sign.glyph) == cell_len(sign.plain) == 1
            assert sign.plain.isascii()
            assert sign.word


@pytest.mark.parametrize("ascii", (False, True))
def test_a_bar_fills_its_width(ascii: bool) -> None:
    for share in (0.0, 0.001, 0.5, 0.999, 1.0):
        done, rest = Glyphs(ascii).bar(share, 20)
        assert len(done) + len(rest) == 20


@pytest.mark.parametrize("ascii", (False, True))
def test_a_bar_is_empty_at_nothing_only_and_full_at_all_only(ascii: bool) -> None:
    full, empty = Glyphs(ascii).bar(1.0, 20)[0], Glyphs(ascii).bar(0.0, 20)[0]

    assert Glyphs(ascii).bar(0.999, 20)[0] != full
    assert Glyphs(ascii).bar(0.001, 20)[0] != empty == ""


def test_every_shipped_theme_is_good_and_has_every_meaning() -> None:
    themes, bad = load_themes(())

    assert bad == []
    for path in shipped_folder().glob("*.toml"):
        assert read_theme(path) == read_theme(path, ours=True) == themes[path.stem]
    assert {"dark", "light", "high-contrast", "blue-orange", "teal-red", "sixteen"} <= set(themes)
    assert all(set(theme.colours) == set(Meaning) for theme in themes.values())
    for theme in themes.values():
        theme.palette().style(Piece("x", Meaning.BAD), "chosen")
        theme.textual()


def light(color: RichColor) -> float:
    assert color.triplet is not None
    parts = [part / 255 for part in color.triplet]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


@pytest.mark.parametrize("name", ("dark", "light", "high-contrast", "blue-orange", "teal-red"))
@pytest.mark.parametrize("ground", ("plain", "chosen", "blurred"))
def test_what_is_written_can_be_read_on_every_ground(name: str, ground: str) -> None:
    theme = load_themes(())[0][name]
    for palette in (theme.palette(), theme.dialog_palette()):
        for meaning in set(Meaning) - {Meaning.FAINT}:
            style = palette.style(Piece("x", meaning), ground)
            assert style.color is not None and style.bgcolor is not None
            darker, lighter = sorted((light(style.color), light(style.bgcolor)))
            assert (lighter + 0.05) / (darker + 0.05) >= 4.45, (name, ground, meaning)


def test_a_bad_theme_of_the_user_is_told_by_field_and_the_others_stay(tmp_path: Path) -> None:
    good = (shipped_folder() / "dark.toml").read_text()
    (tmp_path / "mine.toml").write_text(good.replace('name = "dark"', 'name = "mine"'))
    (tmp_path / "worse.toml").write_text(good.replace("#7fbf8a", "greenish"))
    (tmp_path / "broken.toml").write_text("name = [")

    themes, bad = load_themes((tmp_path,))

    assert "mine" in themes
    assert [(b.path.name, b.why.split(":")[0]) for b in bad][1] == ("worse.toml", "colours")


def test_options_come_from_the_file_and_what_is_wrong_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[cockpit]\ntheme = "light"\nmouse = false\n[cockpit.keys]\npause = "f5"\n')
    found = read_options(tmp_path)
    assert (found.theme, found.mouse, found.keys, found.troubles) == ("light", False, {"pause": "f5"}, ())

    (tmp_path / "config.toml").write_text('[cockpit]\nthem = "light"\n')
    assert "cockpit.them" in read_options(tmp_path).troubles[0]

    (tmp_path / "config.toml").write_text('[cockpit.keys]\npause = "r"\n')
    assert read_options(tmp_path).keys == {} and read_options(tmp_path).troubles


def test_no_colours_are_asked_of_a_terminal_that_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert read_options(tmp_path).theme == "dark"
    monkeypatch.setenv("NO_COLOR", "1")
    assert read_options(tmp_path).theme == "sixteen"


def test_copied_text_is_capped_and_wrapped_for_tmux_and_screen() -> None:
    plain, whole = osc52("web_3", {})
    assert whole and plain == f"\x1b]52;c;{base64.b64encode(b'web_3').decode()}\x07"
    assert osc52("x", {"TMUX": "1"})[0].startswith("\x1bPtmux;\x1b\x1b]52")
    assert osc52("x" * 200, {"STY": "1"})[0].count("\x1bP") > 1

    cut, whole = osc52("é" * LIMIT, {})
    assert not whole
    assert base64.b64decode(cut[7:-1]).decode() == "é" * (LIMIT // 2)


def test_the_footer_leaves_out_what_does_not_fit() -> None:
    line = footer_line(["open", "pause", "theme", "copy"], lambda name: ACTIONS[name].keys, 20)

    assert width_of(line) <= 20
    assert "open" in "".join(piece.text for piece in line)
