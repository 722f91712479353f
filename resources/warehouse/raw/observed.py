"""Records the changes of issues that a merge sees: the stored value, the new value, and a date.

Most of these changes are in the change log, too. Others, as after the deletion of a status with a
substitute, have no other date. The marts keep them apart (`stg_unlogged_change`). A row written
here never changes.
"""

from typing import Final

#: Field of the change log -> column of the issue.
OBSERVED: Final = {
    "status": "status_id",
    "assignee": "assignee_id",
    "due_date": "due_date",
    "estimated_hours": "estimated_hours",
    "actual_hours": "actual_hours",
    "milestone": "milestone_ids",
    # Not in the change log: the issue was moved to another project.
    "project": "project_id",
    # Keeps the `updated_at` of the first version seen, after that version was replaced.
    "updated_at": "updated_at",
}
#: The same for values that only the old project has; recorded with a move.
LEFT_BEHIND: Final = {"issue_type": "issue_type_id", "category": "category_ids"}
COLUMNS: Final = ("created_at", *OBSERVED.values(), *LEFT_BEHIND.values())
"""Columns of a written issue that `NOTED` reads, besides `id` and `inserted`."""

_STATUS_DELETED, _MILESTONE_DELETED = 34, 24
#: Types of activities: an issue was created, updated or commented.
_OF_ISSUES = "1, 2, 3"
_VALUES = ", ".join(
    f"('{field}', CAST(o.{column} AS text), CAST(m.{column} AS text))"
    for field, column in (OBSERVED | LEFT_BEHIND).items()
)
_ONLY_MOVED = ", ".join(f"'{field}'" for field in LEFT_BEHIND)

#: A part of the statement that merges issues; `merged` are the rows that it has written. All parts
#: of a statement see the rows as they were before it, so `raw.issues` has the replaced versions
#: here. A change is dated by an activity (to the second), else by the load that found a deletion,
#: else by this sync, but never before the stored version. A move, and the values lost by it, are
#: dated by the first activity of the issue in its new project.
NOTED: Final = f"""
INSERT INTO ops.observed_changes
    (space_key, issue_id, field, old_value, new_value, updated_before, updated_at, changed_at,
        evidence, run_id)
SELECT :space_key, m.id, f.field, f.old_value, f.new_value,
    COALESCE(o.updated_at, o.created_at), COALESCE(m.updated_at, m.created_at),
    GREATEST(date_trunc('second', COALESCE(w.found_at, statement_timestamp())), o.updated_at),
        COALESCE(w.evidence, 'sync'), :run_id
FROM merged AS m
JOIN raw.issues AS o ON o.space_key = :space_key AND o.id = m.id
CROSS JOIN LATERAL (VALUES {_VALUES}) AS f (field, old_value, new_value)
LEFT JOIN LATERAL (
    SELECT 1 AS place, a.created_at AS found_at, 'activity ' || a.id AS evidence
    FROM raw.activities AS a
    WHERE f.field = 'status' AND a.space_key = :space_key AND a.project_id = o.project_id
        AND a.type = {_STATUS_DELETED}
        AND a.created_at >= o.updated_at AND a.payload #> '{{content,link}}' @>
            jsonb_build_array(jsonb_build_object('id', m.id))
    UNION ALL
    SELECT 1, a.created_at, 'activity ' || a.id
    FROM unnest(CASE WHEN f.field = 'milestone' THEN o.milestone_ids END) AS g (id)
    JOIN raw.activities AS a ON a.space_key = :space_key AND a.content_id = g.id
        AND a.type = {_MILESTONE_DELETED}
    WHERE g.id <> ALL (COALESCE(m.milestone_ids, '{{}}'))
    UNION ALL
    SELECT 1, n.created_at, 'activity ' || n.id
    FROM (
        SELECT a.created_at, a.id FROM raw.activities AS a
        WHERE m.project_id <> o.project_id AND a.space_key = :space_key AND a.content_id = m.id
            AND a.project_id = m.project_id AND a.type IN ({_OF_ISSUES})
            AND a.created_at >= o.updated_at
        ORDER BY a.created_at, a.id LIMIT 1
    ) AS n
    UNION ALL
    SELECT 2, d.found_at, 'deletion of ' || d.table_name || ' ' || d.record_key
    FROM ops.deletions AS d
    WHERE d.space_key = :space_key AND d.restored_at IS NULL AND (
        f.field = 'status' AND d.table_name = 'statuses'
            AND d.record_key = o.project_id || '/' || o.status_id
        OR f.field = 'milestone' AND d.table_name = 'versions' AND d.record_key = ANY (
            SELECT CAST(g.id AS text) FROM unnest(o.milestone_ids) AS g (id)
                WHERE g.id <> ALL (COALESCE(m.milestone_ids, '{{}}'))
        )
    )
    ORDER BY place, found_at DESC
    LIMIT 1
) AS w ON f.field IN ('status', 'milestone', 'project', {_ONLY_MOVED})
WHERE NOT m.inserted AND f.old_value IS DISTINCT FROM f.new_value
    AND (f.field NOT IN ({_ONLY_MOVED}) OR m.project_id <> o.project_id)
    AND (f.field <> 'updated_at' OR NOT EXISTS (
        SELECT FROM ops.observed_changes AS n WHERE n.space_key = :space_key AND n.issue_id = m.id
    ))
"""  # noqa: S608  names of this file
