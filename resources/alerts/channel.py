"""What every way to people promises."""

from typing import Protocol

from resources.alerts.message_layout import Message
from resources.redact import plain_line

#: Until a message is taken.
TOTAL_SECONDS = 30.0


class ChannelError(Exception):
    """A message could not be sent; the text says on which channel and what came back, without the
    address of a webhook.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain_line(message))


class Channel(Protocol):
    """A way on which a message is sent; `name` is `slack`, `teams`, `mail` or a scheme of
    apprise.
    """

    @property
    def name(self) -> str:
        """The name of the channel."""

    def send(self, message: Message) -> None:
        """Send it.

        Raises:
            ChannelError: it was not taken.
        """
