"""Forgotten people: the client gets a mask of them before it reads anything that is stored."""

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.privacy import Mask
from resources.warehouse.people import forgotten, remask


def mask_for(space_key: str, mask: Mask, engine: Engine) -> Mask:
    """Return a mask that replaces those who are forgotten too."""
    with engine.connect() as connection:
        return mask.but(forgotten(connection, space_key))


def load_forgotten(client: BacklogClient, engine: Engine) -> None:
    """Let a client replace those who are forgotten too; once for all that it reads, so that no two answers differ in that.

    Raises:
        BacklogError: the space cannot be reached.
        WarehouseError: the warehouse cannot be used.
    """
    if not client.mask.forgotten.space_key:
        client.mask = mask_for(str(client.space_info()["spaceKey"]), client.mask, engine)


def mask_stored(client: BacklogClient, engine: Engine) -> dict[str, int]:
    """Bring the people in rows that are stored to how they are masked now; return table -> rows that were changed.

    Raises:
        BacklogError: the space cannot be reached.
        WarehouseError: the warehouse cannot be used.
    """
    load_forgotten(client, engine)
    return remask(engine, str(client.space_info()["spaceKey"]), client.mask)
