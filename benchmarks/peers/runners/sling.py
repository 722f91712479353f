"""sling, fed by a small fetcher: it has no source for Backlog, so its input is a file of JSON lines
with some columns and the JSON.

Whole issues, flattened, failed: it guesses the type of each column anew from each file, and refused
a small one after a large one. A CSV file failed on texts with quotes and line ends.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from benchmarks.peers.runners.source import (
    changed,
    client,
    comment_columns,
    database_url,
    issue_columns,
    state_folder,
    tables,
)

PROGRAM = Path(sysconfig.get_path("purelib")) / "sling_linux_amd64" / "bin" / "sling-linux-amd64"
TYPES = {
    "issues": {
        "id": "bigint",
        "project_id": "bigint",
        "issue_key": "text",
        "summary": "text",
        "description": "text",
        "status_id": "bigint",
        "assignee_id": "bigint",
        "created": "timestampz",
        "updated": "timestampz",
        "payload": "json",
    },
    "comments": {
        "id": "bigint",
        "issue_id": "bigint",
        "content": "text",
        "created": "timestampz",
        "updated": "timestampz",
        "payload": "json",
    },
}


def main() -> None:
    """Write what has changed into files, and let sling merge each by its id."""
    files = {table: state_folder() / f"{table}.jsonl" for table in tables()}
    opened = {table: file.open("w", encoding="utf-8") for table, file in files.items()}
    written: set[tuple[str, int]] = (
        set()
    )  # paging by offset may bring a row twice, and sling refuses a key that it meets twice
    with client() as http:
        for issues, comments in changed(http):
            for table, columns, records in (
                ("issues", issue_columns, issues),
                ("comments", comment_columns, comments),
            ):
                for record in records if table in opened else ():
                    if (table, record["id"]) not in written:
                        written.add((table, record["id"]))
                        row = columns(record) | {"payload": json.dumps(record, ensure_ascii=False)}
                        opened[table].write(json.dumps(row, ensure_ascii=False) + "\n")
    for file in opened.values():
        file.close()
    for table, path in files.items():
        if path.stat().st_size:
            _merge(table, path)


def _merge(table: str, path: Path) -> None:
    options = json.dumps({"format": "jsonlines", "flatten": True, "columns": TYPES[table]})
    command = [str(PROGRAM), "run", "--src-stream", f"file://{path}", "--src-options", options]
    command += [
        "--tgt-conn",
        "PEER",
        "--tgt-object",
        f"peer.{table}",
        "--mode",
        "incremental",
        "--primary-key",
        "id",
    ]
    home = state_folder() / "sling"
    variables = {
        "PEER": database_url(),
        "SLING_HOME_DIR": str(home),
        "HOME": str(home),
        "SLING_DISABLE_TELEMETRY": "true",
    }
    home.mkdir(exist_ok=True)
    if code := subprocess.run(command, env=os.environ | variables, check=False).returncode:
        sys.exit(f"sling ended with {code}; what it said stands above")


main()
