"""Texts that do more than to be read, and what must be left of them where they are shown."""

import re

#: It colours a terminal, rings its bell, begins a new line and turns what follows around.
EVIL = "\x1b[31mred\x07\r\nError: forged\u202egnp.exe \x9b2J\u2028\x7f"
#: It lets a browser fetch a picture where Markdown or HTML is made of it.
IMAGE = '![x](http://evil.test/x.png) <img src="http://evil.test/y.png">'
#: What no line of a terminal, a log, an alert or a page may hold.
UNSAFE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def unsafe(text: str) -> list[str]:
    """Return what of a text is not safe to show."""
    return [ascii(found) for found in UNSAFE.findall(text)]
