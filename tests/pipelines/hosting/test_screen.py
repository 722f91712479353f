"""Lines for people, also when nobody reads them; a log that does not grow without end."""

import subprocess
import sys
from pathlib import Path

from pipelines.hosting.log_file import keep_short, last_lines, open_log
from tests.waiting import eventually


def test_a_log_is_moved_aside_when_it_is_long_and_its_writers_go_on_in_an_empty_one(
    tmp_path: Path,
) -> None:
    log = open_log(tmp_path)
    path = Path(log.name)
    aside = path.with_name("up.log.1")
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=log, text=True) as writer:
        assert writer.stdin is not None
        for part in ("first", "second"):
            writer.stdin.write(f"{part} {'x' * 2_000}\n")
            writer.stdin.flush()
            eventually(lambda: path.stat().st_size > 1_000)
            keep_short(log, longest=1_000)
            assert path.stat().st_size == 0
            assert aside.read_text().startswith(part)
    keep_short(log, longest=1_000)
    log.write("the end\n\x1b[32mof all\x1b[0m\n")
    assert last_lines(path, 1) == ["of all"]
    assert last_lines(path, 5) == ["the end", "of all"]
    log.close()
    assert path.read_text().startswith("the end\n")
    assert {file.stat().st_mode & 0o777 for file in (path, aside)} == {0o600}


def test_a_pipe_without_a_reader_stops_nothing_and_is_no_failure() -> None:
    program = (
        "import sys; from pipelines.hosting.screen import Screen; screen = Screen(sys.stderr)\n"
        "screen.say('first'); sys.stdin.read(); screen.say('second'); "
        "screen.say('third'); print('done')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().endswith(b"first\n")
        process.stderr.close()
        process.stdin.close()
        assert process.stdout.read() == b"done\n"
    assert process.returncode == 0
