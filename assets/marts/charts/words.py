"""Words of the charts and the page in Japanese and English, and the colours that stand for
something.

The words are in `page/words.json`, which the page holds too. A spec names a word as `@name`.
"""

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

#: From the ground of a picture up. Colours that differ for all kinds of colour vision (Okabe and
#: Ito).
STAGES = {"done": "#009E73", "review": "#0072B2", "active": "#E69F00", "waiting": "#9AA5B1"}
#: Each with a shape of its own too, for those who see no colour.
RISKS = {
    "high": ("#D55E00", "triangle-up"),
    "medium": ("#E69F00", "diamond"),
    "low": ("#56B4E9", "circle"),
    "unknown": ("#9AA1AB", "square"),
}
#: For what has no order, such as people; the last one is for all the others.
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#9AA5B1")

_WORD = re.compile(r"@([a-z_]+)")
_NO_LETTERS = "\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@cache
def words() -> dict[str, tuple[str, str]]:
    """Return each word in Japanese and English, by its name."""
    found = json.loads(
        (Path(__file__).parents[1] / "page" / "words.json").read_text(encoding="utf-8")
    )
    return {name: (japanese, english) for name, (japanese, english) in found.items()}


def both(name: str) -> str:
    """Return a word in both languages, once where they agree."""
    japanese, english = words()[name]
    return japanese if japanese == english else f"{japanese} / {english}"


def in_both(spec: Any) -> Any:
    """Return a spec in which each `@name` is the word in both languages."""
    if isinstance(spec, dict):
        return {name: in_both(value) for name, value in spec.items()}
    if isinstance(spec, list | tuple):
        return [in_both(value) for value in spec]
    return _WORD.sub(lambda found: both(found[1]), spec) if isinstance(spec, str) else spec


def clean(text: object) -> str:
    """Return a text of the source as one line, without what XML forbids or what turns the direction
    of the texts after it.
    """
    line = "".join(
        " " if unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or one in _NO_LETTERS else one
        for one in str(text)
    )
    return " ".join(line.split()) or "–"
