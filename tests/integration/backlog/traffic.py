"""Several programs that send requests to one simulator in simulated time: minutes of traffic in
seconds, the same at each try.

One program runs at a time, until it sleeps; then the clock jumps to the one that wakes first.
"""

import heapq
import threading
from collections.abc import Callable, Mapping
from itertools import count

import httpx

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from simulator import Simulator

Rewrite = Callable[[Mapping[str, str], float], dict[str, str]]
#: Seconds from a request to its answer.
ROUND_TRIP = 0.1


class Traffic:
    """The programs, and the clock that they share with the simulator."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._order = count()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self._connections: list[httpx.Client] = []

    def now(self) -> float:
        """Return the time of the simulator."""
        return self.sim.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let others run until it is time."""
        mine = self._queue(seconds)
        self._hand_over()
        mine.wait()

    def add(self, program: Callable[[], None], after: float = 0.0) -> None:
        """Add a program; it starts `after` seconds from the start of all."""
        turn = self._queue(after)

        def run() -> None:
            turn.wait()
            try:
                program()
            except BaseException as error:  # shown by the test, in its own thread
                self._errors.append(error)
            finally:
                self._hand_over()

        self._threads.append(threading.Thread(target=run, daemon=True))

    def run(self) -> None:
        """Run all programs to their ends; raise what one of them raised."""
        for thread in self._threads:
            thread.start()
        self._hand_over()
        for thread in self._threads:
            thread.join(120)
        for http in self._connections:
            http.close()
        if self._errors:
            raise self._errors[0]
        assert not any(thread.is_alive() for thread in self._threads)

    def client(
        self, rewrite: Rewrite | None = None, ahead: float = 0.0, reserve: float = 0.2
    ) -> BacklogClient:
        """Make a client of ours whose clock is `ahead` seconds ahead, and whose answers' headers
        are rewritten on the way.
        """
        http = httpx.Client(transport=Line(self, rewrite))
        self._connections.append(http)
        return BacklogClient(
            self.sim.url,
            ApiKeyQuery(self.sim.api_key),
            reserve=reserve,
            http=http,
            sleep=self.sleep,
            clock=lambda: self.now() + ahead,
        )

    def greedy(self, path: str, every: float, until: float) -> None:
        """Play another program of the same user that sends on and on, whatever it is answered."""
        with httpx.Client(
            base_url=f"{self.sim.url}/api/v2", params={"apiKey": self.sim.api_key}
        ) as http:
            while self.now() < until:
                http.get(path)
                self.sleep(every)

    def left(self, bucket: str) -> int:
        """Return what the present window has left for the user."""
        state = self.sim.site.limiter.state(self.sim.space.administrator.id, self.now())
        return int(state["rateLimit"][bucket]["remaining"])

    def _queue(self, seconds: float) -> threading.Event:
        event = threading.Event()
        heapq.heappush(self._waiting, (self.now() + seconds, next(self._order), event))
        return event

    def _hand_over(self) -> None:
        if self._waiting:
            wake, _, event = heapq.heappop(self._waiting)
            self.sim.clock.advance(max(0.0, wake - self.now()))
            event.set()


class Line(httpx.BaseTransport):
    """A line on which requests and answers take their time, and a proxy may change headers."""

    def __init__(self, traffic: Traffic, rewrite: Rewrite | None) -> None:
        self._traffic = traffic
        self._rewrite = rewrite
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._traffic.sleep(ROUND_TRIP / 2)
        answer = self._inner.handle_request(request)
        answer.read()
        if self._rewrite is not None:
            answer.headers = httpx.Headers(self._rewrite(answer.headers, self._traffic.now()))
        self._traffic.sleep(ROUND_TRIP / 2)
        return answer

    def close(self) -> None:
        self._inner.close()
