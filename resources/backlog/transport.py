"""Sends a request until it is answered or must be given up.

Holds: retries with back-off, request counters, one request at a time. A request waits for its rate
window in `ratelimit.py`.

No exception raised here is chained to one of httpx: those hold the request, whose URL may contain
the key.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from resources.backlog import waits
from resources.backlog.answers import parse
from resources.backlog.client_values import Params, RequestStats
from resources.backlog.errors import (
    BacklogError,
    MalformedResponse,
    RateLimited,
    TransientError,
    Unavailable,
    error_from_response,
)
from resources.backlog.logged_requests import SLOW_SECONDS, log_request
from resources.backlog.ratelimit import RateLimiter, bucket_of, retry_after
from resources.backlog.source_conditions import condition_of
from resources.backlog.waits import OnWait
from resources.bounded_http import AnswerRefusedError, AnswerTooLargeError, BoundedClient
from resources.conditions import Observer, Outcome
from resources.network import network_advice
from resources.redact import redact
from resources.variables import URL

FIRST_CONTACT_ATTEMPTS = 5  # about eight seconds: an unreachable host is mostly a wrong BACKLOG_URL
NETWORK_BUDGET = 60.0  # seconds of waiting for a host that has answered before
PATIENCE = 4.0  # seconds of a failed first attempt after which it is reported like a second one
RECENT = 8  # answers whose duration is kept
_LARGER = ", or set BACKLOG_ANSWER_MEGABYTES higher if the space has such answers"
BACKOFF = wait_exponential(multiplier=0.5, max=30) + wait_random(0, 0.5)

_log = logging.getLogger(__name__)


class Transport:
    """Sends requests to `{base_url}/api/v2`, one at a time as Nulab asks, also when threads share
    it.

    Args:
        base_url: root of the space.
        auth: signs requests.
        http: sends them.
        limiter: the rate limits.
        sleep: waits some seconds before a request is sent again.
        on_wait: `on_wait(bucket, seconds, until)` is called before each wait for a rate window,
            unless the thread has `Waits` of its own; `until` is by the server's clock.
        observe: gets what requests show about the source: at the end of each request, and while one
            is retried, unless the first retry succeeds.
        max_wait: seconds that all waits between the retries of a request may take.
        slow: seconds after which a request is logged as a warning.
    """

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth,
        http: BoundedClient | httpx.Client,
        *,
        limiter: RateLimiter,
        sleep: Callable[[float], None] = waits.sleep,
        on_wait: OnWait | None = None,
        observe: Observer | None = None,
        max_wait: float = 600.0,
        slow: float = SLOW_SECONDS,
    ) -> None:
        self.stats = RequestStats()
        self.limiter = limiter
        self.on_wait = on_wait
        self._root = f"{base_url}/api/v2"
        self._host = httpx.URL(base_url).netloc.decode()
        self._auth = auth
        self._http = http
        self._sleep = sleep
        self._max_wait = max_wait
        self._slow = slow
        self._observe = observe or (lambda _outcome: None)
        self._began = 0.0
        self._throttled = False
        self._answered = False
        self._took: deque[float] = deque(maxlen=RECENT)
        self._lock = threading.Lock()

    @property
    def quickest_answer(self) -> float:
        """Seconds that the fastest of the last answers took, 0 before the first."""
        return min(self._took, default=0.0)

    def send(self, method: str, path: str, params: Params) -> httpx.Response:
        """Return the 2xx answer.

        Raises:
            BacklogError: an error of errors.py; a TransientError only after all retries.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=self._pause,
            stop=self._exhausted,
            sleep=self._sleep,
            before_sleep=lambda state: self._announce(state, method, path),
            reraise=True,
        )
        with self._lock:
            self._began, self._throttled = time.monotonic(), False
            try:
                answer = retrying(self._attempt, method, path, params)
            except BacklogError as error:
                self.report(error, method, path)
                raise
            if "json" in answer.headers.get("content-type", ""):
                self._observe(Outcome(throttled=self._throttled))
            return answer

    def refusal(self, method: str, path: str, params: Params) -> BacklogError | None:
        """Return why the source does not grant a request now, None if it does; one attempt."""
        with self._lock:
            try:
                self._attempt(method, path, params)
            except BacklogError as error:
                return error
        return None

    def report(self, error: BacklogError, method: str, path: str) -> None:
        """Report what a failed request shows about the source as a whole, if anything."""
        kind = condition_of(
            error, path, others_lead=self.limiter.others_lead(bucket_of(method, path))
        )
        if kind is not None:
            self._observe(
                Outcome(
                    kind,
                    " ".join(str(error).split()),
                    time.monotonic() - self._began,
                    cause=error.cause,
                )
            )

    def _attempt(self, method: str, path: str, params: Params) -> httpx.Response:
        bucket = bucket_of(method, path)
        self.limiter.await_window(
            bucket, self._ask_limits, partial(self._tell_window, bucket), self._max_wait
        )
        answer = self._exchange(method, path, params)
        if isinstance(answer, BacklogError):
            raise answer
        self._answered = True
        by_key = "apiKey" in answer.request.url.params
        error = error_from_response(answer, f"{method} {path}", by_key=by_key)
        if isinstance(error, RateLimited):
            self.stats.rate_limited += 1
            error.retry_in = self.limiter.seconds_after_429(bucket, answer.headers)
        else:
            self.limiter.observe(bucket, answer.headers)
        if bucket in self.limiter.limits:
            self.stats.remaining[bucket] = self.limiter.limits[bucket].remaining
        if isinstance(error, Unavailable):
            error.retry_in = retry_after(answer.headers, self.limiter.now())
        if error is not None:
            raise error
        return answer

    def _tell_window(self, bucket: str, seconds: float) -> None:
        """Report a wait for the window of a bucket."""
        self._tell(bucket, seconds)
        if self.limiter.others_lead(bucket):
            said = (
                f"requests of the limit {bucket!r} wait: other programs of the same user "
                "have used more of it than this one"
            )
            self._observe(Outcome("rate_limited", said, sure=False, cause="rate_limited"))

    def _ask_limits(self) -> None:
        """Ask for the state of all buckets; a failed or malformed answer changes nothing."""
        answer = self._exchange("GET", "/rateLimit", [])
        if isinstance(answer, BacklogError):
            return
        if answer.status_code == 429:
            self.stats.rate_limited += 1
            self.limiter.seconds_after_429("read", answer.headers)
            return
        self.limiter.observe("read", answer.headers)
        try:
            self.limiter.observe_all(parse(answer.content)[0])
        except ValueError:
            self.limiter.observe_all(None)

    def _exchange(self, method: str, path: str, params: Params) -> httpx.Response | BacklogError:
        """Count and send a request. The error is returned, not raised, so that it is not chained to
        httpx's.
        """
        waits.check()
        bucket = bucket_of(method, path)
        self._count(bucket)
        began = time.monotonic()
        try:
            answer = self._http.request(
                method, self._root + path, params=tuple(params), auth=self._auth
            )
        except httpx.RequestError as error:
            self._log_request(method, path, bucket, None, time.monotonic() - began)
            reason = redact(str(error)) or type(error).__name__
            if isinstance(error, AnswerRefusedError):
                said = f"{method} {path}: {reason}; check BACKLOG_URL"
                if isinstance(error, AnswerTooLargeError):
                    return MalformedResponse(f"{said}{_LARGER}", cause="answer_too_large")
                return MalformedResponse(said)
            check = network_advice(self._root, URL, error)
            unreachable = Unavailable(
                f"{method} {path}: no answer from {self._host}: {reason}; {check}",
                cause="no_answer",
            )
            unreachable.no_connection = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            return unreachable
        for _ in answer.history:  # it was sent again, with a renewed token
            self._count(bucket)
        self._took.append(seconds := time.monotonic() - began)
        self._log_request(method, path, bucket, answer, seconds)
        return answer

    def _log_request(
        self, method: str, path: str, bucket: str, answer: httpx.Response | None, seconds: float
    ) -> None:
        """Log a request with the requests left in the bucket, by its answer."""
        remaining = answer.headers.get("X-RateLimit-Remaining") if answer is not None else None
        facts = {"bucket": bucket, "remaining": remaining, "requests": self.stats.total}
        log_request(method, path, answer, seconds, slow=self._slow, **facts)

    def _count(self, bucket: str) -> None:
        self.stats.requests[bucket] += 1
        self.limiter.sending(bucket)

    def _pause(self, state: RetryCallState) -> float:
        error = _failure(state)
        if isinstance(error, RateLimited):
            # After a second 429 in a row the headers were wrong or others compete: add a back-off.
            return (error.retry_in or 0.0) + (BACKOFF(state) if state.attempt_number > 1 else 0.0)
        return max(error.retry_in or 0.0, BACKOFF(state))

    def _exhausted(self, state: RetryCallState) -> bool:
        error = _failure(state)
        waited = state.idle_for + state.upcoming_sleep
        if error.cause == "no_answer" and not self._answered:
            over = state.attempt_number >= FIRST_CONTACT_ATTEMPTS
        elif error.cause == "no_answer":
            over = waited > min(NETWORK_BUDGET, self._max_wait)
        else:
            over = waited > self._max_wait
        if over:
            error.attempts = state.attempt_number
        return over

    def _announce(self, state: RetryCallState, method: str, path: str) -> None:
        error = _failure(state)
        self.stats.retries += 1
        if isinstance(error, RateLimited):
            self._tell(bucket_of(method, path), state.upcoming_sleep)
        if (
            isinstance(error, RateLimited)
            or state.attempt_number > 1
            or time.monotonic() - self._began > PATIENCE
        ):
            self.report(error, method, path)
        _log.warning(
            "attempt %d failed, next in %.1f s: %s",
            state.attempt_number,
            state.upcoming_sleep,
            error,
        )

    def _tell(self, bucket: str, seconds: float) -> None:
        self.stats.wait_seconds += seconds
        self._throttled = True
        mine = waits.WAITS.get()
        if (hook := mine.on_wait if mine else self.on_wait) is not None:
            hook(bucket, seconds, datetime.fromtimestamp(self.limiter.now() + seconds, UTC))


def _failure(state: RetryCallState) -> TransientError:
    """Return what the last attempt raised; tenacity asks only about errors that are retried."""
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, TransientError):
        raise TypeError(type(error))
    return error
