"""Scale sets, instances and images in plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.numbers import each_counted
from engine.wire.safe_text import printable
from tui.plain.moments import show_moment
from tui.plain.progress import version_of, waiting_words, where_to
from tui.plain.table import cell, table
from tui.plain.upgrades import size


def set_lines(sets: Sequence[Mapping[str, Any]]) -> list[str]:
    """All scale sets, one a line, and their warnings below."""
    if not sets:
        return ["no scale set yet; `rollset apply FILE` creates one, `rollset demo` shows one"]
    rows = [
        (
            s["name"],
            s["location"],
            s["fleet"],
            f"{s['instances']}/{s['capacity']}",
            _health(s),
            _runs(s),
            "production" if s["production"] else None,
            _upgrade_words(s["upgrade"]),
        )
        for s in sets
    ]
    lines = table(("SET", "LOCATION", "FLEET", "INSTANCES", "HEALTH", "IMAGE", "TAG", "UPGRADE"), rows)
    return lines + [f"warning: {cell(s['name'])}: {printable(str(w))}" for s in sets for w in s["warnings"]]


def set_detail_lines(detail: Mapping[str, Any]) -> list[str]:
    """One scale set with every instance and what its extensions said."""
    lines = [
        f"{cell(detail['name'])}  {cell(detail['key'])}",
        f"model version {cell(detail['model_version'])}, image {cell(detail['image'])}, fleet {cell(detail['fleet'])}"
        + (", production" if detail["production"] else ""),
        f"{detail['instances']} of {detail['capacity']} instances on {_runs(detail)}: {_health(detail)}",
    ]
    if detail["upgrade"]:
        lines.append(f"upgrade: {_upgrade_words(detail['upgrade'])}")
    lines += [f"warning: {printable(str(warning))}" for warning in detail["warnings"]]
    rows = [
        (
            i["instance_id"],
            i["zone"],
            i["update_domain"],
            version_of(i["image"]),
            i["running"],
            i["health"],
            i["latest_model_applied"],
            _marks(i),
            i["address"],
            i["health_detail"],
        )
        for i in detail["instances_list"]
    ]
    headings = ("INSTANCE", "ZONE", "UD", "IMAGE", "RUNS", "HEALTH", "LATEST MODEL", "MARKS", "ADDRESS", "DETAIL")
    lines += ["", *table(headings, rows)] if rows else []
    return lines + _extension_lines(detail["instances_list"])


def image_lines(images: Sequence[Mapping[str, Any]]) -> list[str]:
    """Published image versions, one a line."""
    if not images:
        return ["no image yet; `rollset image publish PATH --as publisher:offer:sku:version` adds one"]
    rows = [
        (
            i["reference"],
            size(i["size_bytes"]),
            show_moment(i["published_at"]),
            _latest(i),
            ", ".join(f"{count} of {name}" for name, count in (i.get("instances") or {}).items()) or None,
            str(i["digest"])[:19],
        )
        for i in images
    ]
    return table(("IMAGE", "SIZE", "PUBLISHED", "LATEST", "INSTANCES", "DIGEST"), rows)


def _latest(image: Mapping[str, Any]) -> str | None:
    """Whether `latest` means it, and the sets that leave it out because it was rolled back there."""
    words = ["latest"] if image["is_latest"] else ["excluded from latest"] if image["excluded_from_latest"] else []
    blocked = image.get("blocked_by")
    words += [f"left out by {', '.join(map(cell, blocked))}"] if blocked else []
    return ", ".join(words) or None


def _runs(summary: Mapping[str, Any]) -> str:
    """The versions that its instances run; without instances that of the model."""
    return printable(each_counted(summary["versions"]) or version_of(summary["image"]))


def _health(summary: Mapping[str, Any]) -> str:
    unknown = f", {summary['waiting']} not known yet" if summary.get("waiting") else ""
    return f"{summary['healthy']} healthy, {summary['unhealthy']} unhealthy{unknown}"


def _upgrade_words(upgrade: Mapping[str, Any] | None) -> str | None:
    if not upgrade:
        return None
    how = "nothing to do" if upgrade.get("nothing_to_do") else f"{float(upgrade['percent']):.0f} %"
    words = f"{upgrade['state']} {where_to(upgrade)} {how}"
    blocked = upgrade["blocked_by"]
    return printable(f"{words}, {waiting_words(blocked)}" if blocked else words)


def _marks(instance: Mapping[str, Any]) -> str:
    protected, hold = instance.get("protected"), instance.get("hold")
    marks = ["protected"] if _is_protected(protected) else []
    return ", ".join(marks + (["held"] if hold else []))


def _is_protected(protected: object) -> bool:
    return any(protected.values()) if isinstance(protected, dict) else bool(protected)


def _extension_lines(instances: Sequence[Mapping[str, Any]]) -> list[str]:
    """The extensions that failed: their exit code, or that they did not run, and the last line they said."""
    lines = []
    for instance in instances:
        for extension in instance.get("extensions") or ():
            code = extension.get("exit_code")
            if code == 0:
                continue
            said = (extension.get("stderr") or extension.get("stdout") or "").strip().splitlines()
            last = f": {printable(said[-1])}" if said else ""
            how = f"ended with {code}" if code is not None else "gave no exit code"
            lines.append(f"instance {cell(instance['instance_id'])}: extension {cell(extension['name'])} {how}{last}")
    return ["", *lines] if lines else []
