"""Whether a value of JSON has the shape that a type declares, at every depth.

An object is a `TypedDict`, a data class or a model: it has all of its fields and no others.
"""

import types
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import datetime
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)


def misfits(value: Any, declared: Any, where: str = "") -> list[str]:
    """Return where the value is not as declared, one line each."""
    if get_origin(declared) is Annotated:
        declared = get_args(declared)[0]
    if is_typeddict(declared) or is_dataclass(declared) or hasattr(declared, "model_fields"):
        hints = get_type_hints(declared, include_extras=True)
        hints = {name: kind for name, kind in hints.items() if get_origin(kind) is not ClassVar}
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        if value.keys() != hints.keys():
            return [f"{where or 'the object'}: {sorted(value)} instead of {sorted(hints)}"]
        return [
            line
            for name, kind in hints.items()
            for line in misfits(value[name], kind, f"{where}.{name}")
        ]
    origin, inner = get_origin(declared), get_args(declared)
    if origin is list and isinstance(value, list):
        return [
            line
            for number, one in enumerate(value)
            for line in misfits(one, inner[0], f"{where}[{number}]")
        ]
    if origin is dict and isinstance(value, dict):
        return [
            line
            for name, one in value.items()
            for line in misfits(one, inner[1], f"{where}.{name}")
        ]
    if origin in (Union, types.UnionType):
        found = [misfits(value, one, where) for one in inner]
        return [] if [] in found else max(found, key=len)
    if origin is Literal:
        return [] if value in inner else [f"{where}: {value!r} is none of {inner}"]
    if declared is datetime and isinstance(value, str):
        with suppress(ValueError):
            return (
                [] if datetime.fromisoformat(value).tzinfo else [f"{where}: {value!r} has no zone"]
            )
    kinds = (int, float) if declared is float else origin or declared
    return [] if isinstance(value, kinds) else [f"{where}: {value!r} is not {declared}"]
