"""What rows of the warehouse that are shown as JSON are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Whole = Annotated[int, Field(ge=0)]


class Model(BaseModel):
    """An object that is shown as JSON: all its fields are there, and no others."""

    model_config = ConfigDict(extra="forbid")
