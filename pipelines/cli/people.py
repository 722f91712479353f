"""Commands about people in the warehouse.

Add here: a command about people. Keep out: what it does.
"""

import click

from resources.settings import Settings


@click.command()
@click.option("--user", "user_id", required=True, type=click.IntRange(min=1), metavar="ID", help="Id of the user, as in raw.users.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(user_id: int, yes: bool) -> None:
    """Erase a person from the warehouse: names, addresses and login in every schema, also in what later loads bring.

    What people have written stays, and so does what Backlog has.
    """
    settings = Settings.of_this_process()
    if not yes:
        click.confirm(f"Erase user {user_id} from the warehouse? This cannot be taken back", abort=True)
    from pipelines import forgetting

    changed = forgetting.forget(settings, user_id)
    for table, rows in sorted(changed.items()):
        click.echo(f"{table:<32}{rows:>10,} rows")
    click.echo(f"User {user_id} is forgotten: forgotten-{user_id} stands in place of names and addresses.")


PEOPLE_COMMANDS: tuple[click.Command, ...] = (forget,)
