-- Earned value of each project at the end of each week (Monday to Sunday, in the space's zone), with the plan as it was then. Due dates of
-- milestones are those of today.
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, project_id'}) }}
{{ earned_value('project') }}
