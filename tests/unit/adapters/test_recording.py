"""The flight recorder: all that passed and no key, whatever the disk does; and read back."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.recorded import (
    RecordedConnector,
    RecordedTransport,
    read_recording,
)
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.adapters.websocket import MemoryConnection, MemoryConnector
from btcturk_kit.errors import (
    BtcturkKitError,
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    TransportError,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.recording import Failed, FrameReceived, Responded, Started

LOGIN = '[114,{"type":114,"publicKey":"KEY","timestamp":1,"nonce":3000,"signature":"SIGN"}]'
SLOW = RateLimited(status=429, reason="TOO_MANY_REQUESTS", retry_after_s=9)


def asked(target: str, body: bytes = b"", stamp: str = "1") -> HttpRequest:
    """Return a signed request."""
    headers = (("x-pck", "KEY"), ("x-stamp", stamp), ("x-signature", "SIGN"))
    return HttpRequest("POST" if body else "GET", "https://a.example", target, headers, body)


def network(request: HttpRequest) -> HttpResponse:
    """Answer with the target, or fail as it says."""
    if request.target == "/lost":
        raise OutcomeUnknown("GET /lost has no whole answer")
    if request.target == "/down":
        raise TransportError("GET /down was not sent")
    if request.target == "/canceled":
        raise asyncio.CancelledError
    body = b"\xff\x00" if request.target == "/binary" else request.target.encode() + request.body
    return HttpResponse(200, {"date": "today", "set-cookie": "COOKIE"}, body)


TARGETS = ("/a?x=1", "/binary", "/lost", "/down", "/canceled", "/a?x=1")


async def outcomes_of(transport: object, *, stamp: str) -> list[object]:
    """Send the same requests and return what became of each."""
    outcomes: list[object] = []
    for target in TARGETS:
        try:
            response = await transport.send(asked(target, stamp=stamp), timeout_s=1)  # type: ignore[attr-defined] # a transport
            outcomes.append((response.status, response.headers["date"], response.body))
        except BtcturkKitError as error:
            outcomes.append((type(error), error.message))
        except asyncio.CancelledError:
            outcomes.append("canceled")
    posted = await transport.send(asked("/order", b'{"q":"1"}', stamp), timeout_s=1)  # type: ignore[attr-defined] # as above
    return [*outcomes, posted.body]


async def streamed(connector: object, *, frame: str = '[151,{"join":true}]') -> list[str]:
    """Use two connections, of which the first is refused, and return what was received."""
    texts = []
    with pytest.raises(RateLimited) as refused:
        await connector.connect("wss://a.example", timeout_s=1)  # type: ignore[attr-defined] # a connector
    texts.append(str(refused.value.retry_after_s))
    connection = await connector.connect("wss://a.example", timeout_s=1)  # type: ignore[attr-defined] # as above
    texts.append(await connection.receive())
    await connection.send(LOGIN)
    await connection.send(frame)
    texts.append(await connection.receive())
    with pytest.raises(TransportError) as ended:
        await connection.receive()
    texts.append(ended.value.message)
    await connection.aclose()
    return texts


def prepared() -> MemoryConnector:
    """Return the other side of `streamed`."""
    connection = MemoryConnection(['[991,{"type":991}]', '[114,{"ok":true}]'])
    original = connection.send

    async def send(text: str) -> None:
        await original(text)
        if len(connection.sent) == 2:
            connection.end("gone")

    connection.send = send  # type: ignore[method-assign] # the other side hangs up after the second
    return MemoryConnector([SLOW, connection])


async def recorded(path: Path, **options: int) -> tuple[list[object], list[str]]:
    """Record requests and a stream."""
    clock = SimulatedClock(1_000)
    recorder = FlightRecorder(path, clock=clock, **options)
    transport = recorder.transport(MemoryTransport(network))
    outcomes = await outcomes_of(transport, stamp="1")
    await clock.sleep_until_ms(5_000)
    texts = await streamed(recorder.connector(prepared()))
    await transport.aclose()
    recorder.close()
    assert recorder.state == "closed"
    return outcomes, texts


@pytest.mark.parametrize("name", ["flight.jsonl", "flight.jsonl.gz"])
def test_a_recording_answers_as_the_network_did(tmp_path: Path, name: str) -> None:
    """The same requests, with other stamps, and the same stream get the same again."""
    path = tmp_path / name
    outcomes, texts = asyncio.run(recorded(path))
    entries = list(read_recording(path))

    async def replay() -> tuple[list[object], list[str], int]:
        transport = RecordedTransport(entries)
        again = await outcomes_of(transport, stamp="77")
        await transport.aclose()
        connector = RecordedConnector(entries)
        received = await streamed(connector)
        assert connector.opened[0].differences == []
        assert connector.opened[0].at_ms == 5_000
        return again, received, transport.at_ms

    again, received, at_ms = asyncio.run(replay())
    index = outcomes.index("canceled")
    expected = (OutcomeUnknown, "it was not answered in the recording: CancelledError")
    assert again == [*outcomes[:index], expected, *outcomes[index + 1 :]]
    assert received == texts
    assert at_ms == 1_000


@pytest.mark.parametrize("name", ["flight.jsonl", "flight.jsonl.gz"])
def test_no_key_is_in_the_file_and_nobody_else_reads_it(tmp_path: Path, name: str) -> None:
    """Key, signature and cookie are hidden; the stamp and the rest of the login are there."""
    path = tmp_path / name
    asyncio.run(recorded(path))
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if name.endswith("gz") else raw).decode()
    assert [word for word in ("KEY", "SIGN", "COOKIE") if word in text] == []
    assert json.dumps(["x-stamp", "1"], separators=(",", ":")) in text
    assert r"\"nonce\":3000" in text
    assert path.stat().st_mode & 0o077 == 0


def test_a_recording_knows_how_it_ends(tmp_path: Path) -> None:
    """Closed is whole, a killed process leaves it open, half a line is torn and left out."""
    path = tmp_path / "flight.jsonl"
    asyncio.run(recorded(path))
    recording = read_recording(path)
    assert recording.ending is None
    count = len(list(recording))
    assert recording.ending == "whole"
    whole = path.read_bytes()
    for kept, ending, lines in (
        (whole[: whole.rindex(b"\n", 0, -1) + 1], "open", count - 1),
        (whole[:-1], "torn", count - 1),
        (whole[:-20], "torn", count - 1),
        (b"", "open", 0),
    ):
        path.write_bytes(kept)
        assert len(list(recording)) == lines
        assert recording.ending == ending


def test_a_torn_compressed_file_gives_what_was_written(tmp_path: Path) -> None:
    """The process died: what had been brought to the disk is there, the rest is torn."""
    path = tmp_path / "flight.jsonl.gz"
    recorder = FlightRecorder(path)
    transport = recorder.transport(MemoryTransport(network))

    async def send() -> None:
        for number in range(600):
            await transport.send(asked(f"/n?{number}"), timeout_s=1)

    asyncio.run(send())
    path.with_name("copy.gz").write_bytes(path.read_bytes())
    recorder.close()
    recording = read_recording(path.with_name("copy.gz"))
    entries = list(recording)
    assert recording.ending == "torn"
    assert 300 < len(entries) < 1_201
    damaged = bytearray(path.read_bytes())
    damaged[-6] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(ProtocolError, match="damaged"):
        list(read_recording(path))


def test_a_changed_recording_is_refused(tmp_path: Path) -> None:
    """A status that was edited, and lines behind the end."""
    path = tmp_path / "flight.jsonl"
    asyncio.run(recorded(path))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"status":200', b'"status":500', 1))
    with pytest.raises(ProtocolError, match="does not follow"):
        list(read_recording(path))
    path.write_bytes(whole + whole)
    with pytest.raises(ProtocolError, match="behind its end"):
        list(read_recording(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Reading says which, and writing never takes the place of another recording."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(read_recording(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="cannot be made"):
        FlightRecorder(tmp_path / "none" / "flight.jsonl")
    (tmp_path / "old").write_text("precious")
    with pytest.raises(ConfigurationError):
        FlightRecorder(tmp_path / "old")
    assert (tmp_path / "old").read_text() == "precious"


@pytest.mark.parametrize("name", ["flight.jsonl", "flight.jsonl.gz"])
def test_a_full_file_is_turned_over(tmp_path: Path, name: str) -> None:
    """The newest lines are kept in two files, each whole in itself, the second going on."""
    path = tmp_path / name
    recorder = FlightRecorder(path, bytes_max=4_000)
    transport = recorder.transport(MemoryTransport(network))

    async def send() -> None:
        for number in range(100):
            await transport.send(asked(f"/n?{number}"), timeout_s=1)

    asyncio.run(send())
    recorder.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == [name, f"{name}.1"]
    before, after = read_recording(path.with_name(f"{name}.1")), read_recording(path)
    older, newer = list(before), list(after)
    assert (before.ending, after.ending) == ("open", "whole")
    assert isinstance(newer[0], Started)
    assert newer[0].previous != "0" * 64
    answered = [one.body for one in (*older, *newer) if isinstance(one, Responded)]
    numbers = [int(str(body).partition("?")[2]) for body in answered]
    assert numbers == list(range(numbers[0], 100))


FULL_DISK = """
import asyncio, logging, resource, sys
from pathlib import Path
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
path = Path(sys.argv[1])
recorder = FlightRecorder(path)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
transport = recorder.transport(MemoryTransport(lambda request: HttpResponse(200, {}, b"{}")))

async def main():
    import os
    for number in range(3000):
        request = HttpRequest("GET", "https://a.example", "/" + os.urandom(32).hex())
        assert (await transport.send(request, timeout_s=1)).status == 200
    recorder.close()

asyncio.run(main())
# Whoever measures this process has to write what it found.
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(recorder.state, bool(recorder.problem))
"""


@pytest.mark.parametrize(("name", "limit"), [("flight.jsonl", 5_000), ("flight.jsonl.gz", 70_000)])
def test_a_full_disk_stops_the_recorder_and_nothing_else(
    tmp_path: Path, name: str, limit: int
) -> None:
    """Every request is answered, one warning is logged, and the file is readable up to there."""
    path = tmp_path / name
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL_DISK, str(path), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    warning, state = run.stdout.splitlines()
    assert warning.startswith(f"WARNING the recording {path} stopped: ")
    assert state == "stopped True"
    recording = read_recording(path)
    assert len(list(recording)) > 5
    assert recording.ending == "torn"


class Stopped(SimulatedClock):
    """A clock that fails once it is told to."""

    fails = False

    def now_ms(self) -> int:
        """Return the time, or fail."""
        if self.fails:
            raise ZeroDivisionError
        return super().now_ms()


@pytest.mark.parametrize("cause", ["header", "clock"])
def test_what_cannot_be_recorded_is_answered_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cause: str
) -> None:
    """The answer to an order is worth more than the record of it; one warning says so."""
    clock = Stopped(1)
    answer = HttpResponse(200, {"x-odd": "\udcff" if cause == "header" else ""}, b"{}")

    def accepted(_: HttpRequest) -> HttpResponse:
        clock.fails = cause == "clock"
        return answer

    recorder = FlightRecorder(tmp_path / "flight.jsonl", clock=clock)
    transport = recorder.transport(MemoryTransport(accepted))

    async def send() -> None:
        for _ in range(2):
            assert await transport.send(asked("/order", b"{}"), timeout_s=1) is answer

    asyncio.run(send())
    assert recorder.state == "stopped"
    assert recorder.problem in ("UnicodeEncodeError", "ZeroDivisionError")
    assert len(caplog.records) == 1
    assert len(list(read_recording(tmp_path / "flight.jsonl"))) == 2


def test_after_closing_nothing_is_recorded(tmp_path: Path) -> None:
    """The transport works on, closing again is nothing."""
    path = tmp_path / "flight.jsonl"
    recorder = FlightRecorder(path)
    transport = recorder.transport(MemoryTransport(network))
    recorder.close()
    recorder.close()
    size = path.stat().st_size
    asyncio.run(transport.send(asked("/a"), timeout_s=1))
    assert path.stat().st_size == size


def test_what_was_not_recorded_is_not_answered(tmp_path: Path) -> None:
    """An unknown request, one too many, and a connection too many: nothing is made up."""
    path = tmp_path / "flight.jsonl"
    asyncio.run(recorded(path))
    entries = list(read_recording(path))

    async def replay() -> None:
        transport = RecordedTransport(entries)
        with pytest.raises(TransportError, match="no answer to GET /other"):
            await transport.send(asked("/other?x=secret"), timeout_s=1)
        await transport.send(asked("/binary"), timeout_s=1)
        with pytest.raises(TransportError, match="no answer to GET /binary"):
            await transport.send(asked("/binary"), timeout_s=1)
        connector = RecordedConnector(entries)
        await streamed(connector, frame="other")
        assert connector.opened[0].differences == [('[151,{"join":true}]', "other")]
        with pytest.raises(TransportError, match="no further connection"):
            await connector.connect("wss://a.example", timeout_s=1)

    asyncio.run(replay())


def test_frames_wait_for_what_was_sent_before_them(tmp_path: Path) -> None:
    """A reader gets an answer only after our side has sent what it had sent then."""
    path = tmp_path / "flight.jsonl"
    asyncio.run(recorded(path))
    entries = list(read_recording(path))

    async def replay() -> None:
        connector = RecordedConnector(entries)
        with pytest.raises(RateLimited):
            await connector.connect("wss://a.example", timeout_s=1)
        connection = await connector.connect("wss://a.example", timeout_s=1)
        await connection.send(LOGIN)
        assert await connection.receive() == '[991,{"type":991}]'
        waiting = asyncio.ensure_future(connection.receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        await connection.send('[151,{"join":true}]')
        assert await waiting == '[114,{"ok":true}]'
        await connection.aclose()
        with pytest.raises(TransportError):
            await connection.receive()
        with pytest.raises(TransportError):
            await connection.send("late")
        assert connection.differences == []

    asyncio.run(replay())


def test_a_recording_that_ends_early(tmp_path: Path) -> None:
    """A connection that was being opened, a stream without its end, an answer that is missing."""
    path = tmp_path / "flight.jsonl"
    asyncio.run(recorded(path))
    entries = list(read_recording(path))
    frame = next(at for at, one in enumerate(entries) if isinstance(one, FrameReceived))
    refused = max(at for at in range(frame) if isinstance(entries[at], Failed))

    async def replay() -> None:
        cut = RecordedConnector(entries[: frame + 1])
        with pytest.raises(RateLimited):
            await cut.connect("wss://a.example", timeout_s=1)
        connection = await cut.connect("wss://a.example", timeout_s=1)
        await connection.receive()
        with pytest.raises(TransportError, match="is over"):
            await connection.receive()
        early = RecordedConnector(entries[:refused])
        with pytest.raises(TransportError, match="ends before"):
            await early.connect("wss://a.example", timeout_s=1)
        late = RecordedConnector(entries[frame:])
        with pytest.raises(TransportError, match="no further"):
            await late.connect("wss://a.example", timeout_s=1)
        with pytest.raises(TransportError, match="no answer"):
            await RecordedTransport(entries[:2]).send(asked("/a?x=1"), timeout_s=1)

    asyncio.run(replay())


def test_a_send_that_fails_is_recorded(tmp_path: Path) -> None:
    """The frame and the failure are both in the file."""
    path = tmp_path / "flight.jsonl"

    async def use() -> None:
        recorder = FlightRecorder(path)
        connection = MemoryConnection()
        connection.end("gone")
        stream = await recorder.connector(MemoryConnector([connection])).connect(
            "wss://a.example", timeout_s=1
        )
        with pytest.raises(TransportError):
            await stream.send("x")
        recorder.close()

    asyncio.run(use())
    kinds = [type(entry).__name__ for entry in read_recording(path)]
    assert kinds == ["Started", "Connecting", "Connected", "FrameSent", "Failed", "Ended"]
