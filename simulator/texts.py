"""The texts of the space: Japanese and English, with line ends, emoji and markup as people write
them.
"""

PEOPLE = (
    ("森 明日香", "mori"), ("佐藤 健", "sato"), ("鈴木 美咲", "suzuki"), ("Emma Clarke", "emma"),
    ("高橋 翔太", "takahashi"), ("田中 陽子", "tanaka"), ("Liam O'Neill", "liam"),
    ("伊藤 大輔", "ito"), ("渡辺 さくら", "watanabe"), ("Noah Müller", "noah"),
    ("山本 葵", "yamamoto"), ("中村 拓也", "nakamura"), ("小林 真由", "kobayashi"),
    ("Sofia Rossi", "sofia"), ("加藤 亮", "kato"), ("吉田 結衣", "yoshida"),
    ("山田 太郎", "yamada"), ("𠮷野 花子", "yoshino"), ("Chen Wei 陳偉", "chen"),
    ("松本 蓮", "matsumoto"),
)  # fmt: skip
PROJECTS = (
    ("OPS", "運用 Operations"),
    ("WEB", "ウェブサイト刷新"),
    ("APP", "Mobile App"),
    ("INFRA", "インフラ基盤"),
    ("DATA", "データ分析"),
    ("HR", "採用・人事"),
    ("SUP", "Customer Support"),
    ("LAB_2", "研究開発 R&D 🚀"),
)
TEAMS = ("サポート", "Platform", "デザイン")
DEPARTMENTS = ("開発部", "業務システム部", "カスタマーサクセス部")
TYPES = (("バグ", "Bug", "#990000"), ("要望", "Request", "#ff9200"), ("その他", "Other", "#2779ca"))
CATEGORIES = ("インフラ", "Backend", "フロントエンド", "Docs", "セキュリティ", "課金", "UX/UI")
STATUSES = (("レビュー中", "In Review", "#f42858"), ("保留", "On Hold", "#868cb7"))
#: What an issue is about: any of the first with any of the second.
SUMMARIES = (
    (
        (
            "ログイン画面", "決済API", "検索結果", "管理画面", "請求書", "メール通知", "会員登録",
            "CSV取り込み", "予約カレンダー", "商品一覧",
        ),
        (
            "の表示が崩れる", "の応答が遅い", "の文字化けを直す 😀", "の権限チェック漏れ",
            "のエラー時の再試行", "の出力形式を変更する", "を多言語対応にする（日本語・English）",
            "の入力チェックを追加する", "の操作ログを残す", "の受け入れテスト",
        ),
    ),
    (
        (
            "夜間バッチ", "監視アラート", "バックアップ", "本番サーバー", "月次締め処理",
            "アクセス権",
        ),
        (
            "の手順書を更新する", "の設定を見直す", "の失敗を調査する", "を自動化する", "の棚卸し",
            "の移行計画",
        ),
    ),
    (
        ("Fix", "Investigate", "Document", "Review"),
        (
            "timeout on slow networks", "flaky tests of the importer", "the 2FA flow",
            "memory use of the importer", "crash on an empty search", "the release notes",
        ),
    ),
    (
        ("Upgrade", "Rotate", "Migrate", "Monitor"),
        (
            "PostgreSQL to the next major", "API keys for staging", "the mail queue",
            "TLS certificates", "the image registry",
        ),
    ),
)  # fmt: skip
PARAGRAPHS = (
    "## 再現手順\r\n1. ログインする\r\n2. 設定を開く\r\n3. 「保存」を押す\r\n",
    "期待する結果: 保存されること。\r\n実際の結果: 画面が白くなる。",
    (
        "Steps to reproduce:\n- open the dashboard\n"
        "- pick a period longer than a year\n- press *Export*"
    ),
    "見積もりの前提は先週の打ち合わせの通りです。変更があればコメントをお願いします 🙇‍♂️",
    "The log says `connection reset by peer`; it happens about once in 200 requests.",
    "```sql\nselect id, 'quote''s' from issues where summary like '%100\\%%';\n```",
    "関連: 請求書の再発行、月次締め処理。\t担当は経理と調整中。",
    (
        "Acceptance: all numbers agree with the report of the month before, "
        "to the yen (¥) and the cent (€)."
    ),
    "髙橋さん・﨑本さんに確認済み。𩸽と𠮷の表示も確認すること 👨‍👩‍👧‍👦。",
    (
        "See https://example.com/spec?id=42&lang=ja#part-3 for the draft. "
        "<b>No HTML</b> &amp; friends please."
    ),
)
REMARKS = (
    "対応しました。ご確認をお願いします。", "Done on staging.", "再現しました 😢",
    "Could you add the log?",
    "明日までに対応します。", "LGTM 👍", "仕様を確認中です。", "Moved to the next release.", "",
    "お客様から追加の情報をいただきました。\r\n> 毎朝9時ごろに起きる\r\n引き続き調査します。",
    "Rolled back; see the incident report.\n\nWill try again on Monday.", "ありがとうございます！",
)  # fmt: skip
STARTED = ("着手します。", "On it.", "本日から対応します。", "")
FINISHED = (
    "対応しました。ご確認をお願いします。",
    "Done on staging.",
    "修正をリリースしました。",
    "Merged.",
    "",
)
REVIEWED = ("レビューをお願いします 🙇", "Ready for review.", "")
PUT_OFF = ("仕様の確認に時間がかかるため、期限を延ばします。", "Moved: we wait for the vendor.", "")
REOPENED = ("再現したため、再度対応をお願いします。", "It still happens on production.")
FILES = ("log.txt", "画面キャプチャ.png", "見積書 2026.xlsx", "trace.har", "設計書_最終版(2).pdf")
