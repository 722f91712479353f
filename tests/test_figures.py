"""The exit code of the benchmarks follows from what they measure."""

from collections.abc import Iterator

import pytest

from benchmarks.figures import Figure, show


@pytest.mark.parametrize("as_json", [True, False])
def test_a_figure_over_its_bound_ends_in_1_after_all_were_measured_and_is_named(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    def part(value: float) -> Iterator[Figure]:
        yield Figure("a group", f"it took {value:.0f}", value, "s", 2.0)
        yield Figure("a group", "no promise", value, "s")

    assert show([part(2.0), part(1.0)], as_json=as_json) == 0
    assert show([part(3.0), part(1.0)], as_json=as_json) == 1
    printed = capsys.readouterr()
    assert "Error: over its bound of 2 s: a group: it took 3" in printed.err
    assert "it took 1" in printed.out
