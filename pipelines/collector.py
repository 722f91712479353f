"""Python's collector of cycles while a program starts.

Imports and definitions make 600,000 objects that stay to the end. The collector would look at all
of them several times: 0.2 to 0.3 s of a command's CPU.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def rest() -> None:
    """Collect nothing until `resume`."""
    gc.disable()


@contextmanager
def at_rest() -> Iterator[None]:
    """Collect nothing until `resume`, or the end of the block."""
    rest()
    try:
        yield
    finally:
        gc.enable()


def resume() -> None:
    """Collect again, without a look at what is there by now."""
    gc.freeze()
    gc.enable()
