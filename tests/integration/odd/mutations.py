"""What may be wrong with an answer: on the wire, in its body, or in one of its records.

What the program can notice must be repaired by the next load of changes. A lie cannot be noticed,
such as a summary that is another text; it is repaired by a load that reads all again.
"""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.flooding import FLOODS
from tests.integration.odd.answers import RAW, Answer
from tests.unsafe import EVIL, IMAGE

_TIMES: tuple[Any, ...] = (
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2099-01-01T00:00:00Z",
    "",
    "now",
    0,
    10**18,
    [],
    {},
)
_IDS: tuple[Any, ...] = (
    None,
    "x",
    "",
    "7",
    1.5,
    True,
    -1,
    2**63,
    2**70,
    [],
    {},
    "\ud800",
    RAW + "1e400",
    RAW + "9" * 5_000,
    RAW + "NaN",
)
_COUNTS: tuple[Any, ...] = (
    None,
    "3",
    -1,
    2**31,
    10**30,
    1.5,
    True,
    [],
    {},
    RAW + "1e400",
    RAW + "-Infinity",
)
_VALUES: tuple[Any, ...] = (
    None,
    "",
    "x" * 3_000,
    "NUL \0",
    EVIL,
    IMAGE,
    "\ud83d",
    0,
    -1,
    7,
    0.5,
    True,
    False,
    [],
    ["x", 1],
    {},
    "9999-12-31T23:59:59Z",
    RAW + "1e400",
)
#: Fields of which a wrong value that looks right cannot be repaired: they say which record it is,
#: or which version.
_NAMES = frozenset(
    {
        "id",
        "created",
        "updated",
        "issueKey",
        "keyId",
        "projectKey",
        "projectId",
        "issueId",
        "spaceKey",
        "timezone",
    }
)


Change = Callable[[Random, Answer], Answer]


# -- on the wire -----------------------------------------------------------------------------------


def _status(rng: Random, answer: Answer) -> Answer:
    status = rng.choice(
        [
            204,
            206,
            299,
            300,
            304,
            307,
            400,
            401,
            402,
            403,
            404,
            408,
            409,
            418,
            429,
            451,
            500,
            502,
            503,
            599,
            999,
        ]
    )
    body = rng.choice(
        [
            b"",
            b"<html>no</html>",
            b'{"errors":[]}',
            b'{"errors":[{"code":"x"}]}',
            b'{"errors":7}',
            b"[" * 50_000,
        ]
    )
    spoilt = replace(answer, status=status).with_body(b"" if status in {204, 304} else body)
    return spoilt.with_header(
        "Location", rng.choice(["http://[", "/login", "https://elsewhere.test/", ""])
    )


def _flood(rng: Random, answer: Answer) -> Answer:
    return answer.with_flood(FLOODS[rng.choice(sorted(FLOODS))])


def _said(rng: Random, answer: Answer) -> Answer:
    """Return an error whose text acts on who reads it, or is endless."""
    said = rng.choice([EVIL, IMAGE, f"{EVIL} {'long ' * 200_000}", "\x1b" * 1_000_000])
    status, code = rng.choice([(400, 7), (401, 11), (403, 5), (404, 6), (500, 1)])
    return replace(answer, status=status).with_json({"errors": [{"message": said, "code": code}]})


def _rates(rng: Random, answer: Answer) -> Answer:
    for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"):
        answer = answer.with_header(
            name, rng.choice(["", "-5", "0", "abc", "1e9", "9" * 40, "0.5", "\u00b2"])
        )
    return answer


def _date(rng: Random, answer: Answer) -> Answer:
    return answer.with_header(
        "Date",
        rng.choice(
            ["", "now", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "0"]
        ),
    )


def _length(rng: Random, answer: Answer) -> Answer:
    size = len(answer.body)
    return answer.with_header(
        "Content-Length",
        rng.choice([str(size + 50), str(max(size - 1, 0)), "0", "-1", "x", str(10**30)]),
    )


def _compressed(rng: Random, answer: Answer) -> Answer:
    packed = gzip.compress(answer.body)
    broken = rng.choice(
        [packed, packed[:-9], b"x" + packed, answer.body, packed[: len(packed) // 2]]
    )
    return answer.with_body(broken).with_header(
        "Content-Encoding", rng.choice(["gzip", "deflate", "br", "gzip, gzip", "none"])
    )


def _charset(rng: Random, answer: Answer) -> Answer:
    text = answer.body.decode()
    encoded = rng.choice(
        [
            text.encode("utf-16"),
            text.encode("utf-8-sig"),
            b"\xff\xfe" + answer.body,
            answer.body + b"\x80",
        ]
    )
    return answer.with_body(encoded).with_header(
        "Content-Type", rng.choice(["application/json; charset=latin-1", "text/html", "", "x"])
    )


def _body(rng: Random, answer: Answer) -> Answer:
    half = answer.body[: len(answer.body) // 2]
    bodies = [
        b"",
        b"null",
        b"true",
        b"7",
        b'"x"',
        b"<html>hello</html>",
        half,
        b"[" * 100_000,
        b'{"a":' * 3_000,
        bytes(range(256)),
    ]
    return answer.with_body(rng.choice(bodies))


def _turned(_rng: Random, answer: Answer) -> Answer:
    value = json.loads(answer.body)
    return answer.with_json({"items": value} if isinstance(value, list) else [value])


WIRE: dict[str, Change] = {
    "status": _status,
    "error text": _said,
    "rate limits": _rates,
    "date": _date,
    "length": _length,
    "flood": _flood,
    "compression": _compressed,
    "charset": _charset,
    "body": _body,
    "list and object": _turned,
    "cut": lambda rng, answer: replace(answer, cut=rng.randrange(len(answer.body) + 1)),
    "drips": lambda _rng, answer: replace(answer, drips=True),
    "headers": lambda rng, answer: answer.with_header(
        rng.choice(["Set-Cookie", "X", "Connection"]), rng.choice(["a" * 9_000, "\u00e9", ""])
    ),
}


# -- in records ------------------------------------------------------------------------------------


def _of_record(change: Callable[[Random, dict[str, Any]], Any]) -> Change:
    """Return a mutation of some records of a list, or of an object."""

    def changed(rng: Random, answer: Answer) -> Answer:
        value = json.loads(answer.body)
        if isinstance(value, dict):
            return answer.with_json(change(rng, value))
        for place in rng.sample(range(len(value)), min(len(value), rng.choice([1, 1, 2]))):
            value[place] = change(rng, value[place])
        return answer.with_json(value)

    return changed


def _id(rng: Random, record: dict[str, Any]) -> Any:
    return {
        **record,
        ("count" if "count" in record else "id"): rng.choice(
            _COUNTS if "count" in record else _IDS
        ),
    }


def _time(rng: Random, record: dict[str, Any]) -> Any:
    name = rng.choice([name for name in ("created", "updated") if name in record] or ["id"])
    return {**record, name: rng.choice(_TIMES) if name != "id" else None}


def _depths(rng: Random, record: dict[str, Any]) -> Any:
    return {
        **record,
        rng.choice(
            [*record, "somethingNew"]
        ): f"{RAW}deep{rng.choice([60, 300, 480, 5_000, 50_000])}",
    }


def _twice(rng: Random, answer: Answer) -> Answer:
    value = json.loads(answer.body)
    if isinstance(value, list) and value:
        one = dict(rng.choice(value))
        value.insert(
            rng.randrange(len(value) + 1),
            {**one, "name": "another", "summary": "another", "content": "another"},
        )
    return answer.with_json(value)


def _reversed(_rng: Random, answer: Answer) -> Answer:
    value = json.loads(answer.body)
    return answer.with_json(value[::-1] if isinstance(value, list) else value)


RECORDS: dict[str, Change] = {
    "id or count": _of_record(_id),
    "time": _of_record(_time),
    "nesting": _of_record(_depths),
    "no object": _of_record(lambda rng, _record: rng.choice([None, [], "x", 7, {}, [[]], True])),
    "twice": _twice,
}


def _field(rng: Random, record: dict[str, Any]) -> Any:
    names = sorted(record.keys() - _NAMES)
    return {**record, rng.choice([*names, "somethingNew"]): rng.choice(_VALUES)}


def _without(rng: Random, record: dict[str, Any]) -> Any:
    gone = rng.choice(sorted(record.keys() - _NAMES) or [""])
    return {name: value for name, value in record.items() if name != gone}


LIES: dict[str, Change] = {
    "field": _of_record(_field),
    "without": _of_record(_without),
    "nothing": lambda _rng, answer: answer.with_json([] if answer.body[:1] == b"[" else {}),
    "order": _reversed,
}


@dataclass
class Mutation:
    """One way to spoil the answers of one endpoint: the first one, or `always`; `done` counts how
    often it did.
    """

    route: str
    name: str
    change: Change
    number: int
    always: bool
    done: int = field(default=0)

    def __str__(self) -> str:
        return f"{self.route}: {self.name}{' always' if self.always else ''} ({self.number})"

    def apply(self, answer: Answer) -> Answer:
        """Return the spoilt answer; the same one each time."""
        self.done += 1
        return self.change(Random(self.number), answer)  # noqa: S311 - no secret is made of it
