"""Make the SQL of the queries of docs/bi.md that come from metrics: `python docs/queries.py`, or `make docs`; or `--check`."""

import re
import shlex
import sys
from pathlib import Path

from assets.marts.metrics import Metrics
from assets.marts.project import manifest
from pipelines.cli.metrics import metrics as command

HERE = Path(__file__).resolve().parent
PAGES = (HERE / "bi.md", HERE / "bi.ja.md")
#: A paragraph that has the command, and the query below it.
_MADE = re.compile(
    r"(?P<head>^[^\n`]*`backlog-elt metrics (?P<arguments>[^`]+)`\n\n```sql\n)(?P<sql>.*?)(?=^```$)", re.MULTILINE | re.DOTALL
)


def remade(page: str) -> str:
    """Return a page with the SQL that its commands print today."""
    defined = Metrics(manifest())

    def made(found: re.Match[str]) -> str:
        given = command.make_context("metrics", shlex.split(found["arguments"])).params
        sql = defined.sql(given["names"], given["by"], given["where"], given["order"], given["limit"], given["unit"])
        return f"{found['head']}{sql};\n"

    return _MADE.sub(made, page)


if __name__ == "__main__":
    stale = [page for page in PAGES if remade(page.read_text(encoding="utf-8")) != page.read_text(encoding="utf-8")]
    if "--check" in sys.argv:
        sys.exit(f"{', '.join(page.name for page in stale)}: python docs/queries.py" if stale else 0)
    for page in stale:
        page.write_text(remade(page.read_text(encoding="utf-8")), encoding="utf-8")
