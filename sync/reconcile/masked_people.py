"""People in what the verifier reads of the source: masked before it is compared or shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from resources.masking import Mask
from resources.warehouse.people.forgetting import showing


class People:
    """Masks people as stored rows are masked, and remembers the new names by which the source has
    shown who is forgotten.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._names: dict[str, int] = {}

    def masked(self, records: Sequence[Any]) -> Sequence[Any]:
        """Return records with people masked, also by the names that these records show."""
        new = self._mask.new_names(records)
        if new:
            self._mask = self._mask.knowing(new)
            self._names |= new
        return [self._mask(record) for record in records]

    def stored_names(self, engine: Engine, space_key: str) -> dict[str, int]:
        """Return table -> rows that show one of the new names, which no load has noted."""
        return showing(engine, space_key, self._mask, self._names)
