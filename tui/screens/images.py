"""Images: what is published, which version is the latest, and which sets use it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.model.image import ImageVersion, latest_of, version_key
from engine.model.numbers import many
from engine.model.overview import SetOverview
from tui.cells import fit
from tui.palette import Line, Meaning, Piece
from tui.plain.upgrades import size
from tui.scene import Scene
from tui.screens.list_screen import ListScreen, labelled
from tui.subject import Subject

ASK_EVERY_S = 2.0

Entry = ImageVersion | str
"""A version, or the name of the family above its versions."""


@dataclass(frozen=True, slots=True)
class Users:
    """Names of sets: whose model names the version, and to or from which a live upgrade goes."""

    named: tuple[str, ...]
    coming: tuple[str, ...]
    leaving: tuple[str, ...]
    blocked: tuple[str, ...]


def users_of(image: ImageVersion, sets: Iterable[SetOverview], images: Sequence[ImageVersion]) -> Users:
    """The sets that use a version; `latest` in a model stands for the version it means for that set."""
    named, coming, leaving, blocked = [], [], [], []
    for row in sorted(sets, key=lambda row: row.scale_set.name):
        own = row.scale_set
        model, name = own.model.image, own.name
        if model.family != image.reference.family:
            continue
        latest = latest_of(tuple(images), model.family, own.blocked_versions) if model.is_latest else None
        if model == image.reference or (latest is not None and latest.reference == image.reference):
            named.append(name)
        if image.reference.version in own.blocked_versions:
            blocked.append(name)
        upgrade = row.upgrade.upgrade if row.upgrade is not None else None
        if upgrade is not None and upgrade.live:
            coming += [name] if upgrade.target == image.reference else []
            leaving += [name] if upgrade.previous_image == image.reference else []
    return Users(tuple(named), tuple(coming), tuple(leaving), tuple(blocked))


def _names(users: Users) -> tuple[str, ...]:
    return (*users.coming, *(name for name in users.named if name not in users.coming))


def _day(width: int) -> int:
    """Cells of the moment of publishing: with the time of day where there is room."""
    return 16 if width >= 100 else 10


def arrange(scene: Scene, letters: str) -> list[Entry]:
    """Families by name, in each the highest version first; the letters may be of any part of the reference."""
    wanted = letters.casefold()
    kept = [i for i in scene.images.values() if not wanted or wanted in str(i.reference).casefold()]
    kept.sort(key=lambda i: version_key(i.reference.version), reverse=True)
    found: list[Entry] = []
    for family in sorted({i.reference.family for i in kept}):
        own = [i for i in kept if i.reference.family == family]
        found += [str(own[0].reference).rpartition(":")[0], *own]
    return found


class ImagesScreen(ListScreen[Entry]):
    """What is published."""

    HELP_TITLE = "Images"
    FILTER_HINT = "letters of publisher, offer, sku or version"
    detail_lines = 7

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self._asked_seq, self._asked_at = -1, -ASK_EVERY_S

    def header(self) -> list[Line]:
        """How many, of how many families."""
        images = self.scene.images.values()
        families = len({i.reference.family for i in images})
        count = f"  {len(self.scene.images):,} versions of {families:,} image{'' if families == 1 else 's'}"
        total = f"  {size(sum(i.size_bytes for i in images))}"
        return [(Piece(" Images", Meaning.TITLE), Piece(count), Piece(total, Meaning.MUTED))]

    def subject(self) -> Subject:
        """No scale set."""
        return self.bare_subject()

    def entries(self) -> Sequence[Entry]:
        return arrange(self.scene, self.letters)

    def key_of(self, entry: Entry) -> str:
        return str(entry.reference) if isinstance(entry, ImageVersion) else ""

    def head(self, width: int) -> Line:
        used = f"{fit('INSTANCES', 9, right=True)}  " + ("OF" if width >= 70 else "")
        when = fit("PUBLISHED", _day(width))
        text = f"    {fit('VERSION', 14)} {fit('SIZE', 8, right=True)}  {when} {fit('STATE', 16)} "
        return (Piece(text + used, Meaning.MUTED),)

    def row(self, entry: Entry, width: int) -> Line:
        glyphs = self.cockpit.glyphs
        if isinstance(entry, str):
            rule = glyphs.rule * max(0, width - len(entry) - 4)
            return (Piece(f"  {entry} ", Meaning.TITLE), Piece(rule, Meaning.FAINT))
        latest = self._latest(entry)
        state, meaning = ("latest", Meaning.GOOD) if latest else ("", Meaning.MUTED)
        if entry.excluded_from_latest:
            state, meaning = "kept from latest", Meaning.NOTICE
        used = self._instances(entry)
        total = f"{sum(used.values()):,}" if used is not None else ""
        names = ", ".join(used if used is not None else _names(self._users(entry)))
        moment = self.cockpit.clocks.day(entry.published_at)[: _day(width)]
        sign = glyphs.pick("◆", "*") if latest else " "
        return (
            Piece(f"  {sign} ", Meaning.GOOD),
            Piece(fit(entry.reference.version, 14, glyphs.ellipsis) + " ", Meaning.TITLE),
            Piece(fit(size(entry.size_bytes), 8, right=True) + "  "),
            Piece(moment + " ", Meaning.MUTED),
            Piece(fit(state, 16) + " ", meaning),
            Piece(fit(total, 9, right=True) + "  "),
            Piece(names if width >= 70 else "", Meaning.MUTED),
        )

    def paint(self) -> None:
        """Ask again how many instances are on each, when something has happened since, but calmly."""
        moved, since_s = self.scene.seq != self._asked_seq, time.monotonic() - self._asked_at
        if moved and since_s >= ASK_EVERY_S:
            self._asked_seq, self._asked_at = self.scene.seq, time.monotonic()
            self.ask("images", {})
        elif moved:
            self.set_timer(ASK_EVERY_S - since_s, self.changed)
        self.trouble = ""  # the list is that of the scene, also where the instances are not known
        super().paint()

    def _instances(self, image: ImageVersion) -> Mapping[str, int] | None:
        """How many instances of which sets are on it; None where that is not known."""
        if self.answer is None:
            return None
        found: dict[str, Mapping[str, int]] = {one["reference"]: one["instances"] for one in self.answer["images"]}
        return found.get(str(image.reference), {})

    def _latest(self, image: ImageVersion) -> bool:
        return latest_of(tuple(self.scene.images.values()), image.reference.family) == image

    def _users(self, image: ImageVersion) -> Users:
        return users_of(image, self.scene.sets.values(), list(self.scene.images.values()))

    def detail(self, entry: Entry, width: int) -> list[Line]:
        """The whole reference and digest, who uses it, where it may not go and why."""
        if isinstance(entry, str):
            return []
        users = self._users(entry)
        found = [
            *labelled("image", str(entry.reference), width, Meaning.TITLE),
            *labelled("digest", entry.digest, width, Meaning.MUTED),
        ]
        used = self._instances(entry)
        if used is not None:
            words = ", ".join(f"{many(count, 'instance')} of {name}" for name, count in used.items())
            found += labelled("runs on", words or "no instance", width)
        found += labelled("named by", ", ".join(users.named) or "no scale set's model", width)
        for label, names in (("going there", users.coming), ("leaving it", users.leaving)):
            found += labelled(label, ", ".join(names), width, Meaning.WORKING) if names else []
        if users.blocked:
            found += labelled("kept out of", f"{', '.join(users.blocked)}: rolled back there", width, Meaning.NOTICE)
        if entry.excluded_from_latest:
            words = f"`latest` passes it over; rollset image include {entry.reference}"
            found += labelled("excluded", words, width, Meaning.NOTICE)
        return found

    def nothing(self) -> list[Line]:
        return [
            (Piece("  No image is published yet.", Meaning.TITLE),),
            (),
            (Piece("  Publish a folder that holds what an OS disk needs:", Meaning.MUTED),),
            (Piece("      rollset image publish FOLDER --as publisher:offer:sku:1.0.0", Meaning.ACCENT),),
        ]

    def do_raw(self) -> None:
        """The chosen image as JSON."""
        from tui.screens.raw import RawSheet

        chosen = self.chosen()
        if isinstance(chosen, ImageVersion):
            self.cockpit.push_screen(RawSheet(str(chosen.reference), chosen))

    def do_copy(self) -> None:
        """The reference of the chosen image."""
        chosen = self.chosen()
        if isinstance(chosen, ImageVersion):
            self.cockpit.copy_text(str(chosen.reference))
