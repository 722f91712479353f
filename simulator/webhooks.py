"""Delivery of webhooks: unsigned POSTs in the shape of activities, in the way that a
switch sets.
"""

import queue
import threading
import time

import httpx

from simulator.model import Activity, Webhook
from simulator.shapes import Viewer
from simulator.shapes_history import activity
from simulator.shapes_masters import Json
from simulator.world import World

ATTEMPTS = 3
PAUSE_SECONDS = 0.05
PAIR_SECONDS = 0.5
TIMEOUT_SECONDS = 5
Delivery = tuple[str, Json]


class Deliveries:
    """Sends activities to the webhooks of their projects, from a thread that starts with the first
    one.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        world.activity_listeners.append(self._happened)

    def stop(self) -> None:
        """Send what is queued, then end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _happened(self, one: Activity) -> None:
        for hook in self.world.projects[one.project_id].webhooks.values():
            if hook.all_events or one.type in hook.types:
                self._queue.put((hook.url, self._body(hook, one)))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, daemon=True)
                    self._thread.start()

    def _body(self, hook: Webhook, one: Activity) -> Json:
        """Return the activity as webhooks get it: without login and mail address of users."""
        owner = self.world.users[hook.created_by]
        body = activity(Viewer(self.world, owner), one)
        body["createdUser"] |= {"userId": None, "mailAddress": None}
        return body

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while (delivery := self._queue.get()) is not None:
                mode = self.world.switches.webhook_delivery
                later = self._next() if mode == "reorder" else None
                for url, body in [one for one in (later, delivery) if one is not None]:
                    for _ in range(2 if mode == "duplicate" else 1):
                        self._post(client, url, body, ATTEMPTS if mode == "retry" else 1)

    def _next(self) -> Delivery | None:
        """Return the delivery to send first, if one comes soon."""
        try:
            found = self._queue.get(timeout=PAIR_SECONDS)
        except queue.Empty:
            return None
        if found is None:
            self._queue.put(None)
        return found

    @staticmethod
    def _post(client: httpx.Client, url: str, body: Json, attempts: int) -> None:
        for _ in range(attempts):
            try:
                if client.post(url, json=body).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(PAUSE_SECONDS)
