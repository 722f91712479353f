"""The objects of a space, as plain records that refer to each other by id."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simulator.masters import OPEN, Category, CustomField, FieldValue, IssueType, Status, Version


@dataclass(slots=True)
class User:
    """A person with an account in the space; `login` and `mail` are null for some."""

    id: int
    login: str | None
    name: str
    role: int
    lang: str | None
    mail: str | None
    nulab_id: str | None
    last_login: int | None
    keyword: str
    closed: bool = False


@dataclass(slots=True)
class Team:
    """A group of users that can join projects as one."""

    id: int
    name: str
    members: list[int]
    created_by: int
    created: int


@dataclass(slots=True)
class Webhook:
    """A URL of a project that receives its activities."""

    id: int
    name: str
    description: str
    url: str
    all_events: bool
    types: list[int]
    created_by: int
    created: int
    updated_by: int
    updated: int


class Attachment(NamedTuple):
    """A file of one issue."""

    id: int
    name: str
    size: int
    by: int
    created: int


class SharedFile(NamedTuple):
    """A file (or directory, without a size) of a project."""

    id: int
    dir: str
    name: str
    size: int | None
    by: int
    created: int


class Star(NamedTuple):
    """A star that a user gave to an issue or a comment."""

    id: int
    by: int
    created: int


class Change(NamedTuple):
    """One changed field: the names shown in comments, and the references shown in activities.

    `new_ids` and `old_ids` are the ids behind the names, in their order. No answer contains them;
    they are for checking clients that compute them. None: the field refers to nothing with an id.
    """

    field: str
    new: str
    old: str
    new_ref: str
    old_ref: str
    attribute: tuple[int, int] | None = None
    attachment: tuple[int, str, int] | None = None
    new_ids: tuple[int, ...] | None = None
    old_ids: tuple[int, ...] | None = None


class Notice(NamedTuple):
    """One user notified of a comment."""

    id: int
    user: int


@dataclass(slots=True)
class Comment:
    """A row of an issue's history: a text, changes, or both."""

    id: int
    issue_id: int
    content: str
    changes: tuple[Change, ...]
    by: int
    created: int
    updated: int
    notices: tuple[Notice, ...] = ()
    stars: tuple[Star, ...] = ()


@dataclass(slots=True)
class Issue:
    """An issue in its present state."""

    id: int
    project_id: int
    key_id: int
    type_id: int
    summary: str
    description: str
    created_by: int
    created: int
    updated_by: int
    updated: int
    priority_id: int = 3
    status_id: int = OPEN
    resolution_id: int | None = None
    assignee_id: int | None = None
    category_ids: tuple[int, ...] = ()
    version_ids: tuple[int, ...] = ()
    milestone_ids: tuple[int, ...] = ()
    start_date: str | None = None
    due_date: str | None = None
    estimated_hours: float | None = None
    actual_hours: float | None = None
    parent_id: int | None = None
    custom: dict[int, FieldValue] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    shared_files: tuple[SharedFile, ...] = ()
    stars: tuple[Star, ...] = ()
    comments: list[Comment] = field(default_factory=list)


class Activity(NamedTuple):
    """One row of the feed; `data` depends on `type`, and `shapes_history.py` turns it
    into content.
    """

    id: int
    type: int
    project_id: int
    by: int
    created: int
    data: tuple[Any, ...]


@dataclass(slots=True)
class Project:
    """A project with its masters and its issues."""

    id: int
    key: str
    name: str
    order: int
    rule: str
    archived: bool = False
    next_key: int = 1
    members: list[int] = field(default_factory=list)
    administrators: list[int] = field(default_factory=list)
    teams: list[int] = field(default_factory=list)
    statuses: dict[int, Status] = field(default_factory=dict)
    issue_types: dict[int, IssueType] = field(default_factory=dict)
    categories: dict[int, Category] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    fields: dict[int, CustomField] = field(default_factory=dict)
    files: list[SharedFile] = field(default_factory=list)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
