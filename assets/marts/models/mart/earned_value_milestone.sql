-- Earned value of each milestone at the end of each week, with its issues and the plan as they were then. Due dates of milestones
-- are those of today. An issue with several milestones counts for each: do not add milestones up to a project.
{{ config(pre_hook="{{ hashed() }}", meta={'groups': 'space_key, milestone_id'}) }}
{{ earned_value('milestone') }}
