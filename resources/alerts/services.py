"""The services that apprise supports (LINE, Discord, Telegram, mail and about a hundred others),
each given as one URL.

apprise loads all its services at once (0.17 s, 25 MB), so it is imported only to send.
"""

import itertools
import logging
import queue
import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from resources.alerts.addresses import APPRISE
from resources.alerts.channel import TOTAL_SECONDS, ChannelError
from resources.alerts.message_layout import Message
from resources.redact import protect_logs
from resources.secret import Secret
from resources.variables import ALERT_URLS, SettingsError

if TYPE_CHECKING:
    from apprise import NotifyBase

#: Kind of a message -> apprise's word for it.
_KINDS = {
    "failed": "failure",
    "silent": "failure",
    "anomaly": "warning",
    "recovered": "success",
    "test": "info",
}
#: Receivers of these schemes often show one field only, as Chatwork does. Others show the title
#: above the text.
_ONE_FIELD = ("json", "xml", "form")
_LOGGER = logging.getLogger("apprise")
# Failures are reported in one line of ours; apprise's own lines hold addresses.
_LOGGER.propagate = False
_LOGGER.addHandler(logging.NullHandler())


class Service:
    """One service of apprise. `name` is its scheme, with a number where there are several."""

    def __init__(self, name: str, plugin: "NotifyBase", seconds: float = TOTAL_SECONDS) -> None:
        self.name = name
        self.seconds = seconds
        self._plugin = plugin

    def __repr__(self) -> str:
        return f"Service({self.name!r})"

    def send(self, message: Message) -> None:
        """Send the message.

        Raises:
            ChannelError: it was not accepted, or not within `seconds`.
        """
        answer: queue.SimpleQueue[str] = queue.SimpleQueue()
        # apprise does not limit the total time of a request: a server that sends a byte now and
        # then would block it forever. Its own `timeout` leaves such a request in a pool of six
        # threads, which the process waits for at its end. It does not wait for a daemon thread.
        threading.Thread(
            target=lambda: answer.put(self._failure(message)),
            daemon=True,
            name=f"alert to {self.name}",
        ).start()
        try:
            failure = answer.get(timeout=self.seconds)
        except queue.Empty:
            failure = f"not accepted within {self.seconds:g} seconds"
        if failure:
            raise ChannelError(f"{self.name}: {failure}")

    def _failure(self, message: Message) -> str:
        """Send the message; return why it was not accepted, or an empty string."""
        body = (
            message.text if self.name.startswith(_ONE_FIELD) else message.details or message.subject
        )
        captured = _Captured()
        _LOGGER.addHandler(captured)
        try:
            taken = self._plugin.notify(
                title=message.title, body=body, notify_type=_KINDS[message.kind], body_format="text"
            )
        except Exception as error:  # services raise errors of any type
            return f"{type(error).__name__}: {error}"
        finally:
            _LOGGER.removeHandler(captured)
        return "" if taken else (captured.lines or ["not taken"])[-1]


class _Captured(logging.Handler):
    """Keeps what apprise logs in this thread: the reason of a failure is only there."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


def services(urls: Sequence[Secret], names: Collection[str] = ()) -> list[Service]:
    """Return the services of some URLs. None gets a name that is in `names`.

    Raises:
        SettingsError: apprise rejects a URL, or would send a password without encryption.
    """
    if not urls:
        return []
    from apprise import Apprise, AppriseAsset

    protect_logs()
    asset = AppriseAsset(app_id="backlog-elt", app_desc="backlog-elt", app_url="", async_mode=False)
    found: list[Service] = []
    for number, url in enumerate(urls, 1):
        plugin = Apprise.instantiate(url.reveal(), asset=asset)
        wrong = "" if plugin else "is not supported: the scheme is unknown or a part is missing"
        if plugin and getattr(plugin, "secure_mode", "") == "insecure" and plugin.password:
            wrong = "would send a password without encryption: begin it with mailtos://"
        if plugin is None or wrong:
            raise SettingsError(ALERT_URLS, url, APPRISE, f"number {number} of {len(urls)} {wrong}")
        scheme = str(plugin.url()).partition("://")[0]  # type: ignore[no-untyped-call]
        known = {*names, *(one.name for one in found)}
        others = (f"{scheme} {count}" for count in itertools.count(2))
        found.append(
            Service(
                next(
                    name
                    for name in (scheme, *itertools.islice(others, len(known)))
                    if name not in known
                ),
                plugin,
            )
        )
    return found
