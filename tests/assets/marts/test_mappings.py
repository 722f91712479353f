"""The mappings that people edit: each line is read by itself, and a wrong one is named."""

from pathlib import Path

import pytest

from assets.location import SETTINGS
from resources.mapping_files import FILES
from resources.mappings import Line, digest_of, mappings

STATUS = "project_key,status,stage\n"
HOURS = "space_key,weekday,opens,closes,break_begins,break_ends\n"
DAYS = "space_key,from_day,to_day,is_working,name\n"
CAPACITY = "space_key,person,project_key,from_day,to_day,hours_per_day,share\n"


def read(folder: Path, name: str, content: str | bytes) -> list[Line]:
    """Return the lines of one file, alone in its folder."""
    raw = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(raw)
    return mappings(folder)


def test_the_mappings_that_come_with_the_program_have_no_problem() -> None:
    lines = mappings(SETTINGS.mappings)
    assert {line.file.removesuffix(".csv") for line in lines} <= FILES.keys()
    assert [line for line in lines if line.problem] == []


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("status_map.csv", ",済,finished", "stage is 'finished': expected waiting or active"),
        ("status_map.csv", ",,done", "status is empty"),
        ("status_map.csv", ",済,done,more", "4 cells for 3 columns"),
        ("status_map.csv", ',"済,done', "no line of CSV"),
        ("status_map.csv", ",a\0b,done", "text without control characters"),
        ("working_hours.csv", ",8,09:00,18:00,,", "weekday is '8': expected a whole number from 1"),
        ("working_hours.csv", ",1,9時,18:00,,", "opens is '9時': expected a time as 09:00"),
        ("working_hours.csv", ",1,18:00,09:00,,", "opens is not before closes"),
        ("working_hours.csv", ",1,09:00,18:00,12:00,", "a break needs"),
        ("working_hours.csv", ",1,09:00,18:00,18:00,19:00", "the break is not between"),
        ("calendar_settings.csv", ",JP,13", "fiscal_year_begins is '13'"),
        ("days_off.csv", ",2026-02-30,,,", "from_day is '2026-02-30': expected a day as"),
        ("days_off.csv", ",08-13,2026-08-15,,", "not both with a year"),
        ("days_off.csv", ",2026-08-15,2026-08-13,,", "from_day is after to_day"),
        ("days_off.csv", ",08-13,,maybe,", "is_working is 'maybe': expected true or false"),
        ("capacity.csv", ",sato,,,,-2,", "hours_per_day is '-2': expected a number from 0 to 24"),
        ("capacity.csv", ",sato,,,,nan,", "hours_per_day is 'nan'"),
        ("capacity.csv", ",sato,,,,,1.5", "share is '1.5': expected a number from 0 to 1"),
        ("capacity.csv", ",sato,,,,4,0.5", "either hours_per_day or share"),
        ("capacity.csv", ",sato,,,,,", "either hours_per_day or share"),
        ("baselines.csv", ",OPS,soon", "baseline_day is 'soon'"),
        ("units.csv", ",0,20", "hours_per_day is '0'"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_count(
    tmp_path: Path, name: str, line: str, reason: str
) -> None:
    good = {
        "status_map.csv": ",保留,waiting",
        "working_hours.csv": ",5,9:00,17:30,,",
        "calendar_settings.csv": "acme,JP,1",
        "days_off.csv": ",12/29,1/3,FALSE,年末年始",
        "capacity.csv": ",sato,OPS,2026/8/1,,4.5,",
        "baselines.csv": ",OPS,2026-04-01",
        "units.csv": "acme,7.5,20",
    }[name]
    header = ",".join(FILES[name.removesuffix(".csv")].columns)
    lines = read(tmp_path, name, f"{header}\n{line}\n{good}\n")
    assert [(one.line, one.cells is not None) for one in lines] == [(2, False), (3, True)]
    assert reason in str(lines[0].problem)


def test_cells_are_read_as_programs_for_tables_write_them(tmp_path: Path) -> None:
    [line] = read(tmp_path, "days_off.csv", DAYS + ",2026/8/3,2026/8/14,TRUE,夏\n")
    assert line.cells == {
        "from_day": "2026-08-03",
        "to_day": "2026-08-14",
        "is_working": "true",
        "name": "夏",
    }
    [line] = read(tmp_path, "days_off.csv", DAYS + ",2/29,,,\n")
    assert line.cells == {"from_day": "02-29"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_files_of_any_program_can_be_read(tmp_path: Path, encoding: str, end: str) -> None:
    text = f"# 状態{end}{STATUS.strip()}{end}{end}OPS,検討中,Waiting,,{end},,{end}"
    assert read(tmp_path, "status_map.csv", text.encode(encoding)) == [
        Line(
            "status_map.csv",
            4,
            {"project_key": "OPS", "status": "検討中", "stage": "waiting"},
            None,
        )
    ]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"status\n\x81", 0, "neither UTF-8 nor Shift_JIS"),
        ("status,stage,colour\n済,done,red\n", 1, "no column 'colour': they are project_key"),
        ("status,status,stage\n済,済,done\n", 1, "column status stands twice"),
        ("status\n済\n", 1, "column stage is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    [found] = read(tmp_path, "status_map.csv", content)
    assert (found.line, found.cells) == (line, None)
    assert reason in str(found.problem)


def test_of_lines_with_the_same_key_the_last_counts(tmp_path: Path) -> None:
    first, other, last = read(
        tmp_path, "status_map.csv", STATUS + ",済,done\nOPS,済,done\n,済,review\n"
    )
    assert (first.cells, last.cells) == (None, {"status": "済", "stage": "review"})
    assert first.problem == "line 4 has the same project_key and status and counts"
    assert other.cells is not None


def test_what_is_no_mapping_is_named_and_what_is_missing_has_no_lines(tmp_path: Path) -> None:
    for name in (".hidden", "~$capacity.csv", "README.md", "capasity.csv"):
        (tmp_path / name).write_text("")
    (tmp_path / "units.csv").mkdir()
    assert [(line.file, line.line, line.problem) for line in mappings(tmp_path)] == [
        ("capasity.csv", 0, f"no mapping: they are {', '.join(f'{n}.csv' for n in sorted(FILES))}"),
        ("units.csv", 0, "it cannot be read: Is a directory"),
    ]
    [gone] = mappings(tmp_path / "gone")
    assert gone.problem == "the folder cannot be read: No such file or directory"


def test_what_is_built_changes_with_what_counts_and_not_with_comments(tmp_path: Path) -> None:
    first = digest_of(read(tmp_path, "units.csv", "hours_per_day,days_per_month\n8,20\n"))
    same = digest_of(read(tmp_path, "units.csv", "hours_per_day,days_per_month\n8,20\n# 1 人日\n"))
    other = digest_of(read(tmp_path, "units.csv", "hours_per_day,days_per_month\n7.5,20\n"))
    assert first == same != other
