"""`backlog-elt forget`: erases a person from the warehouse, also from later loads."""

from typing import TYPE_CHECKING

import click

from pipelines.cli.group import examples, show
from pipelines.cli.options import Number
from resources.redact import plain_line
from resources.settings import Settings
from resources.variables import SettingsError

if TYPE_CHECKING:
    from resources.warehouse.people.forgetting import Person


@click.command(
    "forget",
    epilog=examples(
        "backlog-elt forget --user 1073741825", "backlog-elt forget --user 1073741825 --yes"
    ),
)
@click.option(
    "--user",
    "user_id",
    required=True,
    type=Number(1),
    metavar="ID",
    help="Id of the user, as in raw.users.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_command(user_id: int, yes: bool) -> None:
    """Erase a person from the warehouse, and keep it so.

    Names, addresses and login in every schema, in Dagster's storage, and in what later loads bring.
    It shows who it is, and asks. What people have written stays, and so does what Backlog has.
    Charts of the Dagster UI go until the next build of the marts. Run it again to erase what has
    become known of the person since.
    """
    settings = Settings.of_this_process()
    person = look_up(settings, user_id)
    if not yes and not person.forgotten_at:
        question = f"Erase {person} from the warehouse of {person.space_key}? This cannot be undone"
        click.confirm(plain_line(question), abort=True)
    changed = erase(settings, person)
    for table, rows in sorted(changed.items()):
        show(f"{table:<32}{rows:>10,} rows")
    if person.forgotten_at and not changed:
        show(
            f"User {user_id} was forgotten already, on {person.forgotten_at:%Y-%m-%d}: "
            "nothing was changed."
        )
        return
    show(f"User {user_id} is forgotten: forgotten-{user_id} replaces names and addresses.")


def look_up(settings: Settings, user_id: int) -> "Person":
    """Return a user as known to the warehouse.

    Raises:
        SettingsError: the warehouse never had a user of this id.
        BacklogError: the warehouse holds several spaces, and the source does not say which one is
            meant.
        WarehouseError: the warehouse cannot be used.
    """
    from pipelines.cli.in_process import connection
    from pipelines.hosting.environment import prepare_storage, source
    from resources.warehouse.people import forgetting
    from resources.warehouse.state.known_spaces import known_spaces

    prepare_storage(settings)
    with connection() as (_, warehouse):
        known = known_spaces(warehouse.engine)
        if len(known) == 1:
            [space_key] = known
        else:
            with source(settings), connection() as (asked, _):
                space_key = str(asked.client.space_info()["spaceKey"])
        person = forgetting.person(warehouse.engine, space_key, user_id)
    if person is None:
        raise SettingsError(
            "--user", str(user_id), f"the id of a user of {space_key}, as raw.users has it"
        )
    return person


def erase(settings: Settings, person: "Person") -> dict[str, int]:
    """Erase a person from every schema, from Dagster's storage and from the logs of the home.

    Return table of the warehouse -> changed rows.

    Raises:
        WarehouseError: the warehouse or Dagster's storage cannot be used; nothing was erased.
    """
    import pipelines.hosting.storage  # noqa: F401 - the instance needs it
    from pipelines.cli.in_process import connection
    from pipelines.hosting.environment import open_instance, prepare_storage
    from pipelines.hosting.log_file import erase_logs
    from pipelines.stored_people import copies
    from resources.warehouse.people import forgetting

    prepare_storage(settings)
    with connection() as (backlog, warehouse), open_instance() as instance:
        changed = forgetting.forget(
            warehouse.engine, person.space_key, person.user_id, backlog.mask, copies(instance)
        )
    erase_logs(settings.home)
    return changed
