"""A listening socket of this machine. Never add: another address than loopback."""

from __future__ import annotations

import errno
import os
import socket

from btcturk_kit.errors import ConfigurationError

__all__ = ["LOOPBACK", "listen"]

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback; port 0 picks a free one.

    Raises:
        ConfigurationError: The port is taken or may not be used.
    """
    # The protocol is named because asyncio switches off Nagle's delay only on sockets that say TCP;
    # with the delay every answer would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise ConfigurationError(f"cannot listen on port {port}: {error.strerror}") from error
        raise ConfigurationError(
            f"port {port} of {LOOPBACK} is in use", hint="choose another port, or 0 for a free one"
        ) from error
    return listener
