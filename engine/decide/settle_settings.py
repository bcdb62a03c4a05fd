"""The settings of one run: the command's value, else the set's policy, else the default, each with its origin."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from engine.model.errors import InputError
from engine.model.plan import PlanSetting, StartRequest
from engine.model.policy import RestoreFailed, RollingUpgradePolicy, RunSettings, check_policy
from engine.model.scale_set import ScaleSet

T = TypeVar("T")

DEFAULT_HEALTH_WINDOW_S = 300.0
DEFAULT_TIMEOUT_S = 86_400.0


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
    scale_set: ScaleSet, request: StartRequest, *, by_user: bool
) -> tuple[RunSettings, list[PlanSetting]]:
    """The frozen settings of a run and where each comes from. Raises InputError for a value out of its limits."""
    count, percent = parse_batch(request.batch) if request.batch is not None else (None, None)
    own = scale_set.model.policy
    policy = replace(
        own,
        max_batch_instance_percent=_or(percent, own.max_batch_instance_percent),
        max_unhealthy_instance_percent=_or(request.max_unhealthy_percent, own.max_unhealthy_instance_percent),
        max_unhealthy_upgraded_instance_percent=_or(
            request.max_unhealthy_upgraded_percent, own.max_unhealthy_upgraded_instance_percent
        ),
        pause_between_batches_s=_or(request.pause_between_batches_s, own.pause_between_batches_s),
    )
    check_policy(policy)
    settings = RunSettings(
        policy=policy,
        restore_failed=_restore(scale_set, request, by_user=by_user),
        health_window_s=_positive("--health-window", request.health_window_s, DEFAULT_HEALTH_WINDOW_S),
        upgrade_timeout_s=_positive("--timeout", request.timeout_s, DEFAULT_TIMEOUT_S),
        batch_count=count,
    )
    return settings, _origins(request, settings, own, count)


def _or(given: T | None, otherwise: T) -> T:
    return otherwise if given is None else given


def _positive(name: str, given: float | None, default: float) -> float:
    if given is None:
        return default
    if not 0 < given <= 31_536_000:
        raise InputError(
            "InvalidParameter",
            f"{name} is {given:g} seconds; it must be more than 0 and at most a year.",
            "Give seconds.",
        )
    return given


def _restore(scale_set: ScaleSet, request: StartRequest, *, by_user: bool) -> RestoreFailed:
    if request.restore_failed is not None:
        try:
            asked = RestoreFailed(request.restore_failed.replace("-", "_"))
        except ValueError:
            names = ", ".join(choice.value for choice in RestoreFailed)
            raise InputError(
                "InvalidParameter",
                f"--restore-failed {request.restore_failed!r} is none of {names}.",
                "Use one of them.",
            ) from None
        return _azure(scale_set, by_user=by_user) if asked is RestoreFailed.AZURE else asked
    if scale_set.model.disable_automatic_rollback:
        return RestoreFailed.NEVER
    return RestoreFailed.ALWAYS if by_user else RestoreFailed.AZURE


def _azure(scale_set: ScaleSet, *, by_user: bool) -> RestoreFailed:
    if not by_user:
        return RestoreFailed.NEVER if scale_set.model.disable_automatic_rollback else RestoreFailed.ALWAYS
    on_breach = scale_set.model.policy.rollback_failed_instances_on_policy_breach
    return RestoreFailed.ON_BREACH if on_breach else RestoreFailed.NEVER


def _origins(
    request: StartRequest, settings: RunSettings, own: RollingUpgradePolicy, count: int | None
) -> list[PlanSetting]:
    policy = settings.policy
    run, model = "this run", "the set's rolling upgrade policy"
    batch = f"{count} instances" if count is not None else f"{policy.max_batch_instance_percent} %"
    return [
        PlanSetting("maxBatchInstancePercent", batch, run if request.batch else model),
        PlanSetting(
            "maxUnhealthyInstancePercent",
            f"{policy.max_unhealthy_instance_percent} %",
            run if request.max_unhealthy_percent is not None else model,
        ),
        PlanSetting(
            "maxUnhealthyUpgradedInstancePercent",
            f"{policy.max_unhealthy_upgraded_instance_percent} %",
            run if request.max_unhealthy_upgraded_percent is not None else model,
        ),
        PlanSetting(
            "pauseTimeBetweenBatches",
            f"{policy.pause_between_batches_s:g} s",
            run if request.pause_between_batches_s is not None else model,
        ),
        PlanSetting("enableCrossZoneUpgrade", str(own.enable_cross_zone_upgrade).lower(), model),
        PlanSetting("prioritizeUnhealthyInstances", str(own.prioritize_unhealthy_instances).lower(), model),
        PlanSetting(
            "restoreFailed",
            settings.restore_failed.value,
            run if request.restore_failed else "default of the command line (Azure: user starts do not restore)",
        ),
        PlanSetting("healthWindow", f"{settings.health_window_s:g} s", run if request.health_window_s else "default"),
        PlanSetting("upgradeTimeout", f"{settings.upgrade_timeout_s:g} s", run if request.timeout_s else "default"),
    ]
