"""Messages on their ways: real HTTP and SMTP, what comes back, and no secret in what is said about
it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from resources.alerts.addresses import Addresses
from resources.alerts.channel import ChannelError
from resources.alerts.channels import Mail, Slack, Teams, channels
from resources.alerts.message_layout import Message
from resources.secret import Secret
from tests.sinks import MailSink, WebhookSink
from tests.unsafe import EVIL, IMAGE, unsafe

MESSAGE = Message(
    "failed",
    "raw/issues",
    (("cause", "<the> key & all"), ("next step", "renew it")),
    "http://dagster/runs/1",
)
SECRET = "/services/T000/B000/abcdefgh"


def test_slack_gets_the_message_as_text(sink: WebhookSink) -> None:
    Slack(Secret(sink.url + SECRET)).send(MESSAGE)
    [(path, body)] = sink.received
    assert path == SECRET
    assert json.loads(body) == {
        "text": "🔴 失敗 / failed: raw/issues\ncause: &lt;the&gt; key &amp; all\nnext step: renew "
        "it\nhttp://dagster/runs/1"
    }


def test_teams_gets_a_card_with_the_facts_and_a_button(sink: WebhookSink) -> None:
    Teams(Secret(sink.url + SECRET)).send(MESSAGE)
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
    [channel] = channels(Addresses(slack_url=Secret(sink.url + SECRET)))
    sink.status, sink.answer = 403, f"invalid_token {SECRET}"
    with pytest.raises(ChannelError) as caught:
        channel.send(MESSAGE)
    assert str(caught.value).startswith("slack: 127.0.0.1 answered 403: invalid_token")
    assert SECRET not in str(caught.value) + repr(channel)


def test_a_webhook_that_is_not_there_is_an_error_without_its_address() -> None:
    with pytest.raises(ChannelError) as caught:
        Teams(Secret("http://127.0.0.1:9" + SECRET)).send(MESSAGE)
    assert "teams: 127.0.0.1: ConnectError" in str(caught.value)
    assert SECRET not in str(caught.value)


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
        Slack(Secret(sink.url + SECRET)).send(message)
        Teams(Secret(sink.url + SECRET)).send(message)
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
