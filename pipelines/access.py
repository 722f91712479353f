"""What `backlog-elt grant` does: roles for other programs, and what somebody needs to connect with one.

Add here: another kind of role that is granted by a command. Keep out: SQL (`resources/warehouse/grants.py`).
"""

from collections.abc import Iterator

from pipelines.environment import prepare_storage
from resources.settings import Settings
from resources.warehouse import grants
from resources.warehouse.resource import WarehouseResource


def grant_bi(settings: Settings, role: str) -> grants.Access:
    """Make the role that reads marts, or bring it up to date.

    Raises:
        SettingsError: the name cannot be that of such a role.
        WarehouseError: the warehouse cannot be used, or its user may not make roles.
    """
    grants.check_name(role)
    prepare_storage(settings)
    warehouse = WarehouseResource(url=settings.warehouse_url or "", home=str(settings.home))
    try:
        return grants.grant_bi(warehouse.engine, role, settings.bi_password)
    finally:
        warehouse.close()


def shown(access: grants.Access) -> str:
    """Return the settings of a connection, one a line; the only place where a new password is ever seen."""
    if access.new_password:
        password = f"{access.new_password} (shown this once)"
    else:
        password = "the one of BACKLOG_BI_PASSWORD" if access.password_set else "as before"
    lines = {
        "role": f"{access.role} ({'made' if access.created else 'brought up to date'})",
        "password": password,
        "host": access.host,
        "port": access.port,
        "database": access.database,
        "schema": grants.MART,
        "url": access.url,
    }
    return "\n".join(f"{name:<10}{value}" for name, value in lines.items())


def warnings(access: grants.Access) -> Iterator[str]:
    """Yield a line for each right that the role has because everybody has it, and that is not the loader's to take."""
    for right in access.too_much:
        yield f"{access.role} has {right}, as everybody: an administrator can take it away by REVOKE {right} FROM PUBLIC"
