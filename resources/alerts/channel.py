"""The interface of all alert channels."""

from typing import Protocol

from resources.alerts.message_layout import Message
from resources.redact import plain_line

#: Seconds within which a channel must accept a message.
TOTAL_SECONDS = 30.0


class ChannelError(Exception):
    """A message could not be sent.

    The text names the channel and the answer, never the address of a webhook.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain_line(message))


class Channel(Protocol):
    """Sends messages; `name` is `slack`, `teams`, `mail` or a scheme of apprise."""

    @property
    def name(self) -> str:
        """The name of the channel."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            ChannelError: it was not accepted.
        """
