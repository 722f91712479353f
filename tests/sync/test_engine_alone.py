"""The engine without Dagster, as docs/architecture.md shows it: it loads a whole space."""

import re
from typing import Any

from sqlalchemy import Engine

from simulator import Simulator
from tests.documents import ROOT
from tests.syncs import SMALL, Syncs


def test_the_lines_of_the_document_load_a_whole_space(
    warehouse: Engine, warehouse_url: str
) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    [lines] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert not re.search(r"\b(dagster|assets|pipelines|tests)\b", lines)
    names: dict[str, Any] = {}
    exec(lines, names)  # noqa: S102 - our own document
    with Simulator(SMALL) as sim:
        names["load"](sim.url, sim.api_key, warehouse_url)
        compared = Syncs(sim, warehouse).compare()
        assert (compared.status, list(compared.errors)) == ("equal", [])
