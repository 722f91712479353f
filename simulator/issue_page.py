"""The HTML page of an issue, to which links lead. Any browser on this machine may read it; a real
space requires a login.
"""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from simulator.app import Site
from simulator.model import Issue
from simulator.shapes import Viewer
from simulator.world import World

PAGE = """<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>[{key}] {summary}</title><style>
body {{ font: 16px/1.6 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
th {{ text-align: left; font-weight: normal; padding-right: 2rem }}
pre {{ white-space: pre-wrap; font: inherit }}
</style></head><body><main><p>{project} / {space} (simulated)</p>
<h1>{key} {summary}</h1><table>{rows}</table>
<pre>{description}</pre>{comments}</main></body></html>"""


def routes(site: Site) -> list[Route]:
    """Return the route, which is outside the API: requests are neither counted nor logged."""

    def page(request: Request) -> Response:
        with site.world.lock:
            try:
                issue = site.world.issue(request.path_params["key"])
            except KeyError:
                return _html(f"<h1>No issue {escape(request.path_params['key'])}</h1>", 404)
            return _html(_page(site.world, issue), 200)

    return [Route("/view/{key}", page, methods=["GET"])]


def _page(world: World, issue: Issue) -> str:
    shape = Viewer(world, world.administrator).issue(issue) | {
        "startDate": issue.start_date,
        "dueDate": issue.due_date,
    }
    names = (
        "issueType",
        "status",
        "priority",
        "assignee",
        "startDate",
        "dueDate",
        "estimatedHours",
        "actualHours",
    )
    rows = "".join(f"<tr><th>{name}<td>{_text(shape[name])}" for name in names)
    comments = "".join(
        f"<section><h2>{_text(world.users[one.by].name)}</h2>"
        f"<pre>{_text(one.content)}</pre></section>"
        for one in issue.comments
        if one.content
    )
    return PAGE.format(
        lang=world.spec.lang,
        key=shape["issueKey"],
        summary=_text(issue.summary),
        project=_text(world.projects[issue.project_id].name),
        space=_text(world.name),
        rows=rows,
        description=_text(issue.description),
        comments=comments,
    )


def _text(value: object) -> str:
    shown = value["name"] if isinstance(value, dict) else value
    return "–" if shown is None else escape(str(shown))


def _html(page: str, status: int) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), status)
