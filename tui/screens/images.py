"""Images: what is published, which version is the latest, and which sets use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.model.image import ImageVersion, latest_of, version_key
from engine.model.overview import SetOverview
from tui.cells import fit
from tui.palette import Line, Meaning, Piece
from tui.plain.upgrades import size
from tui.scene import Scene
from tui.screens.list_screen import ListScreen, labelled
from tui.subject import Subject

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
    detail_lines = 6

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
        used = " USED BY" if width >= 70 else ""
        text = f"    {fit('VERSION', 14)} {fit('SIZE', 8, right=True)}  {fit('PUBLISHED', 16)} {fit('STATE', 18)}{used}"
        return (Piece(text, Meaning.MUTED),)

    def row(self, entry: Entry, width: int) -> Line:
        glyphs = self.cockpit.glyphs
        if isinstance(entry, str):
            rule = glyphs.rule * max(0, width - len(entry) - 4)
            return (Piece(f"  {entry} ", Meaning.TITLE), Piece(rule, Meaning.FAINT))
        latest = self._latest(entry)
        state, meaning = ("latest", Meaning.GOOD) if latest else ("", Meaning.MUTED)
        if entry.excluded_from_latest:
            state, meaning = "kept from latest", Meaning.NOTICE
        users = self._users(entry)
        used = ", ".join((*users.coming, *(name for name in users.named if name not in users.coming)))
        moment = self.cockpit.clocks.day(entry.published_at)
        sign = glyphs.pick("◆", "*") if latest else " "
        return (
            Piece(f"  {sign} ", Meaning.GOOD),
            Piece(fit(entry.reference.version, 14, glyphs.ellipsis) + " ", Meaning.TITLE),
            Piece(fit(size(entry.size_bytes), 8, right=True) + "  "),
            Piece(moment + " ", Meaning.MUTED),
            Piece(fit(state, 18), meaning),
            Piece(" " + used, Meaning.TEXT),
        )

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
        found += labelled("used by", ", ".join(users.named) or "no scale set names it", width)
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

    def do_copy(self) -> None:
        """The reference of the chosen image."""
        chosen = self.chosen()
        if isinstance(chosen, ImageVersion):
            self.cockpit.copy_text(str(chosen.reference))
