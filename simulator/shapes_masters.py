"""The JSON of projects and of masters that are the same for all callers."""

from typing import Any

from simulator.masters import Category, IssueType, Item, Status
from simulator.model import Project

Json = dict[str, Any]


def project_shape(project: Project) -> Json:
    """Return a project with its settings."""
    return {
        "id": project.id,
        "projectKey": project.key,
        "name": project.name,
        "chartEnabled": True,
        "useResolvedForChart": False,
        "subtaskingEnabled": True,
        "projectLeaderCanEditProjectLeader": False,
        "useWiki": True,
        "useFileSharing": True,
        "useWikiTreeView": True,
        "useOriginalImageSizeAtWiki": False,
        "useSubversion": False,
        "useGit": True,
        "textFormattingRule": project.rule,
        "archived": project.archived,
        "displayOrder": project.order,
        "useDevAttributes": True,
        "grandchildIssueEnabled": False,
    }


def status(project: Project, one: Status) -> Json:
    """Return a status of a project."""
    return {
        "id": one.id,
        "projectId": project.id,
        "name": one.name,
        "color": one.color,
        "displayOrder": one.order,
    }


def issue_type(project: Project, one: IssueType, with_templates: bool = False) -> Json:
    """Return an issue type of a project; copies in issues lack the templates."""
    shape = {
        "id": one.id,
        "projectId": project.id,
        "name": one.name,
        "color": one.color,
        "displayOrder": one.order,
    }
    if with_templates:
        shape |= {
            "templateSummary": one.template_summary,
            "templateDescription": one.template_description,
        }
    return shape


def category(project: Project, one: Category) -> Json:
    """Return a category of a project."""
    return {"id": one.id, "projectId": project.id, "name": one.name, "displayOrder": one.order}


def item(one: Item) -> Json:
    """Return a choice of a list field."""
    return {"id": one.id, "name": one.name, "displayOrder": one.order}
