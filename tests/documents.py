"""The documents as values: their headings, tables, blocks of code and links."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.ja.md"]
DOCUMENTS = sorted([*READMES, *DOCS.glob("*.md")])
#: English document -> the same in Japanese.
PAIRS = {
    path: path.with_suffix(".ja.md") for path in DOCUMENTS if path.with_suffix(".ja.md").exists()
}
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
#: Of a line of code: what is for the reader.
_COMMENT = re.compile(r"\s+(#|--) .*$|^(#|--) .*$")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """Return a document without its blocks of code."""
    return _BLOCK.sub("", text)


def code(text: str) -> str:
    """Return only what a document sets as code."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the blocks of code, each with its language, without comments."""
    found = (
        (language, [_COMMENT.sub("", line).strip() for line in body.splitlines()])
        for language, body in _BLOCK.findall(text)
    )
    return [(language, "\n".join(line for line in lines if line)) for language, lines in found]


def headings(text: str) -> list[tuple[int, str]]:
    """Return the headings, each with its level."""
    return [
        (len(marks), title)
        for marks, title in re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)
    ]


def anchors(text: str) -> set[str]:
    """Return the names by which links reach the headings, as GitHub makes them."""
    found: set[str] = set()
    for _, title in headings(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = sum(
            1 for one in found if one == anchor or re.fullmatch(rf"{re.escape(anchor)}-\d+", one)
        )
        found.add(f"{anchor}-{number}" if number else anchor)
    return found


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables: rows of cells, without the line below the head."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^ *\|.*\n?)+", prose(text), re.MULTILINE):
        rows = [
            re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in block.strip().splitlines()
        ]
        found.append(
            [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set("-: ")]
        )
    return found


def spans(text: str) -> list[str]:
    """Return what is set as code within a text."""
    return re.findall(r"`([^`]+)`", text)


def links(text: str) -> list[tuple[str, str]]:
    """Return the links to other documents of the project or within this one: path (may be empty)
    and anchor (may be empty).
    """
    found = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", prose(text))
    return [(path, anchor) for path, anchor in found if path or anchor]


#: A file or folder of the project in a span of code, with a name in it after `::`.
_PLACE = re.compile(r"((?:[\w.-]+/)+(?:[\w.-]+)?|[\w-]+\.(?:py|toml))(?:::([\w.]+))?")


def places(text: str) -> list[tuple[str, str]]:
    """Return the files that a document names in its text, each with the name in it that is meant
    (may be empty).
    """
    found = (_PLACE.fullmatch(span) for span in spans(prose(text)))
    return [
        (match[1], match[2] or "")
        for match in found
        if match and (match[2] or not match[1].startswith("/"))
    ]


def names_in(path: Path) -> set[str]:
    """Return the functions, classes, methods and variables that a module defines, methods after
    their class and a dot.
    """
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)
            }
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found
