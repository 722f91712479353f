"""The mappings of `mappings/*.csv`: the stage of each status, working hours, days off, capacity,
baselines, units.

Each line is read by itself. A malformed line becomes a problem with file, line number and reason,
and does not affect the others.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert

from resources.mapping_files import FILES, File
from resources.redact import plain_line
from resources.warehouse.state.schema_ops_records import mapping_lines

#: Characters of a wrong cell that a message shows.
_SHOWN = 40


class Line(NamedTuple):
    """A line of a file: its cells, or the reason why it is ignored. Line 0 stands for the whole
    file.
    """

    file: str
    line: int
    cells: Mapping[str, str] | None
    problem: str | None


class _Row(NamedTuple):
    number: int
    cells: list[str]
    problem: str | None


def mappings(folder: Path) -> list[Line]:
    """Return all lines of the folder, ignored ones with their reason."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        return [_of_file(folder.name, f"the folder cannot be read: {error.strerror}")]
    files = {f"{name}.csv" for name in FILES}
    # Hidden files, lock files of open programs, and documents are skipped.
    other = [
        name
        for name in names
        if name not in files and not name.startswith((".", "~")) and not name.endswith(".md")
    ]
    found = [_of_file(name, f"no mapping: they are {', '.join(sorted(files))}") for name in other]
    for name, file in FILES.items():
        if f"{name}.csv" in names:
            found += _lines(f"{name}.csv", file, folder / f"{name}.csv")
    return found


def digest_of(lines: list[Line]) -> str:
    """Return a hash of all lines and their problems."""
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def problems(lines: list[Line]) -> list[str]:
    """Return a sentence for each ignored line: `units.csv, line 2: …`."""
    return [
        f"{line.file}, {f'line {line.line}' if line.line else 'the whole'}: {line.problem}"
        for line in lines
        if line.problem
    ]


def store(engine: Engine, lines: list[Line]) -> None:
    """Replace the stored lines, which the dbt models read."""
    with engine.begin() as connection:
        connection.execute(delete(mapping_lines))
        if lines:
            connection.execute(insert(mapping_lines), [line._asdict() for line in lines])


def _of_file(name: str, problem: str) -> Line:
    return Line(plain_line(name), 0, None, problem)


def _lines(name: str, file: File, path: Path) -> list[Line]:
    try:
        content = path.read_bytes()
    except OSError as error:
        return [_of_file(name, f"it cannot be read: {error.strerror}")]
    for encoding in ("utf-8-sig", "cp932"):
        try:
            rows = list(_rows(content.decode(encoding)))
            break
        except UnicodeDecodeError:
            continue
    else:
        return [_of_file(name, "it is neither UTF-8 nor Shift_JIS")]
    if not rows:
        return []
    header, *rest = rows
    if wrong := header.problem or _wrong_header(header.cells, file):
        return [Line(name, header.number, None, wrong)]
    return _without_repeated([_line(name, file, header.cells, row) for row in rest], file.key)


def _rows(text: str) -> Iterator[_Row]:
    """Yield the lines that are not empty. Each is parsed by itself, so that an unmatched quote
    affects no other line.
    """
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.startswith("#"):
            continue
        try:
            cells = [cell.strip() for row in csv.reader([line], strict=True) for cell in row]
        except csv.Error as error:
            yield _Row(number, [], f"no line of CSV: {error}")
            continue
        if any(cells):
            yield _Row(number, cells, None)


def _wrong_header(header: list[str], file: File) -> str | None:
    unknown = [name for name in header if name and name not in file.columns]
    if unknown:
        return f"no column {_shown(unknown[0])}: they are {', '.join(file.columns)}"
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        return f"column {twice[0]} stands twice"
    missing = [
        name for name, column in file.columns.items() if column.required and name not in header
    ]
    return f"column {missing[0]} is missing" if missing else None


def _line(name: str, file: File, header: list[str], row: _Row) -> Line:
    if row.problem:
        return Line(name, row.number, None, row.problem)
    more = [place for place, cell in enumerate(row.cells) if cell and not "".join(header[place:])]
    if more:
        return Line(name, row.number, None, f"{more[-1] + 1} cells for {len(header)} columns")
    given = {title: cell for title, cell in zip(header, row.cells, strict=False) if title}
    cells: dict[str, str] = {}
    for title, column in file.columns.items():
        cell = given.get(title, "")
        if not cell and column.required:
            return Line(name, row.number, None, f"{title} is empty")
        try:
            cells |= {title: column.read(cell)} if cell else {}
        except ValueError as error:
            return Line(name, row.number, None, f"{title} is {_shown(cell)}: expected {error}")
    wrong = file.wrong(cells)
    return Line(name, row.number, None if wrong else cells, wrong)


def _without_repeated(lines: list[Line], key: tuple[str, ...]) -> list[Line]:
    """Let the last line with each key count, and give the others a problem."""

    def of(line: Line) -> tuple[str | None, ...] | None:
        return tuple(map(line.cells.get, key)) if key and line.cells is not None else None

    last = {of(line): line.line for line in lines}
    return [
        line
        if of(line) is None or last[of(line)] == line.line
        else line._replace(
            cells=None, problem=f"line {last[of(line)]} has the same {' and '.join(key)} and counts"
        )
        for line in lines
    ]


def _shown(cell: str) -> str:
    shown = plain_line(cell)
    return f"'{shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}'"
