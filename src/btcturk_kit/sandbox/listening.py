"""Listening sockets, and who may reach them.

Never add: a listener that other machines reach without being asked for by name.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack

from btcturk_kit.errors import ConfigurationError

__all__ = ["LOOPBACK", "checked_host", "listen", "listen_all", "port_of", "reset", "url_host"]

LOOPBACK = "127.0.0.1"

_ABORT_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER of no time: a reset instead of an end


def checked_host(host: str, *, allows_other_machines: bool = False) -> str:
    """Return the address to listen on, if it may be listened on.

    Raises:
        ConfigurationError: It is not an IP address, or other machines reach it and that was not
            asked for.

    Example:
        >>> checked_host("localhost"), checked_host("::1")
        ('127.0.0.1', '::1')
    """
    if host == "localhost":
        return LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ConfigurationError(
            f"cannot listen on {host!r}: it is not an IP address", hint=f"take {LOOPBACK} or ::1"
        ) from None
    if not (address.is_loopback or allows_other_machines):
        raise ConfigurationError(
            f"other machines would reach the local exchange on {host}",
            hint="take 127.0.0.1, or say that you want it: --allow-other-machines",
        )
    return str(address)


def url_host(host: str) -> str:
    """Return a host as it stands in the addresses that are told.

    One that means every address of the machine is told as loopback, since nobody can call it.

    Example:
        >>> url_host("::1"), url_host("0.0.0.0")
        ('[::1]', '127.0.0.1')
    """
    address = ipaddress.ip_address(host)
    if address.version == 6:  # noqa: PLR2004 - the name of the protocol
        return "[::1]" if address.is_unspecified else f"[{address}]"
    return LOOPBACK if address.is_unspecified else host


def listen(port: int, *, host: str = LOOPBACK) -> socket.socket:
    """Return a socket that listens; port 0 picks a free one.

    Raises:
        ConfigurationError: The port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches off Nagle's delay only on sockets that say TCP;
    # with the delay every answer would take 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise ConfigurationError(
                f"cannot listen on port {port} of {host}: {error.strerror}"
            ) from error
        raise ConfigurationError(
            f"port {port} of {host} is in use", hint="choose another port, or 0 for a free one"
        ) from error
    return listener


def listen_all(ports: Sequence[int], *, host: str = LOOPBACK) -> list[socket.socket]:
    """Return sockets that listen on all of the ports, or on none of them.

    Ports that are named come first, so that none of them is picked as a free one.

    Raises:
        ConfigurationError: One of them is taken or may not be used.
    """
    order = sorted(range(len(ports)), key=lambda index: not ports[index])
    with ExitStack() as undo:
        listeners = {index: undo.enter_context(listen(ports[index], host=host)) for index in order}
        undo.pop_all()
    return [listeners[index] for index in range(len(ports))]


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def reset(transport: asyncio.Transport) -> None:
    """End a connection by a reset, as a host that fell over does."""
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_AT_ONCE)
    transport.abort()
