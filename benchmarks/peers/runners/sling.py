"""sling, fed by a small fetcher: it has no source for Backlog, so its input is a file of JSON lines."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

from benchmarks.peers.runners.source import changed, client, database_url, state_folder, tables

PROGRAM = Path(sysconfig.get_path("purelib")) / "sling_linux_amd64" / "bin" / "sling-linux-amd64"


def main() -> None:
    """Write what has changed into files, and let sling merge each by its id."""
    files = {table: state_folder() / f"{table}.jsonl" for table in tables()}
    opened = {table: file.open("w", encoding="utf-8") for table, file in files.items()}
    with client() as http:
        for page in changed(http):
            for file, records in zip(opened.values(), page, strict=False):
                file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in records)
    for file in opened.values():
        file.close()
    for table, path in files.items():
        if path.stat().st_size:
            _merge(table, path)


def _merge(table: str, path: Path) -> None:
    command = [str(PROGRAM), "run", "--src-stream", f"file://{path}", "--src-options", '{"format": "jsonlines", "flatten": true}']
    command += ["--tgt-conn", "PEER", "--tgt-object", f"peer.{table}", "--mode", "incremental", "--primary-key", "id"]
    home = state_folder() / "sling"
    variables = {"PEER": database_url(), "SLING_HOME_DIR": str(home), "HOME": str(home), "SLING_DISABLE_TELEMETRY": "true"}
    home.mkdir(exist_ok=True)
    subprocess.run(command, env=os.environ | variables, check=True)


main()
