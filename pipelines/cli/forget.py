"""What `backlog-elt forget` does: erase a person from the warehouse, and keep it so."""

from pipelines.cli.load import connection
from pipelines.hosting.environment import prepare_storage, source
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse import people
from resources.warehouse.embedded import tidy_log
from resources.warehouse.people import Person
from resources.warehouse.sync_log import known_spaces


def look_up(settings: Settings, user_id: int) -> Person:
    """Return who has an id, as the warehouse knows the person.

    Raises:
        SettingsError: the warehouse has never had a user of this id.
        BacklogError: the warehouse holds several spaces, and the source does not say which is meant.
        WarehouseError: the warehouse cannot be used.
    """
    prepare_storage(settings)
    with connection() as (_, warehouse):
        known = known_spaces(warehouse.engine)
        if len(known) == 1:
            [space_key] = known
        else:
            with source(settings, alive=False), connection() as (asked, _):
                space_key = str(asked.client.space_info()["spaceKey"])
        person = people.person(warehouse.engine, space_key, user_id)
    if person is None:
        raise SettingsError("--user", str(user_id), f"the id of a user of {space_key}, as raw.users has it")
    return person


def forget(settings: Settings, person: Person) -> dict[str, int]:
    """Erase a person from every schema, and the log of the embedded server; return table -> rows that were changed.

    Raises:
        WarehouseError: the warehouse cannot be used; nothing was erased.
    """
    prepare_storage(settings)
    with connection() as (backlog, warehouse):
        changed = people.forget(warehouse.engine, person.space_key, person.user_id, backlog.mask)
    tidy_log(settings.home, erase=True)
    return changed
