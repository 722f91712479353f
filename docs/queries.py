"""Make the SQL that comes from metrics, in docs/bi.md and for charts: `python docs/queries.py`, or
`make docs`; or `--check`.
"""

import re
import shlex
import sys
from pathlib import Path

from assets.marts.metrics import Metrics
from assets.marts.project import manifest
from pipelines.cli.metrics import metrics as command

HERE = Path(__file__).resolve().parent
PAGES = (HERE / "bi.md", HERE / "bi.ja.md")
CHARTS = sorted((HERE.parent / "assets" / "marts" / "charts" / "queries").glob("*.sql"))
#: A paragraph that has the command, and the query below it.
_PARAGRAPH = re.compile(
    r"(?P<head>^[^\n`]*`backlog-elt metrics "
    r"(?P<arguments>[^`]+)`\n\n```sql\n).*?(?P<end>;\n)(?=^```$)",
    re.MULTILINE | re.DOTALL,
)
#: A file that begins with the command.
_FILE = re.compile(
    r"(?P<head>\A-- [^\n]*backlog-elt metrics (?P<arguments>[^\n]+)\n).*(?P<end>\n)\Z", re.DOTALL
)


def remade(text: str, defined: Metrics) -> str:
    """Return a page, or a file of a chart, with the SQL that its commands print today."""

    def made(found: re.Match[str]) -> str:
        given = command.make_context("metrics", shlex.split(found["arguments"])).params
        sql = defined.sql(
            given["names"],
            given["by"],
            given["where"],
            given["order"],
            given["limit"],
            given["unit"],
        )
        return f"{found['head']}{sql}{found['end']}"

    return _FILE.sub(made, _PARAGRAPH.sub(made, text))


if __name__ == "__main__":
    definitions = Metrics(manifest())
    texts = {file: file.read_text(encoding="utf-8") for file in (*PAGES, *CHARTS)}
    stale = {file: new for file, old in texts.items() if (new := remade(old, definitions)) != old}
    if "--check" in sys.argv:
        sys.exit(
            f"{', '.join(file.name for file in stale)}: python docs/queries.py" if stale else 0
        )
    for file, new in stale.items():
        file.write_text(new, encoding="utf-8")
