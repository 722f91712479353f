"""People in Dagster's storage: replaces them as in the warehouse, and finds them."""

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

#: Name under which the tag of the key is stored with which Dagster's storage was last masked.
_GONE_THROUGH = "people masked"


def copies(instance: dg.DagsterInstance, key_tag: str = "") -> Copies:
    """Return where people are stored besides raw and ops: in marts, and in Dagster's storage."""
    return Copies(people_columns(), partial(replace_people, instance, key_tag))


def replace_people(instance: dg.DagsterInstance, key_tag: str, replacements: Replacements) -> None:
    """Remove rows and charts from Dagster's records, and replace people in the rest.

    Without people to replace, this is done once for each key: later records show pseudonyms.

    Raises:
        WarehouseError: Dagster's storage cannot be used; what was already replaced stays so.
    """
    url = database_url(instance)
    if url and (replacements or remembered(instance, _GONE_THROUGH) != key_tag):
        documents.change(url, DOCUMENTS, partial(without_people, replacements=replacements))
        remember(instance, _GONE_THROUGH, key_tag)


def documents_with_people(instance: dg.DagsterInstance, replacements: Replacements) -> Counter[str]:
    """Return table -> documents of Dagster's storage that show people.

    Raises:
        WarehouseError: the database of Dagster's storage cannot be used.
    """
    url = database_url(instance) if replacements else None
    found = documents.stored(url, DOCUMENTS) if url else ()
    return Counter(table for table, value in found if shows_people(value, replacements))
