"""Texts that identify people, as the source shows them now."""

from collections.abc import Mapping, Sequence
from typing import Any

from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermissionDenied
from resources.masking import Mask
from resources.replacements import changed_texts


def texts_of_people(client: BacklogClient, mask: Mask) -> dict[str, str]:
    """Return text -> what a mask puts in its place, of all people whom the source shows.

    A key that may not list the users of the space sees the members of its projects.

    Raises:
        BacklogError: the space cannot be read.
    """
    users = _listed_users(client)
    return dict(changed_texts(users, mask(users)))


def _listed_users(client: BacklogClient) -> Sequence[Mapping[str, Any]]:
    try:
        return client.users()
    except PermissionDenied:
        projects = [str(project["projectKey"]) for project in client.visible_projects()]
        return [user for project in projects for user in client.project_users(project)]
