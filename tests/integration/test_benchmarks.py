"""The benchmark of the schedules runs to its end on a small space; it counts requests, so its
bounds hold on any machine.
"""

from benchmarks.main_job import schedules


def test_the_ticks_of_the_schedules_stay_within_their_bounds() -> None:
    figures = list(schedules(300))
    assert [(figure.name, figure.verdict) for figure in figures] == [
        ("issues, nothing changed", "within"),
        ("issues, 100 changed in an hour", "within"),
        ("issues, 100 changed in one second", "within"),
        ("projects", "within"),
    ]
