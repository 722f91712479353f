"""The table of causes: why something failed, and what to do about it.

A recorded failure is one line of English (from `resources/backlog/errors.py`,
`resources/warehouse/server/connect.py` or Dagster). The first cause whose pattern matches the line
applies. `docs/operating.md` explains the same causes in more detail.
"""

import re
from dataclasses import dataclass

from resources.problems.names import Language, is_sentence, plain

#: A request and its outcome, which are the same in every language.
DETAIL = r"(?:[\w-]+: ){0,3}(?:GET|POST|PATCH) /[^\s:;,]*(?:: \d{3}\b)?(?:, code \d+)?"
_DETAIL = re.compile(DETAIL)


@dataclass(frozen=True)
class Cause:
    """A cause of failures.

    `pattern` matches the lines that mean it; JavaScript must understand it, too. `ja` describes the
    cause, `step_en` and `step_ja` say what to do. `en` is set when the line itself is not a text of
    ours. `passes`: it mostly ends by itself, and what it has broken off is started again.
    `at_once`: it passes when a person has done something, who is told at once.
    """

    code: str
    pattern: str
    ja: str
    step_en: str
    step_ja: str
    en: str = ""
    passes: bool = False
    at_once: bool = False


_AFTERWARDS = "Nothing: it is tried again"
_AFTERWARDS_JA = "何もしなくてかまいません。自動で試し直します"
_URL = "the database URL that the line names"
_URL_JA = "行にあるデータベースの URL"

CAUSES = (
    Cause(
        "login_ended",
        "nobody is logged in|does not renew the access|with an access token|invalid_grant",
        "OAuth のログインが終わっています",
        "Log in again: backlog-elt login",
        "backlog-elt login でもう一度ログインしてください",
    ),
    Cause(
        "two_factor",
        "two-factor authentication",
        "スペースが、このユーザーに 2 段階認証の設定を求めています",
        "Set up two-factor authentication for the user at Backlog",
        "Backlog で、このユーザーの 2 段階認証を設定してください",
    ),
    Cause(
        "key_refused",
        ": 401\\b|check BACKLOG_API_KEY|a login page",
        "キーまたはトークンが違う、期限切れ、または別のスペースのものです",
        "Renew the access: a valid key and a restart, or backlog-elt login where access is by "
        "OAuth",
        "アクセスを更新してください。API キーなら正しいキーを設定して起動し直し、OAuth なら "
        "backlog-elt login を実行します",
    ),
    Cause(
        "address_refused",
        "certain IP addresses only",
        "スペースは特定の IP アドレスからだけ接続できます",
        "Let the space accept the address of this machine",
        "スペースの設定で、このマシンのアドレスを許可してください",
    ),
    Cause(
        "not_allowed",
        "may not do this",
        "ユーザーに権限がありません",
        "Let the user join the project, or use an administrator",
        "ユーザーをプロジェクトに参加させるか、管理者のユーザーを使ってください",
    ),
    Cause(
        "not_in_plan",
        "the plan of the space",
        "スペースのプランに含まれていないか、プランの期限が切れています",
        "Renew or change the plan of the space",
        "スペースのプランを更新または変更してください",
    ),
    Cause(
        "not_a_space",
        "is BACKLOG_URL the root|the body is not JSON|redirected to|does not end|is larger than",
        "応答が Backlog のものではありません。スペースの URL が違うか、プロキシが応答しています",
        "Check BACKLOG_URL and the proxy, and start again",
        "BACKLOG_URL とプロキシを確認し、起動し直してください",
    ),
    Cause(
        "rate_limited",
        ": 429\\b|share this limit",
        "同じユーザーを使うほかのプログラムが、API の上限を使い切っています",
        "Let other programs of this user make fewer requests, or give this one its own user",
        "同じユーザーのほかのプログラムのリクエストを減らすか、専用のユーザーを使ってください",
        passes=True,
    ),
    Cause(
        "no_answer",
        "no answer from",
        "Backlog から応答がありません",
        "Check that Backlog and the network are up; loads continue when it answers",
        "Backlog とネットワークの状態を確認してください。応答が戻れば自動で続きます",
        passes=True,
    ),
    Cause(
        "unavailable",
        "is not available|(?:GET|POST|PATCH) /[^ ]*: 5\\d\\d\\b",
        "Backlog がエラーを返しています",
        "Wait: each run tries again. Tell Nulab if it lasts",
        "お待ちください。実行のたびに試し直します。続くようなら Nulab に知らせてください",
        passes=True,
    ),
    Cause(
        "not_found",
        "it was deleted, or the key",
        "削除されたか、このユーザーからは見えません",
        "Nothing if it was deleted; else let the user see it",
        "削除したのなら何もしなくてかまいません。そうでなければ、ユーザーに見えるようにしてください",
    ),
    Cause(
        "forbidden",
        "(?:GET|POST|PATCH) /[^ ]*: 40[03]\\b",
        "Backlog が受け付けません",
        "Let the user join the project, or use an administrator",
        "ユーザーをプロジェクトに参加させるか、管理者のユーザーを使ってください",
    ),
    Cause(
        "changes_too_fast",
        "passes disagree|keep vanishing|changes too fast",
        "変化が速すぎて、全件であることを確かめられません",
        "Nothing: the next run tries again",
        "何もしなくてかまいません。次の実行が試し直します",
        passes=True,
    ),
    Cause(
        "no_such_project",
        "has or had th(?:e|is) key|is not a partition",
        "そのキーのプロジェクトがないか、その月がありません",
        "Choose partitions of existing projects",
        "実在するプロジェクトのパーティションを選んでください",
    ),
    Cause(
        "disk_full",
        "disk of the PostgreSQL server is full|No space left on device|could not extend file",
        "PostgreSQL のディスクが満杯です",
        "Free some space on the disk of PostgreSQL; loads then go on by themselves",
        "PostgreSQL のディスクに空きを作ってください。空きができれば、ロードは自動で続きます",
        passes=True,
        at_once=True,
    ),
    Cause(
        "embedded_stopped",
        "embedded PostgreSQL",
        "組み込みの PostgreSQL が止まっています",
        "Run backlog-elt up or status, which starts it; if it does not start, see its log",
        "backlog-elt up か status を実行してください。起動します。起動しなければログを見てください",
        passes=True,
    ),
    Cause(
        "connections_used_up",
        "no connection left|too many (?:clients|connections)|remaining connection slots",
        "PostgreSQL の接続の空きがありません",
        "Close other clients of PostgreSQL, or raise max_connections",
        "PostgreSQL のほかの接続を閉じるか、max_connections を上げてください",
        passes=True,
    ),
    Cause(
        "database_refused",
        'password authentication failed|no password supplied|(?:database|role) "[^"]*" does not '
        "exist|pg_hba|certificate|lacks a right|may not create|read-only|transaction mode|"
        "cannot be read: ",
        "データベースが受け付けません。URL、ユーザーの権限、または証明書が合っていません",
        f"Correct {_URL}, or the rights of its user, and start again",
        f"{_URL_JA}か、そのユーザーの権限を直し、起動し直してください",
    ),
    Cause(
        "database_busy",
        "canceled the statement|cancelled the statement|canceling statement|deadlock|"
        "Another program uses|got in between|out of memory|temp_file_limit",
        "PostgreSQL が混んでいるか、ほかのプログラムが使っています",
        "End what else uses PostgreSQL (pg_stat_activity shows it); the next run tries again",
        "PostgreSQL を使うほかの処理を終わらせてください(pg_stat_activity で分かります)。"
        "次の実行が試し直します",
        passes=True,
    ),
    Cause(
        "database_stopped",
        "PostgreSQL has stopped or is restarting|connection that held the locks|"
        "server closed the connection|terminating connection",
        "PostgreSQL が停止中または再起動中です",
        "Start PostgreSQL if it does not come back; what was committed is kept",
        "PostgreSQL が戻らなければ起動してください。コミット済みのデータは残っています",
        passes=True,
    ),
    Cause(
        "warehouse_unusable",
        "The warehouse cannot be|warehouse does not answer|table of the warehouse|"
        "could not connect|Connection refused|connection to server",
        "データベースを利用できません",
        f"Check that PostgreSQL runs and that {_URL} is right",
        f"PostgreSQL が動いているか、{_URL_JA}が正しいかを確認してください",
        passes=True,
    ),
    Cause(
        "other_load",
        "Another sync of|other load of|holds? the lock",
        "同じ表のほかのロードが終わりません",
        "End the load that hangs; the line names it",
        "止まったままのロードを終わらせてください",
    ),
    Cause(
        "broken_off",
        "interrupted|InterruptedError|marked as failed|worker|terminated|was canceled|"
        "process of the (?:command ended|run was killed)|timed out due to|not finishing|"
        "exit code|container is gone|restart",
        "実行が途中で終わりました(停止、再起動、または強制終了)",
        _AFTERWARDS,
        _AFTERWARDS_JA,
        en="the run was broken off: stopped, restarted or killed",
        passes=True,
    ),
    Cause(
        "dagster_unreachable",
        "user code server|code server|gRPC|grpc|UNAVAILABLE|code location",
        "Dagster のコードサーバーに接続できません",
        "Start backlog-elt up again, or the container of the code location, if it does not come "
        "back",
        "戻らなければ、backlog-elt up か、コードロケーションのコンテナーを起動し直してください",
        en="Dagster does not reach the code server",
        passes=True,
    ),
    Cause(
        "model_failed",
        "Database Error|Compilation Error|Runtime Error|dbt",
        "マートのモデルまたはテストが失敗しました",
        "Open the run: it names the model and the reason",
        "実行の画面を開いてください。モデルと理由が分かります",
    ),
)
#: The cause of a line that no pattern matches.
UNKNOWN = Cause(
    "unknown",
    "",
    "原因は実行の画面で確認してください",
    "Open the run, and end what it says",
    "実行の画面を開き、原因を取り除いてください",
)


def cause_of(said: str) -> Cause:
    """Return the cause of a recorded error, `UNKNOWN` if no pattern matches."""
    return next((cause for cause in CAUSES if re.search(cause.pattern, said)), UNKNOWN)


def in_words(said: str, language: Language = "en") -> str:
    """Return the text about a recorded error that people read."""
    cause = cause_of(said)
    if language == "en":
        return cause.en or plain(said)
    if cause is UNKNOWN and not is_sentence(said):
        return plain(said)
    detail = _DETAIL.search(said)
    return f"{cause.ja}({detail[0]})" if detail else cause.ja


def remedy(said: str, language: Language = "en") -> str:
    """Return what to do about a recorded error, as a sentence without full stop."""
    cause = cause_of(said)
    return cause.step_en if language == "en" else cause.step_ja
