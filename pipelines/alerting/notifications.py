"""The messages of a problem: when it begins, and when it has ended, in both languages.

Its texts are in `resources/problems/`; only the first words of a title, which a test message has
too, are in `resources/alerts/message_layout.py::HEADS`.
"""

from datetime import UTC, datetime, timedelta

from resources.alerts.message_layout import Message
from resources.problems.names import Language
from resources.problems.problem import Problem

#: The labels of what a message says.
_LABELS: dict[Language, dict[str, str]] = {
    "en": {"place": "partition", "cause": "cause", "data": "data", "step": "next step"},
    "ja": {"place": "パーティション", "cause": "原因", "data": "データ", "step": "次の手順"},
}
_SINCE: dict[Language, str] = {"en": "since", "ja": "発生"}
_ENDED: dict[Language, tuple[str, str, str]] = {
    "en": ("was", "until", "duration"),
    "ja": ("内容", "終了", "時間"),
}


def begun(problem: Problem, dagster_url: str, since: datetime) -> Message:
    """Return the message when a problem begins."""
    facts = []
    for language, said in problem.said_in_all().items():
        labels = _LABELS[language]
        facts += [(labels[name], text) for name, text in said.items() if name in labels and text]
        facts.append((_SINCE[language], _instant(since)))
    return _message(problem.kind.head, problem, facts, dagster_url)


def recovered(problem: Problem, dagster_url: str, since: datetime, now: datetime) -> Message:
    """Return the message when it has ended."""
    lasted = str(timedelta(seconds=int((now - since).total_seconds())))
    facts = []
    for language, (was, until, duration) in _ENDED.items():
        place = (_LABELS[language]["place"], problem.place(language))
        facts += [place, (was, problem.texts(language).cause), (_SINCE[language], _instant(since))]
        facts += [(until, _instant(now)), (duration, lasted)]
    return _message("recovered", problem, [fact for fact in facts if fact[1]], dagster_url)


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _message(
    head: str, problem: Problem, facts: list[tuple[str, str]], dagster_url: str
) -> Message:
    link = f"{dagster_url}/runs/{problem.run_id}" if dagster_url and problem.run_id else dagster_url
    return Message(head, problem.texts("en").subject, tuple(facts), link)
