"""Give users the hash that leaves out their last login, so that the next load does not count every one of them as changed.

How a user is hashed is written down here as it is on this day: every field but `lastLoginTime`, empty the same as absent.
"""

import json
from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

from resources.warehouse.errors import WarehouseError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000
_READ = sa.text("SELECT space_key, id, payload FROM raw.users WHERE content_hash <> ''")
_WRITE = sa.text("UPDATE raw.users SET content_hash = :hash WHERE space_key = :space_key AND id = :id")

_COMMENT = sa.text(
    "COMMENT ON COLUMN raw.users.last_login_at IS "
    "'When the user last logged in, as of the last load of users; a login alone moves no loaded_at (`lastLoginTime`)'"
)


def upgrade() -> None:
    """Hash each user anew; an empty hash asks for the row to be written again, and stays."""
    connection = op.get_bind()
    connection.execute(_COMMENT)
    hashes = [
        {"space_key": space_key, "id": identifier, "hash": _hash(payload)}
        for space_key, identifier, payload in connection.execute(_READ)
    ]
    for start in range(0, len(hashes), _AT_ONCE):
        connection.execute(_WRITE, hashes[start : start + _AT_ONCE])


def _hash(payload: dict[str, object]) -> str:
    owned = {name: value for name, value in payload.items() if name != "lastLoginTime" and value is not None and value != []}
    return blake2b(json.dumps(owned, sort_keys=True).encode(), digest_size=16).hexdigest()


def downgrade() -> None:
    """Refuse: an older version writes the users once more, and loses nothing by that."""
    raise WarehouseError("The hashes of users are not taken back: an older version writes each user once more, and that is all.")
