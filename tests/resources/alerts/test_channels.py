"""Messages on their ways, by our own channels and by services of apprise: real HTTP and SMTP, what
comes back, and no secret in what is said about it.
"""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from resources.alerts.addresses import Addresses
from resources.alerts.channel import ChannelError
from resources.alerts.channels import Mail, Slack, Teams, channels
from resources.alerts.message_layout import Message
from resources.alerts.services import Service, services
from resources.secret import Secret, reveal
from resources.variables import SettingsError
from tests.sinks import MailSink, WebhookSink
from tests.sinks import sink as sink  # a fixture
from tests.unsafe import EVIL, IMAGE, unsafe

MESSAGE = Message(
    "failed",
    "raw/issues",
    (("cause", "<the> key & all"), ("next step", "renew it")),
    "http://dagster/runs/1",
)
SECRET = "tok3n-of-a-service"


def test_slack_gets_the_message_as_text(sink: WebhookSink) -> None:
    Slack(Secret(f"{sink.url}/{SECRET}")).send(MESSAGE)
    [(path, body)] = sink.received
    assert path == f"/{SECRET}"
    assert json.loads(body) == {
        "text": "🔴 失敗 / failed: raw/issues\ncause: &lt;the&gt; key &amp; all\nnext step: renew "
        "it\nhttp://dagster/runs/1"
    }


def test_teams_gets_a_card_with_the_facts_and_a_button(sink: WebhookSink) -> None:
    Teams(Secret(f"{sink.url}/{SECRET}")).send(MESSAGE)
    [(_, body)] = sink.received
    [attachment] = json.loads(body)["attachments"]
    card = attachment["content"]
    assert card["body"][0]["text"] == MESSAGE.title
    assert {"title": "cause", "value": "<the> key & all"} in card["body"][1]["facts"]
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Dagster", "url": "http://dagster/runs/1"}
    ]


def test_mail_reaches_all_recipients_with_the_title_as_subject() -> None:
    with MailSink() as sink:
        Mail(Secret(sink.url), "elt@example.com", ("a@example.com", "b@example.com")).send(MESSAGE)
    [(recipients, mail)] = sink.received
    assert recipients == ["a@example.com", "b@example.com"]
    assert mail["Subject"] == f"[backlog-elt] {MESSAGE.title}"
    assert mail.get_content().split() == MESSAGE.text.split()
    assert mail["Message-ID"].endswith("@example.com>")
    assert parsedate_to_datetime(mail["Date"]) - datetime.now(UTC) < timedelta(minutes=1)


def test_a_recipient_who_is_refused_is_named_and_the_others_get_the_mail_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with MailSink() as sink:
        sink.unknown = {"b@example.com"}
        Mail(Secret(sink.url), "elt@example.com", ("a@example.com", "b@example.com")).send(MESSAGE)
        assert [recipients for recipients, _ in sink.received] == [["a@example.com"]]
        assert "refused b@example.com" in caplog.text
        with pytest.raises(ChannelError, match="no such user"):
            Mail(Secret(sink.url), "elt@example.com", ("b@example.com",)).send(MESSAGE)


def test_a_webhook_that_refuses_is_an_error_that_says_the_answer_and_not_the_address(
    sink: WebhookSink,
) -> None:
    [channel] = channels(Addresses(slack_url=Secret(f"{sink.url}/{SECRET}")))
    sink.status, sink.answer = 403, f"invalid_token {SECRET}"
    with pytest.raises(ChannelError, match=r"^slack: .* 403: invalid_token") as caught:
        channel.send(MESSAGE)
    assert SECRET not in f"{caught.value} {channel!r}"


def test_a_password_is_not_sent_to_a_mail_server_without_encryption() -> None:
    with MailSink() as sink:
        url = sink.url.replace("smtp://", "smtp://user:pass-word@")
        with pytest.raises(ChannelError, match="offers no encryption") as caught:
            Mail(Secret(url), "elt@example.com", ("a@example.com",)).send(MESSAGE)
    assert sink.received == []
    assert "pass-word" not in str(caught.value)


def test_what_the_source_says_is_a_line_of_text_on_every_channel(sink: WebhookSink) -> None:
    message = Message("failed", f"raw/{EVIL}", (("partition", IMAGE), ("cause", f"{EVIL} {IMAGE}")))
    with MailSink() as mails:
        Slack(Secret(f"{sink.url}/{SECRET}")).send(message)
        Teams(Secret(f"{sink.url}/{SECRET}")).send(message)
        Mail(Secret(mails.url), "elt@example.com", ("a@example.com",)).send(message)
    texts = [text for _, body in sink.received for text in _texts(json.loads(body))]
    [(_, mail)] = mails.received
    texts += [mail["Subject"], mail.get_content().replace("\r\n", "\n")]
    assert len(texts) > 8
    assert [unsafe(text) for text in texts] == [[]] * len(texts)
    assert not any("![" in text or "](" in text for text in texts)
    assert [line for text in texts for line in text.splitlines() if line.startswith("Error:")] == []


def _texts(value: object) -> Iterator[str]:
    """Yield all texts of a JSON value."""
    if isinstance(value, str):
        yield value
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _texts(one)


# -- services --------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (Teams(Secret(f"http://127.0.0.1:9/{SECRET}")), "teams: 127.0.0.1: ConnectError"),
        (service(f"json://127.0.0.1:9/{SECRET}"), "^json: "),
    ],
    ids=["our own", "of apprise"],
)
def test_an_address_that_is_not_there_is_an_error_that_does_not_show_it(
    channel: Teams | Service, said: str
) -> None:
    with pytest.raises(ChannelError, match=said) as caught:
        channel.send(MESSAGE)
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
