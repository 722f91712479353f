"""A project in the space of the marts' tests in which everything is done that bridges, teams and
histories can get wrong.
"""

from datetime import timedelta
from typing import Any

from tests.assets.marts.worked import PEER, STEPS
from tests.deployment import Deployment

#: Kinds of custom fields.
TEXT, NUMBER, DATE, MULTIPLE = 1, 3, 4, 6


#: What the team of one person did, as metrics.
TEAM = {"team_issues_created": 11, "team_issues_done": 10, "team_comments": 1, "team_hours": 3}


def begin(deployment: Deployment) -> dict[str, int]:
    """Make the project, its custom fields, two of them with one name, its issues, and two teams;
    return their ids.
    """
    space, at = deployment.sim.space, STEPS["made"]
    space.add_project("REACH", "Reach")
    # Nobody else's tests work as the author, whatever they do today.
    author = space.add_user("書 きて").id
    space.add_member("REACH", author, at=at)
    peer = next(user.id for user in space.users.values() if user.name == PEER)
    made = {
        "author": author,
        "peer": peer,
        "number": space.add_field("REACH", NUMBER, "工数", unit="人日").id,
        "day": space.add_field("REACH", DATE, "リリース日").id,
        "text": space.add_field("REACH", TEXT, "環境").id,
        "many": space.add_field("REACH", MULTIPLE, "環境", items=("本番", "検証")).id,
        "type": next(iter(space.project("REACH").issue_types)),
        "other type": space.add_issue_type("REACH", "改善", "#e30000").id,
        "category": space.add_category("REACH", "基盤").id,
    }
    values = {
        made["number"]: 12.5,
        made["day"]: "2026-07-31",
        made["text"]: "社内",
        made["many"]: ((2, 1), None),
    }
    issue = space.create_issue("REACH", by=author, at=at, custom=values).id
    parent = space.create_issue("REACH", by=author, at=at).id
    space.edit_issue(issue, by=author, at=at, parent_id=parent)
    reported = space.create_issue("REACH", by=author, at=at, type_id=made["type"], priority_id=3).id
    steps: tuple[dict[str, Any], ...] = (
        {"priority_id": 2},
        {"start_date": "2026-07-06"},
        {"category_ids": (made["category"],)},
        {"type_id": made["other type"]},
    )
    for days, fields in enumerate(steps, 1):
        space.edit_issue(reported, by=author, at=at + timedelta(days=days), **fields)
    return made | {
        "issue": issue,
        "parent": parent,
        "reported": reported,
        "team": space.add_team("検証", [peer], at=at).id,
        "gone_team": space.add_team("解散", [author], at=at).id,
    }


def go_on(deployment: Deployment, made: dict[str, int]) -> None:
    """Rename a field, give another one another type, put somebody else into a team, delete the
    other one.
    """
    space = deployment.sim.space
    fields = space.project("REACH").fields
    fields[made["number"]].name, fields[made["text"]].kind = "見積り", NUMBER
    space.teams[made["team"]].members[:] = [made["author"]]
    del space.teams[made["gone_team"]]
