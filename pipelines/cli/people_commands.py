"""Commands about people in the warehouse."""

import click

from pipelines.cli.group import examples
from pipelines.cli.options import Number
from resources.settings import Settings


@click.command(epilog=examples("backlog-elt forget --user 1073741825", "backlog-elt forget --user 1073741825 --yes"))
@click.option("--user", "user_id", required=True, type=Number(1), metavar="ID", help="Id of the user, as in raw.users.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(user_id: int, yes: bool) -> None:
    """Erase a person from the warehouse, and keep it so.

    Names, addresses and login in every schema, also in what later loads bring. It shows who it is, and asks. What people have
    written stays, and so does what Backlog has. Once more, it erases what is told of the person since.
    """
    settings = Settings.of_this_process()
    from pipelines.cli import forget as forgetting

    person = forgetting.look_up(settings, user_id)
    if not yes and not person.forgotten_at:
        click.confirm(f"Erase {person} from the warehouse of {person.space_key}? This cannot be taken back", abort=True)
    changed = forgetting.forget(settings, person)
    for table, rows in sorted(changed.items()):
        click.echo(f"{table:<32}{rows:>10,} rows")
    if person.forgotten_at and not changed:
        click.echo(f"User {user_id} was forgotten already, on {person.forgotten_at:%Y-%m-%d}: nothing was changed.")
        return
    click.echo(f"User {user_id} is forgotten: forgotten-{user_id} stands in place of names and addresses.")


PEOPLE_COMMANDS: tuple[click.Command, ...] = (forget,)
