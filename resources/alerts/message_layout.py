"""The layout of a message, the same for all channels.

The texts of alerts are in `resources/problems/alert_texts.py`.
"""

from dataclasses import dataclass
from typing import Any

from resources.redact import plain_line, without_links

#: Kind of a message -> its first words, in both languages.
HEADS = {
    "failed": "🔴 失敗 / failed",
    "silent": "🔴 同期が止まっています / no sync",
    "anomaly": "🟡 通常と異なります / anomaly",
    "recovered": "🟢 復旧 / recovered",
    "test": "🔵 テスト / test",
}


@dataclass(frozen=True)
class Message:
    """A message: its kind (a key of `HEADS`), a subject, facts as (label, value), and a link.

    The constructor makes it safe to show: each text is one line, in which a chat client finds no
    image and no link.
    """

    kind: str
    subject: str
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", without_links(plain_line(self.subject)))
        facts = tuple((label, without_links(plain_line(value))) for label, value in self.facts)
        object.__setattr__(self, "facts", facts)

    @property
    def title(self) -> str:
        """The whole message in one line."""
        return f"{HEADS[self.kind]}: {self.subject}"

    @property
    def details(self) -> str:
        """The text below the title: the facts and the link."""
        lines = [*(f"{label}: {value}" for label, value in self.facts), self.link]
        return "\n".join(line for line in lines if line)

    @property
    def text(self) -> str:
        """The message as plain text."""
        return "\n".join(part for part in (self.title, self.details) if part)

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> "Message":
        """Return the message from its `dataclasses.asdict`."""
        return cls(
            found["kind"],
            found["subject"],
            tuple((label, value) for label, value in found["facts"]),
            found["link"],
        )
