"""The page: static files of this package, held in memory, the names of the tables, and the texts
of the causes of failures; all else that they show comes from the API.
"""

import json
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from resources.problems.causes import BEFORE_CODES, CAUSES
from resources.problems.names import LANGUAGES
from resources.warehouse.raw.schema import SPECS
from service.cache import answer, tagged
from service.openapi import OPEN, TAG, UNCHANGED, errors, takes, text_answer
from service.routes import PlainRoute

STATIC = Path(__file__).parent / "static"
_SCRIPT = "text/javascript; charset=utf-8"
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    **{
        f"/static/{name}.css": (f"{name}.css", "text/css; charset=utf-8")
        for name in ("page", "parts")
    },
    **{
        f"/static/{file.name}": (file.name, "text/javascript; charset=utf-8")
        for file in STATIC.glob("*.js")
    },
    "/static/icon.svg": ("icon.svg", "image/svg+xml"),
}


def page_router() -> APIRouter:
    """Return the addresses of the page and its files."""
    files = APIRouter(tags=["service"], route_class=PlainRoute)
    for path, (name, kind) in FILES.items():
        _add(files, path, (STATIC / name).read_bytes(), kind)
    _add(files, "/static/tables.js", table_labels().encode(), _SCRIPT)
    _add(files, "/static/causes.js", cause_texts().encode(), _SCRIPT)
    return files


def table_labels() -> str:
    """Return the names of the tables in both languages, as they are declared, as a script."""
    english, japanese = (
        {name: spec.label[place] for name, spec in SPECS.items()} for place in (0, 1)
    )
    labels = json.dumps({"en": english, "ja": japanese}, ensure_ascii=False)
    return f"export const TABLES = {labels};\n"


def cause_texts() -> str:
    """Return what the causes of failures are called in both languages, by their code, as a script;
    an empty code is that of failures recorded without one.
    """
    texts = {
        code: {language: cause.text(language) for language in LANGUAGES}
        for code, cause in {**CAUSES, "": BEFORE_CODES}.items()
    }
    return f"export const CAUSES = {json.dumps(texts, ensure_ascii=False)};\n"


def _add(files: APIRouter, path: str, content: bytes, kind: str) -> None:
    body = tagged(content)

    @files.get(
        path,
        include_in_schema=path == "/",
        response_class=Response,
        responses=text_answer("text/html") | UNCHANGED | errors(),
        openapi_extra=OPEN | takes(TAG),
    )
    async def page(request: Request) -> Response:
        """The page."""
        return answer(request, body, kind, "no-cache")
