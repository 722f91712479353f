"""The assets of schema `raw`: the source's records, typed, nothing lost.

Add here: one file per table or family of tables read from Backlog. Keep out: tables derived from other tables.
"""

from assets.raw.activities import activities
from assets.raw.issues import issues
from assets.raw.masters import MASTERS
from assets.raw.projects import project_members, projects, teams
from assets.raw.space import space
from assets.raw.users import users

RAW_ASSETS = [space, users, projects, project_members, teams, *MASTERS, activities, issues]
