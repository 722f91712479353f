"""The assets of schema `raw`: the source's records, typed, nothing lost. This list is all of them."""

from assets.activities import activities
from assets.issues import issues
from assets.masters import MASTERS
from assets.projects import project_members, projects, teams
from assets.space import space
from assets.users import users

RAW_ASSETS = [space, users, projects, project_members, teams, *MASTERS, activities, issues]
