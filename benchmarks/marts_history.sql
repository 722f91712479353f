-- A space of :issues issues in :projects projects with :changes changes of ten kinds over four years, straight into the raw tables. The numbers of each
-- issue come from its id, so that every run makes the same rows.
INSERT INTO raw.space (space_key, name, timezone, payload, content_hash, loaded_at, run_id)
VALUES ('bench', 'Bench', 'Asia/Tokyo', '{}', '', now(), 'bench');

INSERT INTO raw.users (space_key, id, user_id, name, payload, content_hash, loaded_at, run_id)
SELECT 'bench', u, 'user' || u, '利用者 ' || u, '{}', '', now(), 'bench' FROM generate_series(1, 200) AS u;

INSERT INTO raw.teams (space_key, id, name, member_ids, payload, content_hash, loaded_at, run_id)
SELECT 'bench', t, 'チーム ' || t, ARRAY(SELECT u FROM generate_series(t, 200, 20) AS u), '{}', '', now(), 'bench' FROM generate_series(1, 20) AS t;

INSERT INTO raw.projects (space_key, id, project_key, name, archived, payload, content_hash, loaded_at, run_id)
SELECT 'bench', p, CASE p WHEN 1 THEN 'OPS' ELSE 'P' || p END, 'プロジェクト ' || p, false, '{}', '', now(), 'bench' FROM generate_series(1, :projects) AS p;

INSERT INTO raw.statuses (space_key, project_id, id, name, payload, content_hash, loaded_at, run_id)
SELECT 'bench', p, s.id, s.name, '{}', '', now(), 'bench'
FROM generate_series(1, :projects) AS p, (VALUES (1, '未対応'), (2, '処理中'), (3, '処理済み'), (4, '完了')) AS s (id, name);

INSERT INTO raw.issue_types (space_key, id, project_id, name, payload, content_hash, loaded_at, run_id)
SELECT 'bench', p * 10 + t, p, 'タイプ ' || t, '{}', '', now(), 'bench' FROM generate_series(1, :projects) AS p, generate_series(1, 4) AS t;

INSERT INTO raw.versions (space_key, id, project_id, name, release_due_date, payload, content_hash, loaded_at, run_id)
SELECT 'bench', p * 100 + v, p, 'v' || v, date '2022-03-01' + v * 120, '{}', '', now(), 'bench'
FROM generate_series(1, :projects) AS p, generate_series(1, 12) AS v;

INSERT INTO raw.categories (space_key, id, project_id, name, payload, content_hash, loaded_at, run_id)
SELECT 'bench', p * 10 + c, p, '分類 ' || c, '{}', '', now(), 'bench' FROM generate_series(1, :projects) AS p, generate_series(1, 5) AS c;

-- A text, a number, a day and a list in each project.
INSERT INTO raw.custom_fields (space_key, id, project_id, type_id, name, items, payload, content_hash, loaded_at, run_id)
SELECT 'bench', p * 10 + f.at, p, f.type_id, f.name, f.items, '{}', '', now(), 'bench'
FROM generate_series(1, :projects) AS p, (VALUES
    (1, 1, '顧客番号', NULL), (2, 3, '金額', NULL), (3, 4, '検収日', NULL),
    (4, 5, '工程', '[{"id": 1, "name": "設計"}, {"id": 2, "name": "実装"}, {"id": 3, "name": "試験"}]'::jsonb)
) AS f (at, type_id, name, items);

-- made_at: when an issue is made; each change comes some hours after the one before.
CREATE TEMPORARY TABLE made AS
SELECT
    i AS id,
    1 + i % :projects AS project_id,
    timestamptz '2022-01-01 09:00+09' + (i * 4 * 365.0 / :issues) * interval '1 day' AS made_at,
    1 + i % 200 AS author,
    2 + i % 17 AS pace
FROM generate_series(1, :issues) AS i;

CREATE TEMPORARY TABLE steps AS
SELECT m.*, k, m.made_at + k * m.pace * interval '1 hour' AS at, m.id::bigint * 100 + k AS comment_id
FROM made AS m, generate_series(1, :changes / :issues) AS k;

INSERT INTO raw.comments (space_key, id, issue_id, project_id, content, created_user_id, created_at, updated_at, payload, content_hash, loaded_at, run_id)
SELECT 'bench', comment_id, id, project_id, CASE WHEN k % 3 = 0 THEN '確認しました' END, 1 + (id + k) % 200, at, at, '{}', '', now(), 'bench'
FROM steps;

-- Of ten changes: four of status (the last to done in four of five issues), two of assignee, two of hours, one of due date (of one issue in ten, to
-- a week later), one of milestone.
INSERT INTO raw.issue_changes (
    space_key, comment_id, position, issue_id, project_id, created_at, created_user_id, field, source_field, kind,
    old_value, new_value, old_id, new_id, old_ids, new_ids, payload, content_hash, loaded_at, run_id
)
SELECT
    'bench', comment_id, 0, id, project_id, at, 1 + (id + k) % 200, f.field, f.field, 'standard',
    f.old_value, f.new_value, f.old_id, f.new_id, f.old_ids, f.new_ids, '{}', '', now(), 'bench'
FROM steps
CROSS JOIN LATERAL (
    SELECT
        CASE k % 10
            WHEN 1 THEN 'status' WHEN 4 THEN 'status' WHEN 7 THEN 'status' WHEN 0 THEN 'status'
            WHEN 2 THEN 'assignee' WHEN 5 THEN 'assignee'
            WHEN 3 THEN 'actual_hours' WHEN 8 THEN 'actual_hours'
            WHEN 6 THEN 'due_date' ELSE 'milestone'
        END AS field,
        CASE k % 10
            WHEN 1 THEN '未対応' WHEN 4 THEN '処理中' WHEN 7 THEN '処理済み' WHEN 0 THEN '処理中'
            WHEN 5 THEN '利用者 ' || 1 + id % 200 WHEN 8 THEN '2.5'
            WHEN 6 THEN CASE WHEN id % 10 = 0 THEN ((made_at + interval '13 days') AT TIME ZONE 'Asia/Tokyo')::date::text END
        END AS old_value,
        CASE k % 10
            WHEN 1 THEN '処理中' WHEN 4 THEN '処理済み' WHEN 7 THEN '処理中'
            WHEN 0 THEN CASE WHEN id % 5 = 0 THEN '処理済み' ELSE '完了' END
            WHEN 2 THEN '利用者 ' || 1 + id % 200 WHEN 5 THEN '利用者 ' || 1 + (id + 1) % 200
            WHEN 3 THEN '2.5' WHEN 8 THEN '6'
            WHEN 6 THEN ((made_at + interval '20 days') AT TIME ZONE 'Asia/Tokyo')::date::text
            ELSE 'v' || 1 + id % 12
        END AS new_value,
        CASE k % 10 WHEN 1 THEN 1 WHEN 4 THEN 2 WHEN 7 THEN 3 WHEN 0 THEN 2 WHEN 5 THEN 1 + id % 200 END AS old_id,
        CASE k % 10
            WHEN 1 THEN 2 WHEN 4 THEN 3 WHEN 7 THEN 2 WHEN 0 THEN CASE WHEN id % 5 = 0 THEN 3 ELSE 4 END
            WHEN 2 THEN 1 + id % 200 WHEN 5 THEN 1 + (id + 1) % 200
        END AS new_id,
        CASE WHEN k % 10 = 9 THEN '{}'::bigint[] END AS old_ids,
        CASE WHEN k % 10 = 9 THEN ARRAY[project_id * 100 + 1 + id % 12]::bigint[] END AS new_ids
) AS f;

-- One issue in five has a parent, one in fifty is deleted, and each has categories, a version and three or four custom fields.
INSERT INTO raw.issues (
    space_key, id, project_id, issue_key, key_id, issue_type_id, summary, status_id, assignee_id, category_ids, version_ids, milestone_ids,
    parent_issue_id, start_date, due_date, estimated_hours, actual_hours, created_user_id, created_at, updated_at, deleted_at, payload,
    content_hash, loaded_at, run_id
)
SELECT
    'bench', m.id, m.project_id, 'P' || m.project_id || '-' || m.id, m.id, m.project_id * 10 + 1 + m.id % 4, '課題 ' || m.id,
    CASE WHEN m.id % 5 = 0 THEN 3 ELSE 4 END, 1 + (m.id + 1) % 200,
    CASE WHEN m.id % 3 = 0 THEN ARRAY[m.project_id * 10 + 1, m.project_id * 10 + 2 + m.id % 4] ELSE ARRAY[m.project_id * 10 + 1 + m.id % 5] END,
    ARRAY[m.project_id * 100 + 1 + (m.id + 3) % 12], ARRAY[m.project_id * 100 + 1 + m.id % 12],
    CASE WHEN (m.id - 1) / :projects % 5 = 4 THEN m.id - :projects END,
    ((m.made_at + interval '3 days') AT TIME ZONE 'Asia/Tokyo')::date, ((m.made_at + interval '20 days') AT TIME ZONE 'Asia/Tokyo')::date,
    8, 6, m.author, m.made_at, m.made_at + :changes / :issues * m.pace * interval '1 hour',
    CASE WHEN m.id > 1000 AND m.id % 50 = 0 THEN m.made_at + interval '2 years' END,
    jsonb_build_object('customFields', jsonb_build_array(
        jsonb_build_object('id', m.project_id * 10 + 1, 'fieldTypeId', 1, 'name', '顧客番号', 'value', 'C-' || m.id % 5000),
        jsonb_build_object('id', m.project_id * 10 + 2, 'fieldTypeId', 3, 'name', '金額', 'value', CASE WHEN m.id % 3 > 0 THEN m.id % 977 * 100 END),
        jsonb_build_object('id', m.project_id * 10 + 3, 'fieldTypeId', 4, 'name', '検収日', 'value', to_char(m.made_at + interval '30 days', 'YYYY-MM-DD')),
        jsonb_build_object('id', m.project_id * 10 + 4, 'fieldTypeId', 5, 'name', '工程', 'value', jsonb_build_object(
            'id', 1 + m.id % 3, 'name', (ARRAY['設計', '実装', '試験'])[1 + m.id % 3]
        ))
    )),
    '', now(), 'bench'
FROM made AS m;

ANALYZE;
