"""Records of which an id or a time is odd: they stand apart, the others are synced, and all is well
again when the source is.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator import RequestInfo
from tests.sync.trouble import spoil
from tests.syncs import Syncs, failures

Record = dict[str, Any]


#: Route -> place of a record, counted from the first of a page -> what is odd about it.
ODD: dict[str, dict[int, Callable[[Record], Any]]] = {
    "/issues": {
        0: lambda one: one | {"updated": "9999-12-31T23:59:59Z"},
        1: lambda one: one | {"id": None},
        2: lambda one: one | {"id": str(one["id"]), "created": "0001-01-01T00:00:00Z"},
        3: lambda one: one | {"somethingNew": json.loads("[" * 600 + "]" * 600)},
        4: lambda one: one | {"id": 2**63},
        5: lambda one: one | {"dueDate": "9999-12-31T23:59:59Z"},
        6: lambda one: one | {"updated": "2099-01-01T00:00:00Z"},
        7: lambda one: one | {"estimatedHours": 1e308 * 10},
    },
    "/space/activities": {
        0: lambda one: one | {"id": "x"},
        3: lambda one: one | {"id": None},
        4: lambda one: one | {"id": True},
        9: lambda one: one | {"created": "0000-00-00T00:00:00Z"},
        11: lambda _one: None,
    },
    "/issues/{issue}/comments": {0: lambda one: one | {"id": "x"}},
    "/users": {1: lambda one: one | {"id": 17.5}, 2: lambda _one: [17]},
    "/projects/{project}/statuses": {4: lambda one: one | {"id": {}}},
    "/projects/{project}/versions": {0: lambda one: one | {"id": -1}},
}


class Source:
    """Makes the first page of each list odd while `odd`."""

    def __init__(self, syncs: Syncs, odd: dict[str, dict[int, Callable[[Record], Any]]]) -> None:
        self.odd, self._how, self._ids = True, odd, dict[str, dict[int, Any]]()
        syncs.sim.rewrite_response(self.spoil)

    def spoil(self, request: RequestInfo, body: Any) -> Any:
        if request.route == "/issues/{issue}" and self.odd:
            return self._spoilt("/issues", [body])[0]
        if not self.odd or request.route not in self._how or not isinstance(body, list):
            return body
        # The same records at each request, whatever the order.
        chosen = self._ids.setdefault(request.path, {})
        if not chosen:
            chosen |= {
                body[place]["id"]: how
                for place, how in self._how[request.route].items()
                if place < len(body)
            }
        return self._spoilt(request.path, body)

    def _spoilt(self, path: str, body: list[Any]) -> list[Any]:
        chosen = self._ids.get(path, {})
        return [chosen[one["id"]](one) if one["id"] in chosen else one for one in body]


def load(syncs: Syncs) -> list[str]:
    """Load as the schedules do; return what failed."""
    runs = [syncs.listing(), syncs.run(mode="incremental")]
    return [line for run in runs for line in failures(run)]


def waiting(syncs: Syncs) -> dict[str, int]:
    """Return table -> open entries of its quarantine."""
    rows = syncs.query(
        "SELECT table_name, count(*) AS n FROM ops.rejected_records WHERE resolved_at IS "
        "NULL GROUP BY 1 ORDER BY 1"
    )
    return {row["table_name"]: row["n"] for row in rows}


def test_odd_records_are_kept_apart_the_others_are_loaded_and_all_heals_by_itself(
    syncs: Syncs,
) -> None:
    source = Source(syncs, ODD)
    assert load(syncs) == []
    found = waiting(syncs)
    assert found["issues"] == len(ODD["/issues"])
    assert found["activities"] == len(ODD["/space/activities"])
    assert found["users"] == 2
    assert found["comments"] > 50
    assert len(syncs.rows("issues")) == len(syncs.space.issues) - found["issues"]
    # As odd as before, it is the same again, and nobody's cursor has passed beyond what there is.
    assert load(syncs) == []
    assert waiting(syncs) == found
    watermarks = syncs.query(
        "SELECT max(watermark) < now() + interval '1 hour' AS sane FROM ops.sync_state"
    )
    assert [row["sane"] for row in watermarks] == [True]
    source.odd = False
    assert load(syncs) == []
    assert waiting(syncs) == {}
    assert syncs.compare().status == "equal"
    assert len(syncs.rows("activities")) == len(syncs.space.activities)


@pytest.mark.parametrize("count", ["12", -1, 1.5, "missing"])
def test_a_count_that_is_none_fails_the_load_in_a_line_and_the_next_one_repairs_it(
    synced: Syncs, count: Any
) -> None:
    wrong = [{} if count == "missing" else {"count": count}]
    synced.sim.rewrite_response(
        lambda request, body: wrong[0] if wrong and request.route == "/issues/count" else body
    )
    run = synced.run(mode="incremental")
    assert not run.success
    assert all(
        "GET /issues/count: `count` is not a number" in line and "\n" not in line
        for line in failures(run)
    )
    wrong.clear()
    assert synced.run(mode="incremental").success


def test_a_full_load_closes_issues_without_an_id_that_are_not_there_any_more(syncs: Syncs) -> None:
    source = Source(
        syncs,
        {"/issues": {0: lambda one: {"summary": one["summary"]}, 1: lambda _one: "no object"}},
    )
    syncs.load()
    assert waiting(syncs) == {"issues": 2}
    assert syncs.compare().errors == ()
    source.odd = False
    assert syncs.run().success
    assert waiting(syncs) == {}
    assert syncs.compare().status == "equal"


def test_a_stored_issue_that_loses_its_id_is_not_taken_for_deleted(synced: Syncs) -> None:
    spoil(synced, {min(synced.stored_issues()): {"id": None}})
    assert synced.run().success
    assert not synced.rows("issues", deleted=True)
    assert waiting(synced) == {"issues": 1}
    assert synced.compare("count").status == "equal", (
        "the stored row is that issue, not another one"
    )


def test_a_time_to_come_that_is_stored_already_gives_way_to_the_true_one(synced: Syncs) -> None:
    synced.change(
        "UPDATE raw.issues SET updated_at = '9999-12-30', payload = payload || '{\"updated\": "
        '"9999-12-30T00:00:00Z"}\', '
        "content_hash = 'of that version'"
    )
    assert synced.run(mode="incremental").success
    assert synced.stored_issues() == synced.source_issues()
