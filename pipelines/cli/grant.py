"""What `backlog-elt grant` does: roles for other programs, and what somebody needs to connect with one."""

import os
from collections.abc import Callable, Iterator

from pipelines.hosting.environment import prepare_storage
from resources.secret import reveal
from resources.settings import Settings
from resources.variables import DAGSTER_POSTGRES_URL
from resources.warehouse import grants, owners
from resources.warehouse.connect import engine
from resources.warehouse.embedded import ensure_server
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.roles import Access, check_name


def grant_bi(settings: Settings, role: str, limits: grants.Limits) -> Access:
    """Make the role that reads marts, or bring it up to date.

    Raises:
        SettingsError: the name cannot be that of such a role.
        WarehouseError: the warehouse cannot be used, or its user may not make roles.
    """
    check_name(role)
    prepare_storage(settings)
    warehouse = WarehouseResource(url=reveal(settings.warehouse_url), home=str(settings.home))
    try:
        return grants.grant_bi(warehouse.engine, role, reveal(settings.bi_password) or None, limits)
    finally:
        warehouse.close()


def grant_loader(settings: Settings, role: str) -> Access:
    """Make the role that loads the warehouse, or bring it up to date; raises as `grant_bi`."""
    check_name(role)
    prepare_storage(settings)
    # Not migrated: what the administrator makes would have to change hands.
    return _granted(reveal(settings.warehouse_url) or ensure_server(settings.home).url(), role, owners.grant_loader)


def grant_dagster(settings: Settings, role: str) -> Access:
    """Make the role of Dagster's storage, or bring it up to date; raises as `grant_bi`."""
    check_name(role)
    prepare_storage(settings)
    return _granted(os.environ[DAGSTER_POSTGRES_URL], role, owners.grant_dagster)


def _granted(url: str, role: str, grant: Callable[..., Access]) -> Access:
    made = engine(url)
    try:
        return grant(made, role)
    finally:
        made.dispose()


def shown(access: Access) -> str:
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
        "schema": ", ".join(access.schemas),
        "url": access.url,
    }
    return "\n".join(f"{name:<10}{value}" for name, value in lines.items())


def warnings(access: Access) -> Iterator[str]:
    """Yield a line for each right that the role has because everybody has it, and that is not the loader's to take."""
    for right in access.too_much:
        yield f"{access.role} has {right}, as everybody: an administrator can take it away by REVOKE {right} FROM PUBLIC"
