"""What the errors screen says of one code: meaning, numbers, causes, instances, next steps, Azure's wording. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.decide.judge_health import shares_to_show
from engine.model.code_catalogue import CATALOGUE, CodeEntry
from engine.model.codes import ErrorCode
from engine.model.numbers import some_of
from engine.model.scale_set import ScaleSet
from engine.model.shares import Share
from engine.model.upgrade import FAILED_STATES, Upgrade
from tui.cells import wrap
from tui.failure_clusters import Cluster, clusters, details_of, failures_of, places
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece

IDS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A code that came up in a run: on the run itself (`message`), on `instances` of it, or both."""

    code: str
    run: str
    target: str
    message: str
    clusters: tuple[Cluster, ...]
    live: bool

    @property
    def instances(self) -> int:
        """How many instances are behind it."""
        return len({i for cluster in self.clusters for i in cluster.instances})


def cases_of(upgrade: Upgrade) -> list[Case]:
    """The codes of a run: the one that ended or will end it, then those of its members, the most frequent first."""
    error = upgrade.faulting or upgrade.error
    target = upgrade.target.version
    found: list[Case] = []
    by_code: dict[str, list[Cluster]] = {}
    for cluster in clusters(failures_of(upgrade)):
        by_code.setdefault(cluster.code, []).append(cluster)
    if error is not None:
        own = by_code.pop(error.code, [])
        behind = own or clusters(details_of(error))
        found.append(Case(error.code, upgrade.id, target, error.message, tuple(behind), upgrade.live))
    found += [Case(code, upgrade.id, target, "", tuple(own), upgrade.live) for code, own in by_code.items()]
    return found


def entry_of(code: str) -> CodeEntry | None:
    """What the catalogue says of a code."""
    return next((entry for entry in CATALOGUE.values() if entry.code.value == code), None)


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What a page is drawn from. `scale_set` and `upgrade` are None where only the code is known."""

    code: str
    case: Case | None
    scale_set: ScaleSet | None
    upgrade: Upgrade | None
    glyphs: Glyphs
    width: int


def page_lines(page: ErrorPage) -> list[Line]:
    """From the name to the source."""
    entry = entry_of(page.code)
    title = entry.title if entry is not None else "this version does not know the code"
    found: list[Line] = [(Piece(f" {page.code}", Meaning.BAD if page.case else Meaning.TITLE),)]
    found += [(Piece(f" {line}", Meaning.TITLE),) for line in wrap(title, page.width - 2)]
    found += _part(page, "", [entry.meaning] if entry is not None else [])
    if page.case is not None and page.case.message:
        found += _part(page, "Here", [page.case.message], Meaning.NOTICE)
    found += _numbers(page)
    if page.case is not None and page.case.clusters:
        found += [(), (Piece(" Causes", Meaning.ACCENT),)]
        where = _where(page.upgrade)
        found += [line for cluster in page.case.clusters for line in _cluster(cluster, page, where)]
    if entry is not None:
        found += _steps(page, entry)
        found += _part(page, "Azure's wording", [entry.message] if entry.message else [], Meaning.MUTED)
        found += [(), (Piece(f" Source  {entry.source}", Meaning.OUT),)]
    return found


def _part(page: ErrorPage, title: str, texts: list[str], meaning: Meaning = Meaning.TEXT) -> list[Line]:
    if not texts:
        return []
    head: list[Line] = [(), (Piece(f" {title}", Meaning.ACCENT),)] if title else [()]
    return [*head, *((Piece(f" {line}", meaning),) for text in texts for line in wrap(text, page.width - 2))]


def _numbers(page: ErrorPage) -> list[Line]:
    """The shares against their limits, when it stopped or now; only where the code is about a limit of this run."""
    scale_set, upgrade = page.scale_set, page.upgrade
    about = (ErrorCode.UNHEALTHY_BEFORE, ErrorCode.UNHEALTHY_DURING, ErrorCode.UNHEALTHY_UPGRADED)
    if page.case is None or scale_set is None or upgrade is None:
        return []
    if page.code not in (*(str(code) for code in about), str(ErrorCode.IN_PROGRESS_WITH_FAILED)):
        return []
    shares, at_its_stop = shares_to_show(upgrade, scale_set)
    if not at_its_stop and not upgrade.members:  # without them nothing can be counted now
        return []
    title = f" The numbers {'when it stopped' if at_its_stop else 'now'}"
    of_all = _share("unhealthy, of all", shares.unhealthy, page)
    return [(), (Piece(title, Meaning.ACCENT),), of_all, _share("unhealthy, of those upgraded", shares.upgraded, page)]


def _share(words: str, share: Share, page: ErrorPage) -> Line:
    real = share.bad * 100 / share.total if share.total else 0.0
    meaning = Meaning.BAD if share.exceeded else Meaning.GOOD
    done, rest = page.glyphs.bar(real / 100, 12)
    text = f" {share.bad:,} of {share.total:,} = {real:.1f} %, the limit is {share.limit_percent} %"
    return (
        Piece(f" {words:<29}", Meaning.MUTED),
        *((Piece(done, meaning), Piece(rest, Meaning.FAINT)) if page.width >= 84 else ()),
        Piece(text, meaning),
    )


def _where(upgrade: Upgrade | None) -> Mapping[str, str]:
    if upgrade is None:
        return {}
    return {
        m.instance_id: f"batch {m.batch}" if m.batch is not None else f"zone {m.zone or '-'}"
        for m in upgrade.members.values()
    }


def _cluster(cluster: Cluster, page: ErrorPage, where: Mapping[str, str]) -> list[Line]:
    """How many, why, who, and where they are."""
    count = f" {len(cluster.instances):>4} {page.glyphs.dot} "
    lines = wrap(cluster.cause, max(20, page.width - len(count) - 1))
    found: list[Line] = [(Piece(count, Meaning.BAD), Piece(lines[0]))]
    space = " " * len(count)
    found += [(Piece(space + line),) for line in lines[1:]]
    spots = ", ".join(f"{count} in {place}" for place, count in places(cluster, where)[:4])
    of = f"instances {some_of(cluster.instances, IDS_SHOWN)}" + (f" ({spots})" if spots else "")
    return found + [(Piece(space + line, Meaning.MUTED),) for line in wrap(of, max(20, page.width - len(space) - 1))]


def _failed(upgrade: Upgrade | None) -> set[str]:
    """The instances that failed: those that fell ill after their success are nothing to retry."""
    members = upgrade.members.values() if upgrade is not None else ()
    return {m.instance_id for m in members if m.judged_failed or m.state in FAILED_STATES}


def _steps(page: ErrorPage, entry: CodeEntry) -> list[Line]:
    case = page.case
    name = page.scale_set.name if page.scale_set is not None else "SET"
    failed = _failed(page.upgrade)
    named = [i for cluster in case.clusters for i in cluster.instances] if case is not None else []
    first = next((i for i in named if not failed or i in failed), "ID")
    reference = str(page.upgrade.target) if page.upgrade is not None else "REFERENCE"
    known = case is not None
    advice = entry.advice(name, first, reference) if known else entry.advice()
    if known and page.upgrade is not None and page.upgrade.members and not failed:
        advice = tuple(line for line in advice if "rollset retry" not in line)
    found: list[Line] = [(), (Piece(" What to do", Meaning.ACCENT),)]
    for line in advice:
        words, colon, command = line.partition(": rollset ")
        lines = wrap(words + (":" if colon else ""), max(20, page.width - 4))
        found += [
            (Piece(f" {page.glyphs.pick('→', '>') if n == 0 else ' '} ", Meaning.ACCENT), Piece(text))
            for n, text in enumerate(lines)
        ]
        if colon:
            found += [
                (Piece(f"     {text}", Meaning.TITLE),) for text in wrap(f"rollset {command}", max(20, page.width - 6))
            ]
    return found
