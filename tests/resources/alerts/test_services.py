"""Services of apprise: real HTTP and SMTP, what comes back, and no secret in what is said
about it.
"""

import json
import logging
import socket
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from resources.alerts.addresses import Addresses
from resources.alerts.channel import ChannelError
from resources.alerts.channels import channels
from resources.alerts.message_layout import Message
from resources.alerts.services import Service, services
from resources.secret import reveal
from resources.variables import SettingsError
from tests.sinks import WebhookSink

MESSAGE = Message(
    "failed",
    "raw/issues",
    (("cause", "<the> key & all"), ("next step", "renew it")),
    "http://dagster/runs/1",
)
SECRET = "tok3n-of-a-service"


def service(url: str) -> Service:
    [found] = services(Addresses.from_env({"BACKLOG_ALERT_URLS": url}).urls)
    return found


def test_a_service_gets_the_title_and_all_facts(sink: WebhookSink) -> None:
    service(f"json://{sink.url.removeprefix('http://')}/{SECRET}").send(MESSAGE)
    [(path, body)] = sink.received
    assert path == f"/{SECRET}"
    sent = json.loads(body)
    assert (sent["title"], sent["message"], sent["type"]) == (
        MESSAGE.title,
        MESSAGE.text,
        "failure",
    )


def test_what_has_a_field_of_its_own_as_chatwork_has_gets_the_whole_text_in_it(
    sink: WebhookSink,
) -> None:
    """As https://developer.chatwork.com has it: a form with `body`, and the token in a header."""
    field = f"?+X-ChatWorkToken={SECRET}&:message=body&:title=&:type=&:version="
    service(f"form://{sink.url.removeprefix('http://')}/v2/rooms/123/messages{field}").send(MESSAGE)
    [(path, body)] = sink.received
    assert path == "/v2/rooms/123/messages"
    assert parse_qs(body) == {"body": [MESSAGE.text]}


def test_a_service_that_refuses_is_an_error_that_says_why_and_not_the_address(
    sink: WebhookSink, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    sink.status, sink.answer = 403, f"invalid_token {SECRET}"
    refused = service(f"json://{sink.url.removeprefix('http://')}/{SECRET}?+X-Token={SECRET}2")
    with pytest.raises(ChannelError, match=r"^json: .*403") as caught:
        refused.send(MESSAGE)
    assert SECRET not in f"{caught.value} {refused!r} {caplog.text} {capfd.readouterr()}"
    assert "urllib3" in caplog.text


def test_a_service_that_is_not_there_is_an_error_without_its_address() -> None:
    with pytest.raises(ChannelError, match=r"^json: ") as caught:
        service(f"json://127.0.0.1:9/{SECRET}").send(MESSAGE)
    assert SECRET not in str(caught.value)


def test_a_service_that_answers_a_byte_now_and_then_is_given_up() -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        slow = service(f"json://127.0.0.1:{server.getsockname()[1]}/")
        slow.seconds = 0.5
        began = time.monotonic()
        with pytest.raises(ChannelError, match=r"^json: not accepted within 0\.5 seconds"):
            slow.send(MESSAGE)
        assert time.monotonic() - began < 30
        over.set()
        thread.join()


def test_each_channel_has_another_name() -> None:
    environ = {
        "BACKLOG_ALERT_SLACK_URL": "https://hooks.example.com/a",
        "BACKLOG_ALERT_SMTP_URL": "smtps://mail.example.com",
        "BACKLOG_ALERT_MAIL_FROM": "elt@example.com",
        "BACKLOG_ALERT_MAIL_TO": "a@example.com, b@example.com",
        "BACKLOG_ALERT_URLS": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ "
        f"json://a/{SECRET},json://b/{SECRET}"
        f"\nline://{SECRET}/user https://discord.com/api/webhooks/4174216298/{SECRET}",
    }
    found = channels(Addresses.from_env(environ))
    assert [channel.name for channel in found] == [
        "slack",
        "mail",
        "slack 2",
        "json",
        "json 2",
        "line",
        "discord",
    ]
    assert channels(Addresses.from_env({})) == []


def test_the_addresses_may_stand_in_a_file_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(
        f"json://a.example.com/{SECRET}\nmailtos://me:{SECRET}@mail.example.com?to=a@b.c,d@b.c\n"
    )
    found = Addresses.from_env({"BACKLOG_ALERT_URLS_FILE": str(tmp_path / "urls")})
    assert [*map(reveal, found.urls)] == [
        f"json://a.example.com/{SECRET}",
        f"mailtos://me:{SECRET}@mail.example.com?to=a@b.c,d@b.c",
    ]
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("urls", "wrong"),
    [
        (
            f"discrod://{SECRET}/x",
            "number 1 of 1 is not supported: the scheme is unknown or a part is missing",
        ),
        (f"json://host/x, line://{SECRET}", "number 2 of 2 is not supported"),
        (
            f"mailto://me:{SECRET}@mail.example.com?to=a@example.com",
            r"would send a password without encryption.*mailtos://",
        ),
    ],
)
def test_what_apprise_does_not_take_names_the_variable_and_not_itself(
    urls: str, wrong: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        SettingsError,
        match=rf"BACKLOG_ALERT_URLS is '…' \(.*{wrong}.*\): expected addresses as apprise",
    ) as caught:
        channels(Addresses.from_env({"BACKLOG_ALERT_URLS": urls}))
    assert SECRET not in f"{caught.value} {capfd.readouterr()}"
