-- People who are in more than one team: their work counts in each of them, so that sums over teams are more than all work.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'team_member', 'package': 'backlog_elt'}}}) }}
select space_key, user_id, user_name, count(*) as teams, string_agg(team, ', ' order by team, team_id) as names
from {{ ref('team_member') }}
group by space_key, user_id, user_name
having count(*) > 1
