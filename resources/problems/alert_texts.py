"""The texts of all problems, in English and Japanese.

`{name}` in a text is a parameter of the problem. Two are computed from the code of its cause:
`{why}` says what has happened, with the recorded line, `{remedy}` what to do (`cause_table.py`).
"""

from dataclasses import dataclass
from typing import Final, Literal

from resources.problems.cause_table import Severity
from resources.problems.names import Language

#: What a button can do: sync changes, load failed partitions again, open the run.
Action = Literal["sync", "retry", "run"]
#: The first words of its message, a key of `resources/alerts/message_layout.py::HEADS`.
Head = Literal["failed", "silent", "anomaly"]
RUNBOOK: Final[dict[Language, str]] = {"en": "docs/operating.md", "ja": "docs/operating.ja.md"}


@dataclass(frozen=True)
class Texts:
    """The subject, what is wrong with it, what that means for the data, the next step, and the
    section of the runbook.
    """

    subject: str
    cause: str
    data: str
    step: str
    section: str


@dataclass(frozen=True)
class Code:
    """What all problems with a code have in common."""

    head: Head
    severity: Severity
    en: Texts
    ja: Texts
    action: Action | None = None

    def texts(self, language: Language) -> Texts:
        """Return the texts in a language."""
        return self.en if language == "en" else self.ja


_KEPT = "All rows stay as they were at the last load; what has changed since is read afterwards"
_KEPT_JA = "行はすべて最後のロードの時点のまま残ります。その後の変更は、復旧後に読みます"
_MONTHS = "The rows of these months stay as they were before the backfill"
_MONTHS_JA = "この期間の行は、バックフィルの前のまま残ります"
_UNREAD, _UNREAD_JA = "Backlog cannot be read", "Backlog を読めない"
_SOURCE, _SOURCE_JA = "Backlog at {host}", "Backlog({host})"
_FAILED, _FAILED_JA = "A run has failed", "実行が失敗した"

CODES: Final[dict[str, Code]] = {
    "source_unreachable": Code(
        "failed",
        "warning",
        Texts(_SOURCE, "{why}", _KEPT, "{remedy}", _UNREAD),
        Texts(_SOURCE_JA, "{why}", _KEPT_JA, "{remedy}", _UNREAD_JA),
    ),
    "source_refused": Code(
        "failed",
        "act",
        Texts(_SOURCE, "{why}", _KEPT, "{remedy}", _UNREAD),
        Texts(_SOURCE_JA, "{why}", _KEPT_JA, "{remedy}", _UNREAD_JA),
    ),
    "source_rate_limited": Code(
        "anomaly",
        "warning",
        Texts(_SOURCE, "{why}", "Loads go on, and take longer", "{remedy}", _UNREAD),
        Texts(_SOURCE_JA, "{why}", "ロードは続きますが、時間がかかります", "{remedy}", _UNREAD_JA),
    ),
    "run_failed": Code(
        "failed",
        "warning",
        Texts(
            "{subject}",
            "{why}",
            "What was read before it failed is kept, and the next scheduled run continues there; "
            "the rest is as of the load before",
            "{remedy}",
            _FAILED,
        ),
        Texts(
            "{subject}",
            "{why}",
            "失敗するまでに読んだ分は残り、次の定期実行がその続きから読みます。"
            "ほかは前回のロードの時点のままです",
            "{remedy}",
            _FAILED_JA,
        ),
        "sync",
    ),
    "backfill_failed": Code(
        "failed",
        "act",
        Texts(
            "{subject}",
            "{why}",
            _MONTHS,
            "{remedy}. What is left after that, the job retry_failed_partitions in Dagster loads",
            _FAILED,
        ),
        Texts(
            "{subject}",
            "{why}",
            _MONTHS_JA,
            "{remedy}。残ったものは、Dagster のジョブ retry_failed_partitions がロードします",
            _FAILED_JA,
        ),
        "retry",
    ),
    "backfill_lost": Code(
        "failed",
        "act",
        Texts(
            "{subject}",
            "Dagster has given it up: {why}",
            _MONTHS,
            "When the cause is gone, start it again: Re-execute on its page in Dagster",
            _FAILED,
        ),
        Texts(
            "{subject}",
            "Dagster が打ち切りました: {why}",
            _MONTHS_JA,
            "原因がなくなってから、Dagster のバックフィルのページの Re-execute で"
            "始め直してください",
            _FAILED_JA,
        ),
    ),
    "check_red": Code(
        "failed",
        "act",
        Texts(
            "{subject}",
            "{said}",
            "Rows of this table may differ from Backlog",
            "Open the check in Dagster: it shows the rows",
            "A check is red",
        ),
        Texts(
            "{subject}",
            "チェックが失敗しました",
            "この表の行が Backlog と異なる可能性があります",
            "Dagster でチェックを開いてください。該当する行が分かります",
            "チェックが赤い",
        ),
        "run",
    ),
    "projects_stale": Code(
        "failed",
        "act",
        Texts(
            "{subject}",
            "not loaded for longer than the cadence allows: {projects}",
            "Rows of these projects are as of their last load",
            "See why their loads fail, or sync now",
            "A check is red",
        ),
        Texts(
            "{subject}",
            "決められた時間を過ぎてもロードされていません: {projects}",
            "これらのプロジェクトの行は、最後のロードの時点のままです",
            "ロードが失敗する理由を確認するか、今すぐ同期してください",
            "チェックが赤い",
        ),
        "sync",
    ),
    "partitions_failed": Code(
        "failed",
        "act",
        Texts(
            "{subject}",
            "the last load of some partitions has failed",
            _MONTHS,
            "Start the job retry_failed_partitions in Dagster",
            "A check is red",
        ),
        Texts(
            "{subject}",
            "最後のロードが失敗したままのパーティションがあります",
            _MONTHS_JA,
            "Dagster でジョブ retry_failed_partitions を実行してください",
            "チェックが赤い",
        ),
        "retry",
    ),
    "view_not_made": Code(
        "failed",
        "act",
        Texts(
            "{relation}",
            "was not made anew: {line}",
            "The view is missing or as it was; all other marts are of this build",
            "Drop what depends on it, or see the line. The next build tries again",
            "A view was not made",
        ),
        Texts(
            "{relation}",
            "ビューを作り直せませんでした: {line}",
            "このビューは、ないか以前のままです。ほかのマートはこのビルドのものです",
            "依存しているものを削除するか、上の行を確認してください。次のビルドで再び試みます",
            "ビューを作れない",
        ),
        "run",
    ),
    "sync_silent": Code(
        "silent",
        "act",
        Texts(
            "raw/{table}",
            "no sync of {table} has succeeded for longer than its cadence of {hours} h allows",
            "Rows are as of the last success: {last}",
            "Check that the daemon runs and the schedule is on",
            "No sync",
        ),
        Texts(
            "raw/{table}",
            "{hours} 時間ごとの同期が、決められた時間を過ぎても成功していません",
            "行は最後に成功した時点のままです({last})",
            "デーモンが動いているか、スケジュールとセンサーが有効かを確認してください",
            "同期が来ない",
        ),
        "sync",
    ),
    "warehouse_unusable": Code(
        "failed",
        "act",
        Texts(
            "warehouse",
            "{why}",
            "What was committed is kept; nothing new is stored until it is back",
            "{remedy}",
            "The warehouse is gone",
        ),
        Texts(
            "ウェアハウス",
            "{why}",
            "コミット済みのデータは残っています。復旧するまで、新しいデータは保存されません",
            "{remedy}",
            "ウェアハウスが使えない",
        ),
    ),
    "login_refused": Code(
        "failed",
        "act",
        Texts(
            "access to {host}",
            "the space does not renew the access of this login any more ({reason})",
            _KEPT,
            "Log in again: backlog-elt login",
            "The token cannot be renewed",
        ),
        Texts(
            "{host} へのアクセス",
            "スペースがこのログインを更新しません({reason})",
            _KEPT_JA,
            "backlog-elt login でもう一度ログインしてください",
            "トークンを更新できない",
        ),
    ),
    "alerter_silent": Code(
        "silent",
        "act",
        Texts(
            "alerts",
            "the alerter has given no sign of life for ten minutes",
            "Loads may go on; problems are neither seen nor reported",
            "Check that the daemon runs and that the sensor alerts is on",
            "Alerts",
        ),
        Texts(
            "アラート",
            "知らせを送るセンサー alerts が 10 分以上止まっています",
            "ロードは続いているかもしれませんが、問題は見つけられず、知らせも届きません",
            "デーモンが動いているか、センサー alerts が有効かを確認してください",
            "アラート",
        ),
    ),
}
#: Condition of the source -> its code.
OF_CONDITION: Final = {
    "unreachable": "source_unreachable",
    "refused": "source_refused",
    "rate_limited": "source_rate_limited",
}
