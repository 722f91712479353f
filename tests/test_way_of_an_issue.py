"""The page about the architecture shows the way of an issue as it is: the arrows of its picture are
imports, and its files are as long as it says.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path

from tests.documents import DOCS, ROOT, tables

PAGE = (DOCS / "architecture.md").read_text()
_, _, WAY = PAGE.partition("## The way of an issue\n")
NODE = re.compile(r'(\w+)(?:\["([^"]+)"\])?')


def arrows() -> list[tuple[str, str]]:
    """Return the arrows of the picture, each as two files."""
    picture = WAY.split("```")[1]
    files = {name: path for name, path in NODE.findall(picture) if path}
    chains = [line.split("-->") for line in picture.splitlines() if "-->" in line]
    named = [[NODE.fullmatch(node.strip()) for node in chain] for chain in chains]
    return [
        (files[one[1]], files[other[1]])
        for chain in named
        for one, other in pairwise(chain)
        if one and other
    ]


def imported(path: Path) -> set[str]:
    """Return the files of the product that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return {name.replace(".", "/") + ".py" for name in names}


def test_an_arrow_of_the_picture_is_an_import() -> None:
    found = arrows()
    assert len(found) > 10
    assert [(one, other) for one, other in found if other not in imported(ROOT / one)] == []


def test_the_files_to_read_are_in_the_picture_and_as_long_as_it_says() -> None:
    _, _, reading = WAY.partition("### What to read\n")
    shown = {file for arrow in arrows() for file in arrow}
    for file, lines, _ in tables(reading)[0][1:]:
        path = file.strip("`")
        assert path in shown
        assert abs(len((ROOT / path).read_text().splitlines()) - int(lines)) <= 0.1 * int(lines), (
            f"{path} is named with {lines} lines"
        )
