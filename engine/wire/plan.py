"""The JSON form of plans."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engine.model.errors import InputError
from engine.model.plan import Plan


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """JSON values only."""
    return asdict(plan)


def plan_from_dict(value: object) -> Plan:
    """Read a saved plan. Raises InputError that names the field when it is not one."""
    try:
        return _adapter().validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            "InvalidParameter",
            f"this is not a saved plan: {where}: {first['msg']}.",
            "Make one: rollset plan SET --save FILE",
        ) from None
