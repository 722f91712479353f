"""The calendar of Japan: holidays, and the working days between."""

from datetime import date

from assets.marts.japanese_holidays import SEED, lines
from tests.deployment import Deployment

MARINE_DAY = date(2026, 7, 20)


def test_the_calendar_knows_japan(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    days = {row["day"]: row for row in deployment.query("SELECT * FROM mart.calendar")}
    assert (days[MARINE_DAY]["holiday_name"], days[MARINE_DAY]["is_working_day"]) == (
        "海の日",
        False,
    )
    assert (
        days[date(2026, 7, 21)]["working_seconds"],
        days[date(2026, 7, 25)]["working_seconds"],
    ) == (28_800, 0)
    assert (days[date(2026, 3, 31)]["fiscal_year"], days[date(2026, 4, 1)]["fiscal_year"]) == (
        2025,
        2026,
    )
    assert (
        days[date(2026, 4, 1)]["fiscal_quarter"],
        days[date(2027, 3, 31)]["fiscal_quarter"],
    ) == (1, 4)
    first, last = days[date(2026, 9, 30)], days[date(2027, 3, 31)]
    assert (first["fiscal_half"], last["fiscal_half"], last["fiscal_year_name"]) == (
        1,
        2,
        "2026年度",
    )


def test_the_seed_of_holidays_is_what_the_library_says() -> None:
    assert SEED.read_text(encoding="utf-8") == lines(), (
        "python -m assets.marts.japanese_holidays writes it anew"
    )


def test_the_days_between_the_years_are_off_every_year(built: tuple[Deployment, int]) -> None:
    deployment, _ = built
    rows = deployment.query(
        "SELECT day, holiday_name FROM mart.calendar WHERE NOT is_working_day AND weekday < 6 "
        "AND day BETWEEN '2026-12-25' AND '2027-01-08' ORDER BY day"
    )
    assert [(row["day"].strftime("%m-%d"), row["holiday_name"]) for row in rows] == [
        ("12-29", "年末年始"),
        ("12-30", "年末年始"),
        ("12-31", "年末年始"),
        ("01-01", "年末年始"),
    ]
