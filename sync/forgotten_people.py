"""Forgotten people: the client gets a mask of them before it reads anything that is stored."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermissionDenied
from resources.privacy import Mask
from resources.replacements import changed_texts
from resources.warehouse.forgetting import NO_COPIES, Copies, forgotten, remask


def mask_for(space_key: str, mask: Mask, engine: Engine) -> Mask:
    """Return a mask that replaces those who are forgotten too."""
    with engine.connect() as connection:
        return mask.but(forgotten(connection, space_key))


def load_forgotten(client: BacklogClient, engine: Engine) -> None:
    """Let a client replace those who are forgotten too; once for all that it reads, so that no two
    answers differ in that.

    Raises:
        BacklogError: the space cannot be reached.
        WarehouseError: the warehouse cannot be used.
    """
    if not client.mask.forgotten.space_key:
        client.mask = mask_for(str(client.space_info()["spaceKey"]), client.mask, engine)


def mask_stored(
    client: BacklogClient,
    engine: Engine,
    copies: Copies = NO_COPIES,
) -> dict[str, int]:
    """Bring people in what is stored, and in `copies` of it, to how they are masked now.

    Return table -> rows that were changed.

    Raises:
        BacklogError: the space cannot be reached.
        WarehouseError: the warehouse cannot be used, or a build of the marts does not end.
    """
    load_forgotten(client, engine)
    return remask(engine, str(client.space_info()["spaceKey"]), client.mask, copies)


def texts_of_people(client: BacklogClient, mask: Mask) -> dict[str, str]:
    """Return text -> what a mask puts in its place, of all people whom the source shows.

    A key that may not list the users of the space sees the members of its projects.

    Raises:
        BacklogError: the space cannot be read.
    """
    client.mask = Mask()
    users = _listed_users(client)
    return dict(changed_texts(users, mask(users)))


def _listed_users(client: BacklogClient) -> Sequence[Mapping[str, Any]]:
    try:
        return client.users()
    except PermissionDenied:
        projects = [str(project["projectKey"]) for project in client.visible_projects()]
        return [user for project in projects for user in client.project_users(project)]
