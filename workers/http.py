"""The one way out to platforms: a client a process, a facade a run.

`HttpClient` is opened once per event loop and shared; `HttpClient.run()` gives a run its `Http`,
which keeps to the host's budget, tries again where that helps, and counts calls and waits for
the receipt. Sources see only `Http` and `Reply`. Redirects are followed here, not by the
library, so that each hop passes the guard and takes no credential to another host.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, Self

import httpx2

from workers import errors
from workers.budget import Budget, LocalBudget, Rate
from workers.guard import Guard, GuardedTransport
from workers.pause import granted
from workers.refusal import is_curable, unavailable
from workers.reply import Reply, shown
from workers.session import Sessions

#: Headers that may follow a redirect to another host; any other may be a credential.
SAFE_HEADERS: Final = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since"})
#: What the library decompresses without further packages.
ENCODINGS: Final = frozenset({"gzip", "deflate", "identity", ""})
#: From here on a host's count of calls left is noted: more than are ever under way at once, and
#: few enough that most replies need no note.
FEW_CALLS: Final = 40
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may cost."""

    max_bytes: int = 10 * 1024 * 1024  #: After decompression.
    total_seconds: float = 30.0  #: From looking up the name to the last byte, redirects included.
    connect_seconds: float = 10.0
    read_seconds: float = 15.0  #: Between two chunks.
    redirects: int = 5
    retries: int = 2
    max_wait_seconds: float = 5.0  #: Longer waits give the run's slot back.


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class HttpClient:
    """A process's connections, behind the network guard. Belongs to one event loop.

    `transport` replaces the network, for tests; the guard then judges what can be judged without
    resolving names. Nothing of the environment is read. Cookies are not kept, since the client
    serves many runs.
    """

    def __init__(
        self,
        *,
        version: str,
        contact: str | None = None,
        allow_hosts: Collection[str] = (),
        limits: Limits | None = None,
        budget: Budget | None = None,
        guard: Guard | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.limits = limits or Limits()
        self.budget = budget or LocalBudget(clock=lambda: now().timestamp())
        self.sessions = Sessions()
        self.version = version
        self.now = now
        self.sleep = sleep
        self._guard = guard or Guard(allow_hosts=allow_hosts)
        # The library logs every address with its query, where keys travel.
        for logger in ("httpx2", "httpcore2"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        self._client = httpx2.AsyncClient(
            transport=transport or GuardedTransport(self._guard, verify=verify),
            headers={
                "user-agent": f"Sluice/{version}" + (f" (+{contact})" if contact else ""),
                "accept-encoding": "gzip, deflate",
                "accept": "*/*",
            },
            timeout=httpx2.Timeout(self.limits.read_seconds, connect=self.limits.connect_seconds),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )

    def run(self, *, budget_key: str | None = None, rate: Rate | None = None) -> "Http":
        """Return a run's facade. `budget_key` names the host and the credential."""
        return Http(self, budget_key=budget_key, rate=rate)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> httpx2.Request:
        """Build a request.

        Raises:
            AddressRefused: `url` is no address.
        """
        try:
            address = httpx2.URL(url)
            if params:
                address = address.copy_merge_params(params)
            return self._client.build_request(
                method, address, headers=headers, data=form, json=json
            )
        except (httpx2.InvalidURL, ValueError, TypeError) as error:
            written = url.partition("?")[0][:200]
            raise errors.AddressRefused(f"{written!r} is not a web address.") from error

    async def exchange(self, request: httpx2.Request, *, sent: Callable[[], None]) -> Reply:
        """Send a request, follow its redirects, and read the answer to its end.

        `sent` is called for every request that goes out.

        Raises:
            SourceError: The guard refused, the answer is too large or makes no sense, or took
                too long.
            httpx2.TransportError: The connection failed.
        """
        try:
            async with asyncio.timeout(self.limits.total_seconds):
                for _ in range(self.limits.redirects + 1):
                    self._guard.check_url(request.url, shown=shown(request.url))
                    sent()
                    response = await self._client.send(request, stream=True)
                    try:
                        if response.status_code not in REDIRECTS:
                            return await self._read(response)
                        request = self._follow(request, response)
                    finally:
                        await response.aclose()
        except TimeoutError as error:
            raise errors.SourceUnavailable(
                f"{shown(request.url)} took longer than {self.limits.total_seconds:g} seconds.",
                address=shown(request.url),
            ) from error
        raise errors.SourceBadReply(
            f"{shown(request.url)} redirects more than {self.limits.redirects} times.",
            address=shown(request.url),
        )

    async def _read(self, response: httpx2.Response) -> Reply:
        """Read an answer, giving up as soon as it is larger than allowed."""
        address = shown(response.url)
        coding = response.headers.get("content-encoding", "").lower()
        if not {part.strip() for part in coding.split(",")} <= ENCODINGS:
            raise errors.SourceBadReply(
                f"{address} answered compressed as {coding}, which was not asked for.",
                address=address,
                status=response.status_code,
            )
        content = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > self.limits.max_bytes:
                    raise errors.ReplyTooLarge(
                        f"{address} answered more than {self.limits.max_bytes} bytes.",
                        address=address,
                        status=response.status_code,
                        excerpt=bytes(content[: errors.EXCERPT_BYTES]),
                    )
        except httpx2.DecodingError as error:
            raise errors.SourceBadReply(
                f"{address} answered with damaged compression.",
                address=address,
                status=response.status_code,
            ) from error
        return Reply(
            url=str(response.url),
            status=response.status_code,
            headers=dict(response.headers),
            content=bytes(content),
        )

    def _follow(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
        """Build the request that a redirect asks for."""
        address = shown(request.url)
        location = response.headers.get("location", "")
        try:
            url = request.url.join(location)
        except (httpx2.InvalidURL, ValueError) as error:
            raise errors.SourceBadReply(
                f"{address} redirects to {location[:200]!r}, which is no address.",
                address=address,
                status=response.status_code,
            ) from error
        if not location or request.method != "GET":
            raise errors.SourceBadReply(
                f"{address} answered with a redirect that cannot be followed.",
                address=address,
                status=response.status_code,
            )
        own = self._client.headers
        given = {name: text for name, text in request.headers.items() if name not in own}
        given.pop("host", None)
        if "accept" in request.headers:
            given["accept"] = request.headers["accept"]
        if _origin(url) != _origin(request.url):
            if (
                request.url.scheme == "https"
                and url.scheme == "http"
                and (given.keys() - SAFE_HEADERS)
            ):
                raise errors.AddressRefused(
                    f"{address} redirects a call that carries a credential to plain http.",
                    address=address,
                    status=response.status_code,
                )
            given = {name: text for name, text in given.items() if name in SAFE_HEADERS}
        return self.request("GET", str(url), params=None, headers=given)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


class Http:
    """A run's way to its source. Counts the `calls` made and the `waited_seconds`.

    Used by one run at a time. Waits of a few seconds happen inside a call; longer ones are raised
    as `SourceRateLimited`, so that the run can give its slot back.
    """

    def __init__(self, client: HttpClient, *, budget_key: str | None, rate: Rate | None) -> None:
        self._client = client
        self._budget_key = budget_key
        self._rate = rate
        self._number = 0  # of the last call, as its budget counts
        self.sessions = client.sessions
        #: Sluice's, for platforms that want the User-Agent in a form of their own.
        self.version = client.version
        self.calls = 0
        self.waited_seconds = 0.0

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        statuses: Collection[int] = (),
    ) -> Reply:
        """Ask for `url`. Answers outside 2xx are raised, but for those in `statuses`.

        Raises:
            SourceError: The narrowest that fits.
        """
        request = self._client.request("GET", url, params=params, headers=headers)
        return await self._call(request, statuses)

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        statuses: Collection[int] = (),
    ) -> Reply:
        """Send a form or an object to `url`, as `get` asks. Only for calls that change nothing.

        Raises:
            SourceError: The narrowest that fits.
        """
        request = self._client.request(
            "POST", url, params=None, headers=headers, form=form, json=json
        )
        return await self._call(request, statuses)

    async def pause(self, seconds: float) -> None:
        """Wait on purpose."""
        if seconds > 0:
            self.waited_seconds += seconds
            await self._client.sleep(seconds)

    def now(self) -> datetime:
        """Tell the time, aware, UTC."""
        return self._client.now()

    async def hold(self, until: datetime) -> None:
        """Tell whoever calls the same host that it grants nothing before `until`.

        For sources whose platform refuses in its own words; statuses and headers are understood.
        """
        if self._budget_key is not None:
            await self._client.budget.hold(self._budget_key, until)

    async def _call(self, request: httpx2.Request, statuses: Collection[int]) -> Reply:
        """Send a request until it succeeds, is refused, or another try makes no sense."""
        left = self._client.limits.max_wait_seconds
        for tried in range(self._client.limits.retries + 1):
            left -= await self._take(request, left)
            curable = True
            try:
                reply = await self._client.exchange(request, sent=self._count)
                if reply.status in statuses or 200 <= reply.status < 300:  # noqa: PLR2004 - RFC 9110's success
                    await self._learn(reply)
                    return reply
                error = reply.refusal(self.now())
            except httpx2.TransportError as failure:
                error = unavailable(failure, shown(request.url))
                curable = is_curable(failure)
            if error.retry_at is not None:
                await self.hold(error.retry_at)
            wait = self._wait(error, tried)
            last = tried == self._client.limits.retries
            if last or not curable or not error.retryable or wait > left:
                raise error
            await self.pause(wait)
            left -= wait
        raise AssertionError  # the last turn returned or raised

    def _count(self) -> None:
        self.calls += 1

    async def _take(self, request: httpx2.Request, most: float) -> float:
        """Wait for the host's budget and return the seconds that it took."""
        if self._budget_key is None or self._rate is None:
            return 0.0
        reservation = await self._client.budget.reserve(
            self._budget_key, self._rate, max_wait_seconds=max(most, 0.0)
        )
        wait, self._number = reservation.wait_seconds, reservation.number
        if wait > max(most, 0.0):
            raise errors.SourceRateLimited(
                f"{request.url.host} grants no further call for now.",
                retry_at=self.now() + timedelta(seconds=wait),
                address=shown(request.url),
            )
        await self.pause(wait)
        return wait

    async def _learn(self, reply: Reply) -> None:
        """Tell whoever calls the same host how few further calls it grants."""
        left = granted(reply.headers, self.now())
        if left is not None and left[0] <= FEW_CALLS and self._budget_key is not None:
            await self._client.budget.limit(
                self._budget_key, left[0], until=left[1], number=self._number
            )

    def _wait(self, error: errors.SourceError, tried: int) -> float:
        """Return the seconds until another try makes sense."""
        if error.retry_at is not None:
            return max((error.retry_at - self.now()).total_seconds(), 0.05)
        if isinstance(error, errors.SourceUnavailable):
            # Half a second, then a second, each shortened by chance so that runs spread.
            return 0.5 * 2**tried * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, guards nothing
        return float("inf")
