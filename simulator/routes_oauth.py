"""OAuth 2.0: the page on which a user allows an application, and the token endpoint."""

from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from simulator.app import ROOT, Site
from simulator.auth import GrantError
from simulator.params import Params
from simulator.requests import RequestInfo

PAGE = """<!DOCTYPE html><html lang="en">
<head><meta charset="utf-8"><title>Allow access</title></head><body>
<h1>Allow access to the simulated space {space}?</h1>
<form method="post" action="/OAuth2AccessRequest.action">{hidden}
<label>as <select name="user">{users}</select></label>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form></body></html>"""
TOKEN = "/oauth2/token"  # noqa: S105 - a path
ASKED = ("client_id", "redirect_uri", "state")


def routes(site: Site) -> list[Route]:
    """Return the routes, which are outside the API."""

    async def page(request: Request) -> Response:
        query = Params.parse(request.url.query)
        known = query.text("client_id", "") == site.keyring.client_id
        if (
            query.text("response_type", "") != "code"
            or not known
            or not query.text("redirect_uri", "")
        ):
            return HTMLResponse("<h1>Unknown application or malformed request</h1>", 400)
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(query.text(name, ""))}">'
            for name in ASKED
        )
        users = "".join(
            f'<option value="{user.id}">{escape(user.name)}</option>'
            for user in site.world.users.values()
            if not user.closed
        )
        return HTMLResponse(PAGE.format(space=escape(site.world.name), hidden=hidden, users=users))

    async def decide(request: Request) -> Response:
        form = Params.parse((await request.body()).decode())
        uri, state = form.text("redirect_uri", ""), form.text("state", "")
        if form.text("client_id", "") != site.keyring.client_id or not uri:
            return HTMLResponse("<h1>Unknown application or malformed request</h1>", 400)
        answer = {"error": "access_denied"}
        if form.text("decision", "") == "allow":
            user = form.optional("user") or site.world.administrator.id
            answer = {"code": site.keyring.issue_code(user, uri)}
        joint = "&" if "?" in uri else "?"
        return RedirectResponse(
            uri + joint + urlencode(answer | ({"state": state} if state else {})), 302
        )

    def token(_request: Request, _info: RequestInfo, _query: Params, body: str) -> Response:
        try:
            return JSONResponse(
                site.keyring.grant(Params.parse(body)), headers={"Cache-Control": "no-store"}
            )
        except GrantError as error:
            status = (
                401 if str(error) == "invalid_client" else site.world.switches.grant_error_status
            )
            return JSONResponse(
                {"error": str(error), "error_description": "The grant was refused."}, status
            )

    return [
        Route("/OAuth2AccessRequest.action", page, methods=["GET"]),
        Route("/OAuth2AccessRequest.action", decide, methods=["POST"]),
        Route(f"{ROOT}{TOKEN}", site.served(TOKEN, token), methods=["POST"]),
    ]
