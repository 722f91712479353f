"""The calendar of Japan: holidays, and the working days between."""

from assets.marts.japanese_holidays import SEED, lines
from tests.deployment import Deployment


def test_the_calendar_knows_japan(marts: Deployment) -> None:
    days = {
        f"{row['day']:%m-%d}": row
        for row in marts.query(
            "SELECT * FROM mart.calendar WHERE day BETWEEN '2026-03-31' AND '2027-03-30'"
        )
    }
    expected: dict[str, dict[str, object]] = {
        "07-20": {"holiday_name": "海の日", "is_working_day": False},
        "07-21": {"working_seconds": 28_800},
        "07-25": {"working_seconds": 0},
        "03-31": {"fiscal_year": 2025, "fiscal_quarter": 4, "fiscal_half": 2},
        "04-01": {"fiscal_year": 2026, "fiscal_quarter": 1},
        "09-30": {"fiscal_half": 1},
        "03-30": {"fiscal_quarter": 4, "fiscal_half": 2, "fiscal_year_name": "2026年度"},
    }
    assert {day: {name: days[day][name] for name in of} for day, of in expected.items()} == expected


def test_the_seed_of_holidays_is_what_the_library_says() -> None:
    assert SEED.read_text(encoding="utf-8") == lines(), (
        "python -m assets.marts.japanese_holidays writes it anew"
    )


def test_the_days_between_the_years_are_off_every_year(marts: Deployment) -> None:
    rows = marts.query(
        "SELECT day, holiday_name FROM mart.calendar WHERE NOT is_working_day AND weekday < 6 "
        "AND day BETWEEN '2026-12-25' AND '2027-01-08' ORDER BY day"
    )
    assert [(row["day"].strftime("%m-%d"), row["holiday_name"]) for row in rows] == [
        ("12-29", "年末年始"),
        ("12-30", "年末年始"),
        ("12-31", "年末年始"),
        ("01-01", "年末年始"),
    ]
