"""Memory that the copies of a process go on sharing with it.

A page is shared until somebody writes to it, and Python writes to an object with each reference that it counts. From 3.12 on an
object with the highest count is immortal: its references are not counted (PEP 683, made for processes that are copied). Python
makes only its own constants immortal. A function for others comes with 3.15; until then the count is written here.
"""

import ctypes
import gc
from types import CodeType

#: The count of an immortal object in Python 3.12 and 3.13, of `None` for one. Earlier versions count the references of each object.
IMMORTAL = 0xFFFF_FFFF


def keep_shared() -> int:
    """Prepare this process for being copied, and return how many of its objects are immortal from here on.

    None of what is there now is freed again or looked at by the collector, here or in a copy. Before Python 3.12 only the latter
    holds, and 0 is returned.
    """
    gc.collect()
    made = _make_immortal() if _count(None).value == IMMORTAL else 0
    gc.freeze()
    return made


def _count(one: object) -> ctypes.c_ssize_t:
    """Return where the references of an object are counted, but in builds for debugging or without the global lock."""
    return ctypes.c_ssize_t.from_address(id(one))


def _make_immortal() -> int:
    made = 0
    found = gc.get_objects()
    while found:
        new = []
        for one in found:
            count = _count(one)
            if count.value != IMMORTAL:
                count.value = IMMORTAL
                new.append(one)
        made += len(new)
        # The collector knows what refers to others, but for code.
        found = gc.get_referents(*new) + [one.co_consts for one in new if isinstance(one, CodeType)]
    return made
