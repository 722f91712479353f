"""The topics of each project's issues: what teams name, ask, find and say in their daily work.

Kinds are those of issue types: task, bug, request, other.
"""

from typing import NamedTuple

TASK, BUG, REQUEST, OTHER = range(4)

#: Subjects and predicates: any of the first with any of the second.
Phrases = tuple[tuple[str, ...], tuple[str, ...]]


class Theme(NamedTuple):
    """The phrases of a project by kind, and whether its people write English."""

    kinds: tuple[Phrases, Phrases, Phrases, Phrases]
    is_english: bool = False


OPERATIONS = Theme(
    (
        (
            (
                "夜間バッチ", "監視アラート", "バックアップ", "本番サーバー", "月次締め処理",
                "アクセス権", "ジョブ管理", "アクセスログ", "SSL証明書", "社内ポータル",
            ),
            (
                "の手順書を更新する", "の設定を見直す", "を自動化する", "の棚卸し",
                "の移行計画をまとめる", "の定期点検", "の引き継ぎ資料を作る", "の監査対応",
            ),
        ),
        (
            (
                "夜間バッチ", "請求データ連携", "在庫同期ジョブ", "帳票出力", "メール配信",
                "CSV取り込み", "勤怠データ連携", "監視アラート",
            ),
            (
                "が途中で止まる", "がタイムアウトする", "の件数が前日と合わない",
                "で文字化けが起きる 😢", "が二重に実行される", "の完了通知が届かない",
            ),
        ),
        (
            ("夜間バッチ", "帳票出力", "CSV取り込み", "監視アラート", "アクセスログ"),
            (
                "を画面から再実行したい", "の保存期間を延ばしてほしい",
                "の結果をメールで受け取りたい", "の対象部署を増やしてほしい",
            ),
        ),
        (
            ("経理部", "営業部", "人事部", "委託先", "監査法人"),
            ("からの問い合わせ対応", "との定例打ち合わせ", "向け説明会の準備", "への見積もり依頼"),
        ),
    )
)  # fmt: skip
WEBSITE = Theme(
    (
        (
            (
                "トップページ", "商品一覧", "商品詳細", "検索結果", "ログイン画面", "会員登録",
                "買い物かご", "決済API", "注文履歴", "お問い合わせ画面",
                "メール通知", "管理画面",
            ),
            (
                "の要件を整理する", "の画面設計", "の基本設計レビュー", "を実装する",
                "の入力チェックを追加する", "の権限チェックを追加する",
                "を多言語対応にする（日本語・English）", "の単体テスト", "の結合テスト仕様書を作る",
                "の結合テスト", "の受け入れテスト",
            ),
        ),
        (
            (
                "商品一覧", "検索結果", "ログイン画面", "会員登録", "買い物かご", "決済API",
                "注文履歴",
            ),
            (
                "の表示が崩れる", "の応答が遅い", "で文字化けする 😀", "の戻るボタンで入力が消える",
                "でエラー時に再試行されない", "の金額が税込にならない",
            ),
        ),
        (
            ("商品一覧", "検索結果", "買い物かご", "注文履歴", "メール通知", "管理画面"),
            (
                "に絞り込み条件を追加したい", "にお気に入り機能を追加したい",
                "の文言を変更してほしい", "からCSVを出力したい",
            ),
        ),
        (
            ("お客様", "デザイン会社", "決済代行会社", "品質管理部"),
            ("との仕様確認", "への進捗報告", "からの質問への回答", "との受け入れ条件の調整"),
        ),
    )
)  # fmt: skip
MOBILE = Theme(
    (
        (
            (
                "sign-in", "push notifications", "offline mode", "the settings screen",
                "the order list", "barcode scanning", "image upload", "the onboarding flow",
                "analytics events", "the release pipeline",
            ),
            (
                "Implement", "Write tests for", "Refactor", "Document", "Improve accessibility of",
                "Add dark mode to", "Review the design of",
            ),
        ),
        (
            (
                "sign-in", "push notifications", "offline sync", "the order list", "image upload",
                "barcode scanning", "deep links",
            ),
            (
                "Fix the crash in", "Fix flaky tests of", "Fix slow loading of",
                "Fix wrong time zone in", "Fix memory leak in", "Fix broken layout of",
            ),
        ),
        (
            ("sign-in", "the order list", "push notifications", "the settings screen", "search"),
            (
                "Add a filter to", "Add a shortcut to", "Add a help page to", "Simplify",
            ),
        ),
        (
            ("App Store", "Google Play", "the beta testers", "customer support"),
            ("Prepare a release for", "Answer questions of", "Sort feedback from"),
        ),
    ),
    is_english=True,
)  # fmt: skip
INFRASTRUCTURE = Theme(
    (
        (
            (
                "PostgreSQL", "Kubernetesクラスタ", "社内DNS", "VPN", "コンテナレジストリ",
                "CI環境", "ステージング環境", "ロードバランサー", "TLS証明書",
            ),
            (
                "をバージョンアップする", "の監視を追加する", "の構成図を更新する",
                "のコストを見直す",
                "の障害訓練", "の設定をコード化する", "の容量計画",
            ),
        ),
        (
            ("PostgreSQL", "VPN", "CI環境", "ステージング環境", "ロードバランサー", "社内DNS"),
            (
                "の接続が切れる", "の応答が遅い", "のディスク使用率が高い", "の再起動に失敗する",
                "のアラートが誤検知する",
            ),
        ),
        (
            ("VPN", "CI環境", "ステージング環境", "コンテナレジストリ"),
            ("の利用者を追加してほしい", "の台数を増やしてほしい", "の利用時間を延ばしてほしい"),
        ),
        (
            ("クラウド事業者", "情報システム部", "開発チーム"),
            ("との定例会", "からの問い合わせ対応", "への停止のお知らせ"),
        ),
    )
)  # fmt: skip
ANALYSIS = Theme(
    (
        (
            ("売上ダッシュボード", "顧客セグメント", "データマート", "需要予測モデル", "ABテスト"),
            (
                "を作成する", "の定義を見直す", "の更新を自動化する", "の精度を検証する",
                "の説明資料を作る",
            ),
        ),
        (
            ("売上ダッシュボード", "データマート", "日次集計", "広告レポート"),
            ("の数値が合わない", "の更新が遅れる", "に欠損がある", "で重複が出る"),
        ),
        (
            ("売上ダッシュボード", "広告レポート", "顧客セグメント"),
            ("に店舗別の内訳がほしい", "を週次でも見たい", "をExcelで受け取りたい"),
        ),
        (
            ("マーケティング部", "経営企画室", "営業部"),
            ("からの集計依頼", "への結果報告", "との要件の打ち合わせ"),
        ),
    )
)  # fmt: skip
#: By the index of a project in `texts.PROJECTS`.
THEMES = (
    OPERATIONS, WEBSITE, MOBILE, INFRASTRUCTURE, ANALYSIS, OPERATIONS, OPERATIONS, ANALYSIS,
)  # fmt: skip

#: Comments by occasion, in Japanese and English, and by kind where it matters; `{}` is the subject
#: of the issue.
_ASKED = (
    "{}の対象範囲は先週の打ち合わせの通りでよいでしょうか。",
    "{}について、期限は今週末で問題ないでしょうか。",
    "{}の確認環境はステージングでよいですか？",
    "{}の件、過去の資料があれば共有をお願いします。",
), ("Is {} in scope for the coming release?", "Which version of {} should I look at?",
    "Could you add the log of {}?", "Do we have a mock-up for {}?")  # fmt: skip
_ANSWERED = (
    "はい、その通りで問題ありません。よろしくお願いします。",
    "資料を共有フォルダに置きました。ご確認ください。",
    "追加の情報をいただきました。\r\n> 毎朝9時ごろに起きる\r\n引き続き調査をお願いします。",
    "担当部署に確認しました。予定通りで大丈夫です 👍",
), ("Yes, please go ahead.", "It is in the shared folder now.",
    "Agreed in the planning, see the notes.", "Looks good to me 👍")  # fmt: skip
SAID: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ack_task": (
        ("承知しました。{}の現状を確認します。", "確認しました。今週中に着手します。",
         "{}ですね、担当を調整します。", "ありがとうございます。次の計画に入れます。"),
        ("Thanks, I will look into {}.", "Got it. Planned for this sprint.", "OK, taking it."),
    ),
    "ack_bug": (
        ("ご連絡ありがとうございます。{}のログを確認します。",
         "こちらでも再現しました 😢 原因を調べます。",
         "{}の件、影響範囲を確認しています。", "発生した時刻を教えていただけますか？"),
        ("I can reproduce it with {} 😢", "Thanks for the report, checking the logs of {}.",
         "Which device was it?"),
    ),
    "ack_request": (
        ("ご要望ありがとうございます。{}への影響を確認して見積もります。",
         "優先度を次の定例で相談させてください。", "{}の仕様を確認中です。"),
        ("Nice idea. We will estimate {} in the next planning.", "Who else would use this?"),
    ),
    "ack_other": (
        ("承知しました。日程を調整します。", "{}には私から連絡します。",
         "資料を準備しておきます。"),
        ("I will talk to {}.", "OK, will prepare it by Friday."),
    ),
    "ask": _ASKED,
    "answer": _ANSWERED,
    "start": (
        ("着手します。", "本日から対応します。", "{}から始めます。"),
        ("On it.", "Starting with {}.", "Working on this today."),
    ),
    "book": (
        ("{}の作業を進めています。残りは明日対応します。", "半分ほど終わりました。",
         "途中経過を共有フォルダに置きました。", "{}の調査に時間がかかっています。"),
        ("About half done.", "{} took longer than I thought.", "Pushed the first part."),
    ),
    "review": (
        ("{}の対応が終わりました。レビューをお願いします 🙇", "レビューをお願いします。"),
        ("Ready for review.", "{} is ready, please have a look."),
    ),
    "bounce": (
        ("{}で一点指摘があります。修正をお願いします。", "エラー時の動作も確認してください。"),
        ("One more case for {}, see the inline comment.", "Please add a test for the error case."),
    ),
    "done": (
        ("対応しました。ご確認をお願いします。", "{}の対応が完了しました。",
         "本番に反映しました。"),
        ("Done on staging.", "{} is done.", "Merged."),
    ),
    "close": (
        ("確認しました。ありがとうございます！", "問題ありません。完了にします。", "LGTMです 👍"),
        ("LGTM 👍", "Checked, closing.", "Thanks!"),
    ),
    "reopen": (
        ("{}で再発したため、再度対応をお願いします。", "確認したところ一部対応が漏れていました。"),
        ("It still happens with {}.", "One case was missed, opening again."),
    ),
    "hold": (
        ("ベンダーの回答待ちのため保留にします。", "{}の前提が変わるため、いったん保留にします。"),
        ("On hold: we wait for the vendor.", "Waiting for a decision about {}."),
    ),
    "put_off": (
        ("{}の仕様の確認に時間がかかるため、期限を延ばします。",
         "他の作業を優先するため、期限を変更します。"),
        ("Moved: {} needs more time.", "Moved: we wait for the vendor."),
    ),
    "drop": (
        ("別の課題で対応するため、こちらは終了します。",
         "検討の結果、対応しないことになりました。"),
        ("Duplicate, closing.", "We decided not to do this."),
    ),
}  # fmt: skip
#: Beginnings of descriptions by kind; `{}` is the subject.
DESCRIBED = (
    (
        (
            "## 概要\r\n{}の手順を確認する。\r\n\r\n## 完了条件\r\n- 資料の更新\r\n",
            "{}の作業です。見積もりの前提は先週の打ち合わせの通りです。",
        ),
        (
            "## 再現手順\r\n1. {}を開く\r\n2. 「実行」を押す\r\n\r\n期待: 正常に終わること。",
            "今朝から{}で発生しています。お客様への影響を確認してください。",
        ),
        (
            "{}について利用部門から要望がありました。\r\n> 毎月の作業を減らしたい\r\n",
            "要望の背景: {}の作業が手作業のため、月に半日かかっている。",
        ),
        ("{}の件です。議事録は共有フォルダに置きます。", "{}との調整をお願いします 🙇‍♂️"),
    ),
    (
        (
            "Scope: {}.\n\nAcceptance:\n- unit tests pass\n- checked on both platforms",
            "As agreed in the planning: {}.",
        ),
        (
            "Steps to reproduce:\n- open the app\n- go to {}\n- switch to flight mode\n",
            "Seen by two testers on {} since the last build.",
        ),
        ("Users ask for this in {}.", "It would save a tap in {}."),
        ("About {}. Notes are in the shared folder.",),
    ),
)  # fmt: skip


def subject_of(theme: Theme, summary: str) -> str:
    """Return the subject in the summary of an issue; empty if it has none of its project."""
    return max(
        (one for subjects, _ in theme.kinds for one in subjects if one in summary),
        key=len,
        default="",
    )


def spoken(phrase: str, subject: str, *, is_english: bool) -> str:
    """Return a phrase about a subject, or about "this" without one."""
    return phrase.replace("{}", subject or ("this" if is_english else "本件"))
