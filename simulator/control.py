"""The control endpoint under `/_simulator`: gives other programs what Python tests do with a
`Simulator`.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.app import Site
from simulator.clock import stamp
from simulator.faults import Fault
from simulator.limits import PLANS
from simulator.spec import SimulatorError
from simulator.state import ACTIONS

ROOT = "/_simulator"
Action = Callable[[Any], Any]


def routes(site: Site) -> list[Route]:
    """Return the routes of the control endpoint."""
    world = site.world

    def summary(_: Any) -> Any:
        return {
            "space_key": world.spec.space_key,
            "now": stamp(int(world.clock.now())),
            "projects": {one.key: len(one.issues) for one in world.projects.values()},
            "issues": len(world.issues),
            "activities": len(world.activities),
            "faults": site.faults.pending(),
            "requests": requests(None),
            "oauth": {
                "client_id": site.keyring.client_id,
                "client_secret": site.keyring.client_secret,
            },
        }

    def requests(_: Any) -> Any:
        log = site.log
        sums = {"bucket": log.by_bucket(), "route": log.by_route(), "status": log.by_status()}
        return {"total": log.count(), "bytes": log.size, "seconds": round(log.seconds, 3), **sums}

    def forget(_: Any) -> Any:
        site.log.clear()
        return requests(None)

    def keys(_: Any) -> Any:
        return [
            {
                "id": one.id,
                "name": one.name,
                "roleType": one.role,
                "api_key": site.keyring.api_key(one.id),
            }
            for one in world.users.values()
        ]

    def add_faults(requested: Any) -> Any:
        site.faults.add(
            *(Fault(**one) for one in (requested if isinstance(requested, list) else [requested]))
        )
        return {"faults": site.faults.pending()}

    def clear_faults(_: Any) -> Any:
        site.faults.clear()
        return {"faults": 0}

    def set_clock(requested: Any) -> Any:
        if "set" in requested:
            world.clock.set(datetime.fromisoformat(requested["set"]))
        world.clock.advance(float(requested.get("advance", 0)))
        return {"now": stamp(int(world.clock.now()))}

    def set_limits(requested: Any) -> Any:
        site.limiter.limits = (
            PLANS[requested["plan"]]
            if "plan" in requested
            else replace(site.limiter.limits, **requested)
        )
        return {
            one.name: getattr(site.limiter.limits, one.name) for one in fields(site.limiter.limits)
        }

    def set_switches(requested: Any) -> Any:
        site.switch(**requested)
        return {one.name: getattr(world.switches, one.name) for one in fields(world.switches)}

    def act(requested: Any) -> Any:
        name = requested["action"]
        if name not in ACTIONS:
            message = f"no action {name}; there are {', '.join(sorted(ACTIONS))}"
            raise SimulatorError(message)
        made = getattr(world, name)(**arguments(requested.get("arguments", {})))
        rows = made if isinstance(made, list) else [made]
        return {"ids": [one.id for one in rows if hasattr(one, "id")]}

    table: list[tuple[str, str, Action]] = [
        ("GET", "/", summary),
        ("GET", "/requests", requests),
        ("DELETE", "/requests", forget),
        ("GET", "/keys", keys),
        ("POST", "/faults", add_faults),
        ("DELETE", "/faults", clear_faults),
        ("POST", "/clock", set_clock),
        ("POST", "/limits", set_limits),
        ("POST", "/switches", set_switches),
        ("POST", "/actions", act),
    ]
    return [
        Route(ROOT + path, _endpoint(site, action), methods=[method])
        for method, path, action in table
    ]


def arguments(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON arguments in the types of the actions: tuples for lists of ids, numbers for keys
    of `custom`.
    """
    given: dict[str, Any] = {
        name: tuple(value) if name.endswith("_ids") else value for name, value in sent.items()
    }
    if "custom" in given:
        given["custom"] = {
            int(key): (tuple(value[0]), value[1]) if isinstance(value, list) else value
            for key, value in given["custom"].items()
        }
    if isinstance(given.get("at"), str):
        given["at"] = datetime.fromisoformat(given["at"])
    return given


def _endpoint(site: Site, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            requested = json.loads(body) if body else {}
            with site.world.lock:
                return JSONResponse(action(requested))
        except (ValueError, KeyError, TypeError, AttributeError, SimulatorError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return endpoint
