"""When the collector of cycles rests, and that it never does so for good."""

import gc

import pytest

from pipelines import collector


def test_it_rests_until_it_is_resumed() -> None:
    with collector.at_rest():
        assert not gc.isenabled()
        collector.resume()
        assert gc.isenabled()
    gc.unfreeze()


def test_it_works_again_after_a_command_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), collector.at_rest():
        _ = 1 / 0
    assert gc.isenabled()
