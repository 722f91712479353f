"""The names of a space, and texts with line ends, emoji and markup as people write them.
`themes.py` has the topics of issues.
"""

PEOPLE = (
    ("森 明日香", "mori"), ("佐藤 健", "sato"), ("鈴木 美咲", "suzuki"), ("Emma Clarke", "emma"),
    ("高橋 翔太", "takahashi"), ("田中 陽子", "tanaka"), ("Liam O'Neill", "liam"),
    ("伊藤 大輔", "ito"), ("渡辺 さくら", "watanabe"), ("Noah Müller", "noah"),
    ("山本 葵", "yamamoto"), ("中村 拓也", "nakamura"), ("小林 真由", "kobayashi"),
    ("Sofia Rossi", "sofia"), ("加藤 亮", "kato"), ("吉田 結衣", "yoshida"),
    ("山田 太郎", "yamada"), ("𠮷野 花子", "yoshino"), ("Chen Wei 陳偉", "chen"),
    ("松本 蓮", "matsumoto"), ("井上 彩", "inoue"), ("木村 大樹", "kimura"), ("林 千尋", "hayashi"),
    ("斎藤 悠", "saito"), ("清水 里奈", "shimizu"), ("山崎 海斗", "yamazaki"),
    ("森田 真理", "morita"), ("池田 直樹", "ikeda"), ("橋本 楓", "hashimoto"),
    ("石川 隼人", "ishikawa"), ("前田 美穂", "maeda"), ("藤田 誠", "fujita"),
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
FILES = ("log.txt", "画面キャプチャ.png", "見積書 2026.xlsx", "trace.har", "設計書_最終版(2).pdf")
