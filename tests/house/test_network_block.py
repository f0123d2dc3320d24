"""The block that keeps tests on this machine, tested like anything else."""

from __future__ import annotations

import asyncio
import socket

import pytest

# Reserved for documentation (RFC 5737): nothing answers there, should the block ever fail.
ELSEWHERE = ("192.0.2.1", 80)


def test_a_connection_to_another_machine_is_refused() -> None:
    """A socket cannot connect beyond loopback."""
    with socket.socket() as connection, pytest.raises(RuntimeError, match="this machine only"):
        connection.connect(ELSEWHERE)


def test_a_datagram_to_another_machine_is_refused() -> None:
    """A datagram cannot leave either."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as sender,
        pytest.raises(RuntimeError, match="this machine only"),
    ):
        sender.sendto(b"x", ELSEWHERE)


def test_a_name_beyond_this_machine_is_not_looked_up() -> None:
    """Not even the name of another machine is asked for, through asyncio either."""

    async def look_up() -> None:
        await asyncio.open_connection("example.org", 80)

    with pytest.raises(RuntimeError, match="this machine only"):
        asyncio.run(look_up())


def test_loopback_is_open() -> None:
    """A server on loopback can be reached."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        connection.sendall(b"x")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(1) == b"x"
