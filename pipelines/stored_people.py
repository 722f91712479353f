"""People in Dagster's storage: replaced as they are in the warehouse, and looked for."""

from collections import Counter
from functools import partial

import dagster as dg

from assets.dagster_internals import (
    DOCUMENTS,
    database_url,
    remember,
    remembered,
    shows_people,
    without_people,
)
from assets.marts.people import people_columns
from resources import documents
from resources.replacements import Replacements
from resources.warehouse.people.forgetting import Copies

#: The key, by its first digits, with which Dagster's storage was last gone through.
_GONE_THROUGH = "people masked"


def copies(instance: dg.DagsterInstance, key_tag: str = "") -> Copies:
    """Return where people stand besides raw and ops: in marts, and in Dagster's storage."""
    return Copies(people_columns(), partial(replace_people, instance, key_tag))


def replace_people(instance: dg.DagsterInstance, key_tag: str, replacements: Replacements) -> None:
    """Remove rows and charts from what Dagster has recorded, and replace people in the rest.

    Where there is nobody to replace, once for each key: what was recorded since shows pseudonyms.

    Raises:
        WarehouseError: Dagster's storage cannot be used; what was replaced before stays so.
    """
    url = database_url(instance)
    if url and (replacements or remembered(instance, _GONE_THROUGH) != key_tag):
        documents.change(url, DOCUMENTS, partial(without_people, replacements=replacements))
        remember(instance, _GONE_THROUGH, key_tag)


def documents_with_people(instance: dg.DagsterInstance, replacements: Replacements) -> Counter[str]:
    """Count the documents of Dagster's storage that show people; return table -> documents.

    Raises:
        WarehouseError: the database of Dagster's storage cannot be used.
    """
    url = database_url(instance) if replacements else None
    found = documents.stored(url, DOCUMENTS) if url else ()
    return Counter(table for table, value in found if shows_people(value, replacements))
