"""What Dagster writes when its storage refuses is kept from standard error, and what is lost is
counted.
"""

import sys

import pytest

from pipelines.hosting.lost_messages import without_lost_messages


def test_only_what_is_lost_is_counted_and_all_else_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with without_lost_messages():
        sys.stderr.write(
            "Exception while writing logger call to event log.\nINSERT INTO event_logs ...\n"
        )
        sys.stderr.write("Exception while storing event batch: INSERT INTO event_logs ...\n")
        sys.stderr.write("Falling back to storing multiple single-event storage requests...\n")
        sys.stderr.write("something else\n")
    assert capsys.readouterr().err == (
        "something else\nDagster's storage did not take 1 messages: its log of this run has gaps.\n"
    )


def test_a_batch_that_is_stored_one_by_one_is_not_spoken_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with without_lost_messages():
        sys.stderr.write("Exception while storing event batch: no\n")
    assert capsys.readouterr().err == ""
