"""The table of causes by their code, as people are told them.

`docs/operating.md` explains the same causes in more detail.
"""

from dataclasses import dataclass
from typing import Final, Literal

from resources.problems.names import Language

#: information: nothing to do, and nobody is told. warning: it may end by itself. act: a person must
#: do something, and is told at once.
Severity = Literal["information", "warning", "act"]


@dataclass(frozen=True)
class Cause:
    """A cause of failures, in both languages: what has happened, and what to do.

    `passes`: it mostly ends by itself, and what it has interrupted is started again.
    `of_source`: while the source as a whole is in this condition, the condition is reported and not
    the runs that fail of it.
    """

    severity: Severity
    en: str
    ja: str
    step_en: str
    step_ja: str
    passes: bool = False
    of_source: bool = False

    def text(self, language: Language) -> str:
        """Return what has happened."""
        return self.en if language == "en" else self.ja

    def step(self, language: Language) -> str:
        """Return what to do, as a sentence without full stop."""
        return self.step_en if language == "en" else self.step_ja


_AFTERWARDS = "Nothing: it is tried again"
_AFTERWARDS_JA = "何もしなくてかまいません。自動で試し直します"
_RENEW = (
    "Renew the access: a valid key and a restart, or backlog-elt login where access is by OAuth"
)
_RENEW_JA = (
    "アクセスを更新してください。API キーなら正しいキーを設定して起動し直し、OAuth なら "
    "backlog-elt login を実行します"
)
_URL = "the database URL that the line names"
_URL_JA = "行にあるデータベースの URL"

CAUSES: Final[dict[str, Cause]] = {
    # Access to the space.
    "key_refused": Cause(
        "act",
        "the key or the token is wrong, has expired, or is of another space",
        "キーまたはトークンが違う、期限切れ、または別のスペースのものです",
        _RENEW,
        _RENEW_JA,
        of_source=True,
    ),
    "login_ended": Cause(
        "act",
        "the login by OAuth has ended",
        "OAuth のログインが終わっています",
        "Log in again: backlog-elt login",
        "backlog-elt login でもう一度ログインしてください",
        of_source=True,
    ),
    "application_refused": Cause(
        "act",
        "the application of OAuth is not accepted",
        "OAuth のアプリケーションが受け付けられません",
        "Check the id and the secret of the application, and start again",
        "アプリケーションの ID とシークレットを確認し、起動し直してください",
        of_source=True,
    ),
    "tokens_unreadable": Cause(
        "act",
        "the stored tokens cannot be decrypted",
        "保存したトークンを復号できません",
        "Add the former key of the tokens behind the new one, or log in again: backlog-elt login",
        "以前のトークンの鍵を新しい鍵の後ろに加えるか、"
        "backlog-elt login でログインし直してください",
        of_source=True,
    ),
    "two_factor": Cause(
        "act",
        "the space demands two-factor authentication of this user",
        "スペースが、このユーザーに 2 段階認証の設定を求めています",
        "Set up two-factor authentication for the user at Backlog",
        "Backlog で、このユーザーの 2 段階認証を設定してください",
        of_source=True,
    ),
    "address_refused": Cause(
        "act",
        "the space accepts certain IP addresses only",
        "スペースは特定の IP アドレスからだけ接続できます",
        "Let the space accept the address of this machine",
        "スペースの設定で、このマシンのアドレスを許可してください",
        of_source=True,
    ),
    "not_allowed": Cause(
        "act",
        "the user lacks the permission",
        "ユーザーに権限がありません",
        "Let the user join the project, or use an administrator",
        "ユーザーをプロジェクトに参加させるか、管理者のユーザーを使ってください",
    ),
    "not_in_plan": Cause(
        "act",
        "the plan of the space does not include this, or has expired",
        "スペースのプランに含まれていないか、プランの期限が切れています",
        "Renew or change the plan of the space",
        "スペースのプランを更新または変更してください",
    ),
    # Answers of the space.
    "not_a_space": Cause(
        "act",
        "the answer is not one of Backlog: the URL of the space is wrong, or a proxy has answered",
        "応答が Backlog のものではありません。スペースの URL が違うか、プロキシが応答しています",
        "Check BACKLOG_URL and the proxy, and start again",
        "BACKLOG_URL とプロキシを確認し、起動し直してください",
        of_source=True,
    ),
    "odd_answer": Cause(
        "act",
        "the answer is not what the API of Backlog promises",
        "API の仕様と異なる応答です",
        "Tell Nulab, or us, with the line; the next run tries again",
        "行の内容を添えて Nulab かこちらに報告してください。次の実行が試し直します",
    ),
    "answer_too_large": Cause(
        "act",
        "an answer is larger than is read",
        "応答が、読み込める大きさを超えました",
        "Check BACKLOG_URL, or allow larger answers; the line says how",
        "BACKLOG_URL を確認するか、行にある変数で上限を上げてください",
    ),
    "rate_limited": Cause(
        "warning",
        "other programs of the same user use up the limit of the API",
        "同じユーザーを使うほかのプログラムが、API の上限を使い切っています",
        "Let other programs of this user make fewer requests, or give this one its own user",
        "同じユーザーのほかのプログラムのリクエストを減らすか、専用のユーザーを使ってください",
        passes=True,
        of_source=True,
    ),
    "no_answer": Cause(
        "warning",
        "Backlog does not answer",
        "Backlog から応答がありません",
        "Check that Backlog and the network are up; loads continue when it answers",
        "Backlog とネットワークの状態を確認してください。応答が戻れば自動で続きます",
        passes=True,
        of_source=True,
    ),
    "unavailable": Cause(
        "warning",
        "Backlog answers with an error",
        "Backlog がエラーを返しています",
        "Wait: each run tries again. Tell Nulab if it lasts",
        "お待ちください。実行のたびに試し直します。続くようなら Nulab に知らせてください",
        passes=True,
        of_source=True,
    ),
    "not_found": Cause(
        "act",
        "it was deleted, or the user cannot see it",
        "削除されたか、このユーザーからは見えません",
        "Nothing if it was deleted; else let the user see it",
        "削除したのなら何もしなくてかまいません。そうでなければ、ユーザーに見えるようにしてください",
    ),
    "bad_request": Cause(
        "act",
        "Backlog refuses the request as it was sent",
        "Backlog がリクエストを受け付けません",
        "Report it with the line: it is mostly a mistake of this program",
        "行の内容を添えて報告してください。多くはこのプログラムの誤りです",
    ),
    "changes_too_fast": Cause(
        "warning",
        "it changes too fast to be proven complete",
        "変化が速すぎて、全件であることを確かめられません",
        "Nothing: the next run tries again",
        "何もしなくてかまいません。次の実行が試し直します",
        passes=True,
    ),
    # What a run was asked for.
    "no_such_project": Cause(
        "information",
        "no project has this key, or there is no such month",
        "そのキーのプロジェクトがないか、その月がありません",
        "Choose partitions of existing projects",
        "実在するプロジェクトのパーティションを選んでください",
    ),
    "wrong_range": Cause(
        "act",
        "a range of partitions begins or ends with a key that no project has",
        "パーティションの範囲の端が、どのプロジェクトのキーでもありません",
        "Choose partitions of existing projects",
        "実在するプロジェクトのパーティションを選んでください",
    ),
    "forgotten_meanwhile": Cause(
        "information",
        "a person was forgotten while this load read",
        "ロード中に個人情報が消去されました",
        _AFTERWARDS,
        _AFTERWARDS_JA,
        passes=True,
    ),
    "other_load": Cause(
        "act",
        "another load of the same table does not end",
        "同じ表のほかのロードが終わりません",
        "End the load that hangs; the line names it",
        "止まったままのロードを終わらせてください。行に名前があります",
    ),
    # The database.
    "disk_full": Cause(
        "act",
        "the disk of PostgreSQL is full",
        "PostgreSQL のディスクが満杯です",
        "Free some space on the disk of PostgreSQL; loads then go on by themselves",
        "PostgreSQL のディスクに空きを作ってください。空きができれば、ロードは自動で続きます",
        passes=True,
    ),
    "connections_used_up": Cause(
        "warning",
        "PostgreSQL has no connection left",
        "PostgreSQL の接続の空きがありません",
        "Close other clients of PostgreSQL, or raise max_connections",
        "PostgreSQL のほかの接続を閉じるか、max_connections を上げてください",
        passes=True,
    ),
    "database_busy": Cause(
        "warning",
        "PostgreSQL is busy, or another program uses its tables",
        "PostgreSQL が混んでいるか、ほかのプログラムが使っています",
        "End what else uses PostgreSQL (pg_stat_activity shows it); the next run tries again",
        "PostgreSQL を使うほかの処理を終わらせてください(pg_stat_activity で分かります)。"
        "次の実行が試し直します",
        passes=True,
    ),
    "database_stopped": Cause(
        "warning",
        "PostgreSQL has stopped or is restarting",
        "PostgreSQL が停止中または再起動中です",
        "Start PostgreSQL if it does not come back; what was committed is kept",
        "PostgreSQL が戻らなければ起動してください。コミット済みのデータは残っています",
        passes=True,
    ),
    "embedded_stopped": Cause(
        "warning",
        "the embedded PostgreSQL has stopped",
        "組み込みの PostgreSQL が止まっています",
        "Run backlog-elt up or status, which starts it; if it does not start, see its log",
        "backlog-elt up か status を実行してください。起動します。起動しなければログを見てください",
        passes=True,
    ),
    "warehouse_unusable": Cause(
        "warning",
        "the database cannot be used",
        "データベースを利用できません",
        f"Check that PostgreSQL runs and that {_URL} is right",
        f"PostgreSQL が動いているか、{_URL_JA}が正しいかを確認してください",
        passes=True,
    ),
    "database_refused": Cause(
        "act",
        "the database refuses: the URL, the rights of its user, or a certificate do not fit",
        "データベースが受け付けません。URL、ユーザーの権限、または証明書が合っていません",
        f"Correct {_URL}, or the rights of its user, and start again",
        f"{_URL_JA}か、そのユーザーの権限を直し、起動し直してください",
    ),
    "database_unfit": Cause(
        "act",
        "this PostgreSQL does not fit",
        "この PostgreSQL は使えません",
        "Do as the line says",
        "行のとおりに直してください",
    ),
    "warehouse_version": Cause(
        "act",
        "the tables of the warehouse are of another version of this program",
        "ウェアハウスの表が、このプログラムの別のバージョンのものです",
        "Start that version, or restore a backup",
        "そのバージョンを使うか、バックアップを戻してください",
    ),
    "table_missing": Cause(
        "act",
        "a table of the warehouse is missing",
        "ウェアハウスの表がありません",
        "Restore a backup, or load into an empty database",
        "バックアップを戻すか、空のデータベースにロードしてください",
    ),
    # Runs of Dagster.
    "storage_lost": Cause(
        "warning",
        "the database of Dagster was lost during the run",
        "実行中に Dagster のデータベースが失われました",
        "Start PostgreSQL if it does not come back; what was committed is kept",
        "PostgreSQL が戻らなければ起動してください。コミット済みのデータは残っています",
        passes=True,
    ),
    "interrupted": Cause(
        "warning",
        "the run was interrupted: stopped, restarted or killed",
        "実行が途中で終わりました(停止、再起動、または強制終了)",
        _AFTERWARDS,
        _AFTERWARDS_JA,
        passes=True,
    ),
    "canceled": Cause(
        "information",
        "somebody has canceled the run",
        "実行が中止されました",
        "Nothing; what was committed is kept, and the next scheduled run continues there",
        "何もしなくてかまいません。コミットされた分は残り、次の定期実行がその続きから読みます",
    ),
    "not_started": Cause(
        "warning",
        "Dagster does not reach the code server",
        "Dagster のコードサーバーに接続できません",
        "Start backlog-elt up again, or the container of the code location, if it does not come "
        "back",
        "戻らなければ、backlog-elt up か、コードロケーションのコンテナーを起動し直してください",
        passes=True,
    ),
    "overtime": Cause(
        "warning",
        "the run took longer than it may, and was ended",
        "決められた時間を超えたため、実行を終了しました",
        "See in its log where it hangs; the next run goes on",
        "どこで止まっているかを実行のログで確認してください。次の実行が続けます",
    ),
    # Builds of the marts.
    "model_failed": Cause(
        "act",
        "a model of the marts has failed",
        "マートのモデルが失敗しました",
        "Open the run: it names the model and the reason",
        "実行の画面を開いてください。モデルと理由が分かります",
    ),
    "test_failed": Cause(
        "act",
        "a test of the marts has failed",
        "マートのテストが失敗しました",
        "Open the check in Dagster: it shows the rows",
        "Dagster でチェックを開いてください。該当する行が分かります",
    ),
    "project_broken": Cause(
        "act",
        "dbt cannot compile the project of the marts",
        "dbt がマートのプロジェクトを解釈できません",
        "Open the run: it names the reason. Restore the files of the project",
        "実行の画面で理由を確認し、プロジェクトのファイルを元に戻してください",
    ),
    # Whatever else.
    "not_equal": Cause(
        "act",
        "the warehouse does not equal the source",
        "ウェアハウスがソースと一致しません",
        "Find and repair the differences: backlog-elt verify --repair",
        "backlog-elt verify --repair で違いを見つけて直してください",
    ),
    "defect": Cause(
        "act",
        "a mistake of this program",
        "プログラムの誤りです",
        "Report it with the log of the run; the next run tries again",
        "実行のログを添えて報告してください。次の実行が試し直します",
    ),
}
#: What is shown of a failure that was recorded before there were codes.
BEFORE_CODES: Final = Cause(
    "warning",
    "it failed",
    "失敗しました",
    "Open the run, and end what it says",
    "実行の画面を開き、原因を取り除いてください",
)
