"""Reading Azure's answers about upgrades and instances: one function an answer."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from engine.arm.azure_records import (
    AzureError,
    AzureRecord,
    HistoryItem,
    Machine,
    MachineView,
    Operation,
    RollingUpgradeStatus,
    SetInstanceView,
)
from engine.arm.read_file import check_bounds
from engine.model.errors import InputError
from engine.model.safe_text import printable

Record = TypeVar("Record", bound=AzureRecord)


def _read(kind: type[Record], body: object, where: str) -> Record:
    check_bounds(body, where)
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            "InvalidParameter",
            f"{printable(where)}: {printable(path)}: {printable(first['msg'])}",
            "This is not the answer it was taken for.",
        ) from None


def _items(body: object, where: str) -> list[Any]:
    """The items of `{"value": [...]}`, or of a bare list."""
    found = next((v for k, v in body.items() if str(k).lower() == "value"), None) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise InputError("InvalidParameter", f"{printable(where)}: no list in `value`.", "Give a list answer.")
    return found


def read_rolling_upgrade_status(body: object, where: str) -> RollingUpgradeStatus:
    """Read `rollingUpgrades/latest`. `where` names the answer in errors. Raises InputError."""
    return _read(RollingUpgradeStatus, body, where)


def read_os_upgrade_history(body: object, where: str) -> tuple[HistoryItem, ...]:
    """Read `osUpgradeHistory`, one page. Raises InputError."""
    return tuple(_read(HistoryItem, item, where) for item in _items(body, where))


def read_set_instance_view(body: object, where: str) -> SetInstanceView:
    """Read a scale set's instance view. Raises InputError."""
    return _read(SetInstanceView, body, where)


def read_machines(body: object, where: str) -> tuple[Machine, ...]:
    """Read one page of a set's list of virtual machines. Raises InputError."""
    return tuple(_read(Machine, item, where) for item in _items(body, where))


def read_machine_view(body: object, where: str) -> MachineView:
    """Read the instance view of one virtual machine. Raises InputError."""
    return _read(MachineView, body, where)


def read_operation(body: object, where: str) -> Operation:
    """Read the body of a long-running operation. Raises InputError."""
    return _read(Operation, body, where)


def read_error(body: object, where: str) -> AzureError:
    """Read an HTTP error's body, `{"error": {...}}`, or an error alone. Raises InputError."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return _read(AzureError, body["error"], where)
    return _read(AzureError, body, where)
