"""An answer of the source as it goes over the wire, and JSON that no encoder writes."""

import json
from dataclasses import dataclass, replace
from typing import Any

from tests.flooding import Flood

#: A stand-in for a value that only text can be: a number that no parser of JSON makes, or nesting
#: that no encoder writes.
RAW = "raw:"


@dataclass(frozen=True)
class Answer:
    """An answer as it goes over the wire.

    `cut`: the connection ends after so many bytes, `drips`: they come one by one, `flood`: another
        body comes, without end.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: int | None = None
    drips: bool = False
    flood: Flood | None = None

    def with_json(self, value: Any) -> "Answer":
        """Return the answer with another body."""
        return self.with_body(_encoded(value))

    def with_body(self, body: bytes) -> "Answer":
        """Return the answer with another body, and the length that it has."""
        return replace(self, body=body).with_header("Content-Length", str(len(body)))

    def with_header(self, name: str, value: str) -> "Answer":
        """Return the answer with a header, in place of any of that name."""
        return replace(
            self,
            headers=[(one, held) for one, held in self.headers if one.lower() != name.lower()]
            + [(name, value)],
        )

    def with_flood(self, flood: Flood) -> "Answer":
        """Return the answer with a body without end."""
        kept = [pair for pair in self.headers if not pair[0].lower().startswith("content-")]
        return replace(self, headers=[*kept, *flood.headers], flood=flood)


def _encoded(value: Any) -> bytes:
    text = json.dumps(value)
    marker = '"' + RAW
    while marker in text:
        before, _, rest = text.partition(marker)
        raw, _, behind = rest.partition('"')
        text = before + _nested(raw) + behind
    return text.encode()


def _nested(raw: str) -> str:
    levels = int(raw.removeprefix("deep")) if raw.startswith("deep") else 0
    return '{"a":[' * levels + "1" + "]}" * levels if levels else raw
