"""Azure's error codes and the error record that a status carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.model.shares import Shares


class ErrorCode(StrEnum):
    """Codes as Azure spells them (Azure: automatic OS image upgrade page, 2023; recorded answers 2019-2022)."""

    UNHEALTHY_BEFORE = "MaxUnhealthyInstancePercentExceededBeforeRollingUpgrade"
    UNHEALTHY_DURING = "MaxUnhealthyInstancePercentExceededInRollingUpgrade"
    UNHEALTHY_UPGRADED = "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"
    IN_PROGRESS_WITH_FAILED = "RollingUpgradeInProgressWithFailedUpgradedVMs"
    TIMEOUT = "RollingUpgradeTimeoutError"
    INTERNAL = "InternalExecutionError"
    INSTANCE_UNHEALTHY = "RollingUpgradeInstanceUnhealthyError"
    OUTSIDE_WINDOWS = "RollingUpgradeBatchStartTimeNotWithinScheduledWindows"
    EXTENSION = "VMExtensionProvisioningError"
    OPERATION_NOT_ALLOWED = "OperationNotAllowed"
    BAD_REQUEST = "BadRequest"
    INVALID_PARAMETER = "InvalidParameter"
    NOT_FOUND = "NotFound"
    CONFLICT = "Conflict"
    DEPLOYMENT_FAILURE = "ResourceDeploymentFailure"
    ALLOCATION_FAILED = "AllocationFailed"
    NETWORKING_INTERNAL = "NetworkingInternalOperationError"


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One instance's part of an error; `target` is `<set>/virtualMachines/<instance id>`."""

    code: str
    target: str
    message: str


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error inside a status: Azure's code, its wording, one level of details.

    `shares`: the numbers of the limits when it was made, for one that a broken limit made. Azure has no such field.
    """

    code: str
    message: str
    target: str | None = None
    details: tuple[ErrorDetail, ...] = ()
    shares: Shares | None = None
