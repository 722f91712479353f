"""Words of the charts: stages and risks in Japanese and English with their colours, and how texts are measured and cut.

Fonts are those of the reader, so a width is an estimate on the safe side: no font is asked.
"""

import unicodedata

#: In the order in which they lie on each other, from the ground up. Colours that differ for all kinds of colour vision, and in grey
#: (Okabe and Ito).
STAGES = {
    "done": ("完了", "done", "#009E73"),
    "review": ("レビュー", "review", "#0072B2"),
    "active": ("作業中", "active", "#E69F00"),
    "waiting": ("待ち", "waiting", "#C3C8CF"),
}
#: Each with a shape of its own too, for who sees no colour.
RISKS = {
    "high": ("高", "high", "#D55E00", "^"),
    "medium": ("中", "medium", "#E69F00", "D"),
    "low": ("低", "low", "#56B4E9", "o"),
    "unknown": ("不明", "unknown", "#9AA1AB", "s"),
}
INK, QUIET, FAINT = "#22272E", "#5B6470", "#E3E6EA"
#: For what has no order, such as people; the last one is for all the others.
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#C3C8CF")

_NO_LETTERS = "\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def clean(text: object) -> str:
    """Return a text of the source as one line, without what XML forbids or what turns the direction of the texts after it."""
    line = "".join(" " if unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or one in _NO_LETTERS else one for one in str(text))
    return " ".join(line.split()) or "–"


def width(text: str, size: float) -> float:
    """Return how wide a line is at most, as a rule: a Japanese character is a square, a Latin one is narrower."""
    return sum(map(_ems, text)) * size


def _ems(character: str) -> float:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0.0
    if unicodedata.east_asian_width(character) in "WFA":
        return 1.05
    if character in " .,:;|'!-–·/()ijl":
        return 0.4
    return 0.72 if character.isupper() or character in "mw%@" else 0.58


def fit(text: object, room: float, size: float) -> str:
    """Return a text of the source as one line that is not wider than the room, cut with an ellipsis where it must be."""
    line = clean(text)
    if width(line, size) <= room:
        return line
    while line and width(line + "…", size) > room:
        line = line[:-1]
    return line.rstrip() + "…"


def duration(seconds: float) -> str:
    """Return a duration in words of both languages, in the unit that suits it."""
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} 分 min"
    if seconds < DAY:
        return f"{seconds / HOUR:.1f} 時間 h"
    return f"{seconds / DAY:,.1f} 日 d" if seconds < 100 * DAY else f"{seconds / DAY:,.0f} 日 d"
