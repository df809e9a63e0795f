import gzip
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx2
import pydantic
import pytest

from tests.sources.contract import NOW, WALL, Clock
from workers import errors
from workers.budget import Rate
from workers.http import Http, HttpClient, Limits

ADDRESS = "https://example.org/posts?key=secret"
NUMBERS = pydantic.TypeAdapter(list[int])


class Host:
    """A host that gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer, or fail as told."""
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def http(
    answer: Callable[[httpx2.Request], httpx2.Response],
    *,
    clock: Clock | None = None,
    limits: Limits | None = None,
    rate: Rate | None = None,
) -> Http:
    """Return a run's way out to `answer`."""
    clock = clock or Clock()
    client = HttpClient(
        version="1.2",
        contact="https://example.net/contact",
        transport=httpx2.MockTransport(answer),
        limits=limits,
        now=clock,
        sleep=clock.sleep,
    )
    return client.run(budget_key="example.org", rate=rate)


def ok(**headers: str) -> httpx2.Response:
    """Build an answer that succeeds."""
    return httpx2.Response(200, text="[1]", headers=headers)


async def test_says_who_asks() -> None:
    """The version and whom to write to, and only compressions that can be undone."""
    host = Host(ok())

    await http(host).get(ADDRESS)

    headers = host.requests[0].headers
    assert headers["user-agent"] == "Sluice/1.2 (+https://example.net/contact)"
    assert headers["accept-encoding"] == "gzip, deflate"


async def test_no_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Keys travel in queries."""
    with caplog.at_level(logging.DEBUG):
        await http(Host(ok())).get(ADDRESS)

    assert "secret" not in caplog.text


async def test_no_cookie_is_kept() -> None:
    """One run's session is not another's."""
    host = Host(ok(**{"set-cookie": "a=b; Path=/"}), ok())
    run = http(host)

    await run.get(ADDRESS)
    await run.get(ADDRESS)

    assert "cookie" not in host.requests[1].headers


async def test_trouble_of_the_moment_is_tried_again() -> None:
    """Two more times, with pauses that the receipt counts."""
    host = Host(httpx2.Response(502), httpx2.ConnectError("reset"), ok())
    run = http(host)

    reply = await run.get(ADDRESS)

    assert reply.content == b"[1]"
    assert run.calls == 3
    assert 0.7 < run.waited_seconds < 1.6


async def test_lasting_trouble_is_unavailable() -> None:
    """After three calls, with the address and without its query."""
    host = Host(httpx2.Response(503))

    with pytest.raises(errors.SourceUnavailable) as caught:
        await http(host).get(ADDRESS)

    assert len(host.requests) == 3
    assert caught.value.address == "https://example.org/posts"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "calls", "words"),
    [
        (httpx2.ConnectError("refused"), 3, "could not be reached"),
        (httpx2.ReadError("reset"), 3, "broke the connection off"),
        (httpx2.RemoteProtocolError("eh"), 3, "does not speak HTTP"),
        (httpx2.ReadTimeout("slow"), 1, "in time"),
    ],
)
async def test_failures_of_the_connection_are_named(
    failure: Exception, calls: int, words: str
) -> None:
    """Tried again where that often helps; a timeout has held the slot long enough."""
    host = Host(failure)

    with pytest.raises(errors.SourceUnavailable, match=words):
        await http(host).get(ADDRESS)

    assert len(host.requests) == calls


async def test_a_wrong_certificate_is_named_at_once() -> None:
    """No second try makes it right."""
    failure = httpx2.ConnectError("tls")
    failure.__cause__ = ssl.SSLCertVerificationError("expired")
    host = Host(failure)

    with pytest.raises(errors.SourceUnavailable, match="certificate"):
        await http(host).get(ADDRESS)

    assert len(host.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_short_pause_is_waited_for(status: int) -> None:
    """Up to five seconds happen inside the call."""
    run = http(Host(httpx2.Response(status, headers={"retry-after": "4"}), ok()))

    await run.get(ADDRESS)

    assert run.waited_seconds == pytest.approx(4)


async def test_a_long_pause_gives_the_slot_back() -> None:
    """The error says when to come back, and nobody calls the host before."""
    clock = Clock()
    host = Host(httpx2.Response(429, headers={"retry-after": "90"}), ok())
    run = http(host, clock=clock, rate=Rate(calls=60, seconds=60))

    with pytest.raises(errors.SourceRateLimited) as refused:
        await run.get(ADDRESS)
    with pytest.raises(errors.SourceRateLimited) as held:
        await run.get(ADDRESS)
    await clock.sleep(91)
    await run.get(ADDRESS)

    assert refused.value.retry_at == held.value.retry_at == NOW + timedelta(seconds=90)
    assert len(host.requests) == 2


async def test_pauses_of_one_call_add_up_to_five_seconds() -> None:
    """A host that says 4 seconds again and again does not hold the slot."""
    run = http(Host(httpx2.Response(429, headers={"retry-after": "4"})))

    with pytest.raises(errors.SourceRateLimited):
        await run.get(ADDRESS)

    assert run.waited_seconds <= 5


async def test_a_refusal_without_a_time_waits_a_minute() -> None:
    """Somebody has to say when."""
    with pytest.raises(errors.SourceRateLimited) as caught:
        await http(Host(httpx2.Response(429))).get(ADDRESS)

    assert caught.value.retry_at == NOW + timedelta(minutes=1)
    assert not caught.value.counts_as_failure


async def test_a_spent_budget_is_learned_before_the_refusal() -> None:
    """The last granted call says so."""
    host = Host(ok(**{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"}))
    run = http(host, rate=Rate(calls=60, seconds=60))
    await run.get(ADDRESS)

    with pytest.raises(errors.SourceRateLimited):
        await run.get(ADDRESS)

    assert len(host.requests) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx2.Response(401), errors.SourceAuthRequired),
        (httpx2.Response(403, json={"error": "private"}), errors.SourcePrivate),
        (httpx2.Response(403, html=WALL), errors.SourceBlocked),
        (httpx2.Response(404), errors.SourceNotFound),
        (httpx2.Response(410), errors.SourceNotFound),
        (httpx2.Response(451), errors.SourcePrivate),
        (httpx2.Response(400), errors.SourceBadReply),
        (httpx2.Response(302), errors.SourceBadReply),
        (httpx2.Response(304), errors.SourceBadReply),
    ],
)
async def test_a_refusal_is_named(reply: httpx2.Response, kind: type[errors.SourceError]) -> None:
    """By what it means, with the status, and without a second call."""
    host = Host(reply)

    with pytest.raises(kind) as caught:
        await http(host).get(ADDRESS)

    assert caught.value.status == reply.status_code
    assert len(host.requests) == 1


async def test_a_source_may_look_at_a_status_itself() -> None:
    """Some platforms say with 400 what others say with 429."""
    reply = await http(Host(httpx2.Response(400, text="why"))).get(ADDRESS, statuses={400})

    assert (reply.status, reply.content) == (400, b"why")


async def test_redirects_are_followed_without_credentials() -> None:
    """Another host gets what any host may see."""
    host = Host(httpx2.Response(302, headers={"location": "https://other.example/x"}), ok())
    run = http(host)

    reply = await run.get(
        ADDRESS, headers={"authorization": "Bearer t", "x-api-key": "k", "accept": "text/plain"}
    )

    first, second = host.requests
    assert first.headers["authorization"] == "Bearer t"
    assert not {"authorization", "x-api-key"} & second.headers.keys()
    assert (second.headers["accept"], second.headers["host"]) == ("text/plain", "other.example")
    assert reply.url == "https://other.example/x"
    assert run.calls == 2


async def test_redirects_on_the_same_host_keep_credentials() -> None:
    """They were meant for it."""
    host = Host(httpx2.Response(307, headers={"location": "/x"}), ok())

    await http(host).get(ADDRESS, headers={"authorization": "Bearer t"})

    assert host.requests[1].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("http://127.0.0.1/", errors.AddressRefused),
        ("http://[::1]/", errors.AddressRefused),
        ("http://169.254.169.254/latest/", errors.AddressRefused),
        ("file:///etc/hostname", errors.AddressRefused),
        ("http://example.org/", errors.AddressRefused),
        ("https://user:secret@example.org/", errors.AddressRefused),
        ("https://[", errors.SourceBadReply),
        ("https://example.org/posts", errors.SourceBadReply),
    ],
)
async def test_redirects_pass_the_guard(location: str, kind: type[errors.SourceError]) -> None:
    """No private address, no other scheme, no plain text for a credential, and no circle."""
    host = Host(httpx2.Response(302, headers={"location": location}))

    with pytest.raises(kind):
        await http(host).get(ADDRESS, headers={"authorization": "Bearer t"})

    assert len(host.requests) <= 6


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://\0/",
    ],
)
async def test_wrong_addresses_are_refused(address: str) -> None:
    """Before anything is sent."""
    host = Host(ok())

    with pytest.raises(errors.AddressRefused):
        await http(host).get(address)

    assert host.requests == []


async def test_large_answers_are_cut_while_they_arrive() -> None:
    """No more is read than is allowed, also of what was compressed a thousandfold."""
    sent = 0

    class Zeros(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(100):
                sent += 1
                yield gzip.compress(bytes(1_000_000))

    limits = Limits(max_bytes=100_000)
    plain = Host(httpx2.Response(200, content=bytes(100_001)))
    bomb = Host(httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=Zeros()))

    with pytest.raises(errors.ReplyTooLarge) as caught:
        await http(plain, limits=limits).get(ADDRESS)
    with pytest.raises(errors.ReplyTooLarge):
        await http(bomb, limits=limits).get(ADDRESS)

    assert sent == 1
    assert not caught.value.retryable


@pytest.mark.parametrize(("coding", "content"), [("br", b"x"), ("gzip", b"no gzip")])
async def test_unreadable_compression_is_a_bad_reply(coding: str, content: bytes) -> None:
    """What was not asked for, or is damaged, is not passed on as if it were text."""

    class Once(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield content

    host = Host(httpx2.Response(200, headers={"content-encoding": coding}, stream=Once()))

    with pytest.raises(errors.SourceBadReply):
        await http(host).get(ADDRESS)


@pytest.mark.parametrize("size", [10, 100_000])
async def test_json_is_read_by_its_shape(size: int) -> None:
    """Small on the loop, large off it."""
    host = Host(httpx2.Response(200, json=list(range(size))))

    reply = await http(host).get(ADDRESS)

    assert await reply.parse(NUMBERS) == list(range(size))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('["x"]', errors.SourceBadReply),
        ("", errors.SourceBadReply),
        ("[" * 100_000, errors.SourceBadReply),
        (WALL, errors.SourceBlocked),
    ],
)
async def test_other_shapes_are_errors(content: str, kind: type[errors.SourceError]) -> None:
    """With the first 500 bytes, to see what came."""
    reply = await http(Host(httpx2.Response(200, text=content))).get(ADDRESS)

    with pytest.raises(kind) as caught:
        await reply.parse(NUMBERS)

    assert caught.value.excerpt == content[:500]
    assert "secret" not in str(caught.value)


def test_a_bad_reply_is_forgiven_twice() -> None:
    """The third in a row is fatal; a wait that was asked for never is."""
    bad = errors.SourceBadReply("What came is no JSON.")
    limited = errors.SourceRateLimited("Wait.", retry_at=NOW)

    assert [bad.forgives(failures) for failures in (1, 2, 3)] == [True, True, False]
    assert limited.forgives(1000)
    assert not errors.SourceNotFound("Gone.").forgives(1)
