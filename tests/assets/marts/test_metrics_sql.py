"""What is made of the SQL of MetricFlow says the same: selects and joins that stay, and those that
go.
"""

import pytest

from assets.marts.metrics_sql import readable

COLUMNS = {"flow": ["space_key", "day", "n"]}
LAST = "SELECT space_key AS s, MAX(day) AS last FROM mart.flow GROUP BY space_key"
GROUPS = "SELECT space_key AS s, day AS d, MAX(day) AS last FROM mart.flow GROUP BY space_key, day"


def made(sql: str) -> str:
    return " ".join(readable(sql, COLUMNS, {}, [], 0, "seconds").split())


def joined(join: str) -> str:
    return made(f"SELECT t.day, SUM(t.n) AS n FROM mart.flow AS t {join} GROUP BY t.day")


def test_a_select_that_works_with_sums_is_one_with_the_select_that_makes_them() -> None:
    sums = (
        "SELECT day AS on_day, SUM(n) - MIN(n) AS a, COUNT(n) + 1 AS b FROM mart.flow GROUP BY day"
    )
    assert made(f"SELECT on_day AS day, a / b AS share, a AS a FROM ({sums}) AS subq_1") == (
        "SELECT day AS day, ( SUM(n) - MIN(n) ) / ( COUNT(n) + 1 ) AS share, SUM(n) - MIN(n) AS "
        "a FROM mart.flow GROUP BY day"
    )


@pytest.mark.parametrize(
    "outer",
    [
        "SELECT SUM(a) AS a FROM ({}) AS subq_1",
        "SELECT a AS a FROM ({}) AS subq_1 WHERE a > 1",
        "SELECT a AS a FROM ({} HAVING SUM(n) > 1) AS subq_1",
        "SELECT a AS a FROM ({} LIMIT 3) AS subq_1",
    ],
)
def test_a_select_that_does_more_stays(outer: str) -> None:
    assert (
        made(outer.format("SELECT day, SUM(n) AS a FROM mart.flow GROUP BY day")).count("SELECT")
        == 2
    )


def test_a_join_in_which_each_row_finds_its_own_group_is_dropped() -> None:
    for join in ("JOIN", "INNER JOIN"):
        kept = joined(f"{join} ({GROUPS}) AS g ON t.day = g.last AND (t.space_key = g.s)")
        assert kept == "SELECT day AS day, SUM(n) AS n FROM mart.flow GROUP BY day"


@pytest.mark.parametrize(
    "join",
    [
        f"JOIN ({LAST}) AS g ON t.day = g.last AND t.space_key = g.s",
        f"JOIN ({GROUPS} HAVING SUM(n) > 1) AS g ON t.day = g.last AND t.space_key = g.s",
        f"JOIN ({GROUPS}) AS g ON t.day = g.last AND t.space_key = g.s AND t.n > 3",
        f"JOIN ({GROUPS}) AS g ON t.day = g.last",
        f"LEFT JOIN ({GROUPS}) AS g ON t.day = g.last AND t.space_key = g.s",
        (
            f"JOIN ({GROUPS.replace('GROUP', 'WHERE n > 1 GROUP')}) AS g ON t.day = "
            "g.last AND t.space_key = g.s"
        ),
        "CROSS JOIN (SELECT MAX(day) AS last FROM mart.flow) AS g",
    ],
)
def test_a_join_that_chooses_rows_stays(join: str) -> None:
    assert "JOIN" in joined(join)
