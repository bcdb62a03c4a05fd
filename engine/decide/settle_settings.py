"""The settings of one run, each with its origin: the command, the model, policy documents, defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from engine.model.errors import InputError
from engine.model.plan import PlanSetting, StartRequest
from engine.model.policy import RestoreFailed, RunSettings, check_policy
from engine.model.policy_document import PolicyDocument, policies_for
from engine.model.scale_set import ScaleSet

T = TypeVar("T")

DEFAULT_HEALTH_WINDOW_S = 300.0
DEFAULT_TIMEOUT_S = 86_400.0
DEFAULT_RETENTION_S = 1_209_600.0
RUN = "this run"
MODEL = "the set's rolling upgrade policy"
DEFAULT = "default"
ROLLBACK = "a rollback: no unhealthy limit stops it, unhealthy instances go first"

_ROLLBACK_POLICY: dict[str, Any] = {
    "max_unhealthy_instance_percent": 100,
    "max_unhealthy_upgraded_instance_percent": 100,
    "prioritize_unhealthy_instances": True,
}


def parse_batch(text: str) -> tuple[int | None, int | None]:
    """`3` is a count, `20%` a share: (count, percent), one of them None.

    Raises InputError that shows both forms.
    """
    plain = text.strip()
    number = plain.removesuffix("%").strip()
    if number.isascii() and number.isdigit() and len(number) <= 6:
        value = int(number)
        if plain.endswith("%") and 5 <= value <= 100:
            return None, value
        if not plain.endswith("%") and value >= 1:
            return value, None
    raise InputError(
        "InvalidParameter",
        f"--batch {text!r} is neither a number of instances (1 or more) nor a share (5% to 100%).",
        "Write --batch 3 or --batch 20%.",
    )


def settle_settings(
    scale_set: ScaleSet,
    request: StartRequest,
    *,
    by_user: bool,
    policies: Iterable[PolicyDocument] = (),
    rollback: bool = False,
) -> tuple[RunSettings, list[PlanSetting]]:
    """The frozen settings of a run and where each comes from. Raises InputError for a value out of its limits.

    Limits: this run, else what the model states, else the policy documents, else the default. Our own settings:
    this run, else the policy documents, else the default (of `restoreFailed`: `always` where a person starts, else what
    Azure does). A rollback keeps the batch limit and the walls, takes unhealthy instances first, is stopped by no
    unhealthy limit, and never puts back the image that it leaves.
    """
    count, percent = parse_batch(request.batch) if request.batch is not None else (None, None)
    sources = _Sources(scale_set, policies_for(policies, scale_set.name, scale_set.key))
    policy = replace(
        scale_set.model.policy,
        max_batch_instance_percent=sources.limit("max_batch_instance_percent", percent),
        max_unhealthy_instance_percent=sources.limit("max_unhealthy_instance_percent", request.max_unhealthy_percent),
        max_unhealthy_upgraded_instance_percent=sources.limit(
            "max_unhealthy_upgraded_instance_percent", request.max_unhealthy_upgraded_percent
        ),
        pause_between_batches_s=sources.limit("pause_between_batches_s", request.pause_between_batches_s),
    )
    check_policy(policy)
    window = _positive("--health-window", request.health_window_s)
    timeout = _positive("--timeout", request.timeout_s)
    sources.limit("enable_cross_zone_upgrade", None)
    sources.limit("prioritize_unhealthy_instances", None)
    budget_stated = "extension_budget_s" in scale_set.model.stated
    sources.origins["extension_budget_s"] = "the model's extensionProfile" if budget_stated else DEFAULT
    settings = RunSettings(
        policy=policy,
        restore_failed=_restore(sources, request, by_user=by_user),
        health_window_s=sources.own("health_window_s", window, DEFAULT_HEALTH_WINDOW_S),
        upgrade_timeout_s=sources.own("upgrade_timeout_s", timeout, DEFAULT_TIMEOUT_S),
        extension_budget_s=scale_set.model.extension_budget_s,
        batch_count=count,
        previous_disk_retention_s=sources.own("previous_disk_retention_s", None, DEFAULT_RETENTION_S),
    )
    if count is not None:
        sources.origins["max_batch_instance_percent"] = RUN
    if rollback:
        settings = _of_rollback(settings)
        sources.origins |= dict.fromkeys((*_ROLLBACK_POLICY, "restore_failed"), ROLLBACK)
    return settings, shown_settings(settings, sources.origins)


def take_up_settings(settings: RunSettings, ended: str, *, rollback: bool) -> tuple[RunSettings, list[PlanSetting]]:
    """The settings of an upgrade that takes up an ended one: the same, but for what a rollback needs."""
    taken = f"as in upgrade {ended}, which it takes up"
    origins = dict.fromkeys((f.name for f in (*fields(settings), *fields(settings.policy))), taken)
    if rollback:
        settings = _of_rollback(settings)
        # The way back is not cut short by a limit that was meant for the way there.
        settings = replace(settings, upgrade_timeout_s=max(settings.upgrade_timeout_s, DEFAULT_TIMEOUT_S))
        origins |= dict.fromkeys((*_ROLLBACK_POLICY, "restore_failed"), ROLLBACK)
    return settings, shown_settings(settings, origins)


def _of_rollback(settings: RunSettings) -> RunSettings:
    return replace(settings, policy=replace(settings.policy, **_ROLLBACK_POLICY), restore_failed=RestoreFailed.NEVER)


class _Sources:
    """Where values come from, the first that says something; `origins` remembers it by field."""

    def __init__(self, scale_set: ScaleSet, documents: list[PolicyDocument]) -> None:
        self.scale_set = scale_set
        self.documents = documents
        self.origins: dict[str, str] = {}

    def document(self, field: str) -> Any:
        """The value of the policy document that fits the set most closely and says this field; None when none does."""
        for document in self.documents:
            value = getattr(document, field, None)
            if value is not None:
                self.origins[field] = document.words
                return value
        return None

    def limit(self, field: str, of_run: T | None) -> T:
        """A field of Azure's policy."""
        own: T = getattr(self.scale_set.model.policy, field)
        if of_run is not None:
            self.origins[field] = RUN
            return of_run
        if field in self.scale_set.model.stated:
            self.origins[field] = MODEL
            return own
        found: T | None = self.document(field)
        if found is None:
            self.origins[field] = DEFAULT
        return own if found is None else found

    def own(self, field: str, of_run: T | None, default: T) -> T:
        """One of our own settings."""
        if of_run is not None:
            self.origins[field] = RUN
            return of_run
        found: T | None = self.document(field)
        if found is None:
            self.origins[field] = DEFAULT
        return default if found is None else found


def _positive(name: str, given: float | None) -> float | None:
    if given is not None and not 0 < given <= 31_536_000:
        raise InputError(
            "InvalidParameter",
            f"{name} is {given:g} seconds; it must be more than 0 and at most a year.",
            "Give seconds.",
        )
    return given


def _restore(sources: _Sources, request: StartRequest, *, by_user: bool) -> RestoreFailed:
    scale_set = sources.scale_set
    asked: RestoreFailed | None = _asked(request.restore_failed)
    if asked is not None:
        sources.origins["restore_failed"] = RUN
    else:
        asked = sources.document("restore_failed")
    if asked is None and scale_set.model.disable_automatic_rollback:
        sources.origins["restore_failed"] = "disableAutomaticRollback of the model"
        return RestoreFailed.NEVER
    if asked is None:
        asked = RestoreFailed.ALWAYS if by_user else RestoreFailed.AZURE
        user = "default of the command line (Azure: user starts do not restore)"
        sources.origins["restore_failed"] = user if by_user else "default of platform starts"
    if asked is not RestoreFailed.AZURE:
        return asked
    sources.origins["restore_failed"] += ": azure"
    return _azure(scale_set, by_user=by_user)


def _asked(text: str | None) -> RestoreFailed | None:
    try:
        return None if text is None else RestoreFailed(text.replace("-", "_"))
    except ValueError:
        names = ", ".join(choice.value for choice in RestoreFailed)
        raise InputError(
            "InvalidParameter", f"--restore-failed {text!r} is none of {names}.", "Use one of them."
        ) from None


def _azure(scale_set: ScaleSet, *, by_user: bool) -> RestoreFailed:
    if not by_user:
        return RestoreFailed.NEVER if scale_set.model.disable_automatic_rollback else RestoreFailed.ALWAYS
    on_breach = scale_set.model.policy.rollback_failed_instances_on_policy_breach
    return RestoreFailed.ON_BREACH if on_breach else RestoreFailed.NEVER


def shown_settings(settings: RunSettings, origins: Mapping[str, str]) -> list[PlanSetting]:
    """Every setting by its own name with its value in words; where a field has no origin the model said it."""
    policy, count = settings.policy, settings.batch_count
    percent = f"{policy.max_batch_instance_percent} %"
    values = {
        "max_batch_instance_percent": ("maxBatchInstancePercent", f"{count} instances" if count else percent),
        "max_unhealthy_instance_percent": (
            "maxUnhealthyInstancePercent",
            f"{policy.max_unhealthy_instance_percent} %",
        ),
        "max_unhealthy_upgraded_instance_percent": (
            "maxUnhealthyUpgradedInstancePercent",
            f"{policy.max_unhealthy_upgraded_instance_percent} %",
        ),
        "pause_between_batches_s": ("pauseTimeBetweenBatches", _time(policy.pause_between_batches_s)),
        "enable_cross_zone_upgrade": ("enableCrossZoneUpgrade", _word(policy.enable_cross_zone_upgrade)),
        "prioritize_unhealthy_instances": (
            "prioritizeUnhealthyInstances",
            _word(policy.prioritize_unhealthy_instances),
        ),
        "restore_failed": ("restoreFailed", settings.restore_failed.value),
        "health_window_s": ("healthWindow", _time(settings.health_window_s)),
        "upgrade_timeout_s": ("upgradeTimeout", _time(settings.upgrade_timeout_s)),
        "extension_budget_s": ("extensionsTimeBudget", _time(settings.extension_budget_s)),
        "previous_disk_retention_s": ("previousDiskRetention", _time(settings.previous_disk_retention_s)),
    }
    return [PlanSetting(name, value, origins.get(field, MODEL)) for field, (name, value) in values.items()]


def _time(seconds: float) -> str:
    """`90 s`, `12 h`, `14 days`: whole hours and days as such, everything else exactly."""
    if seconds and not seconds % 86_400:
        days = seconds / 86_400
        return "1 day" if days == 1 else f"{days:g} days"
    return f"{seconds / 3_600:g} h" if seconds and not seconds % 3_600 else f"{seconds:.10g} s"


def _word(truth: bool) -> str:
    return "true" if truth else "false"
