"""What every test runs under: no traffic beyond this machine, and property tests that repeat.

Only settings that hold for all tests belong here; helpers of one kind of test stand beside it.
"""

from __future__ import annotations

import atexit
import ipaddress
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

__all__ = ["OutsideTrafficError", "collect_ignore"]

collect_ignore = ["clients"]
"""Tests of strangers' clients: they need packages of their own, which sessions of nox install.

Named on the command line, as those sessions do, they are collected and none of them is skipped.
"""

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    # Measured coverage slows the drawing of examples; that says nothing about the code under test.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore",
    settings.get_profile("ci"),
    derandomize=False,
    max_examples=2000,
    # `nox -s fuzz` names this folder; tests/fuzz/seeds/README.md says what to do with a find.
    database=DirectoryBasedExampleDatabase(Path(__file__).parents[1] / ".hypothesis" / "found"),
)
settings.load_profile("ci")


# Started in the background of a shell, a process inherits that SIGINT is ignored, and so do the
# processes that tests start and then interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What the kit keeps for a user (shared counts, state files) is kept for the length of the tests.
_state = TemporaryDirectory(prefix="btcturk-kit-tests-")
atexit.register(_state.cleanup)
os.environ["XDG_STATE_HOME"] = _state.name


class OutsideTrafficError(RuntimeError):
    """A test tried to reach another machine.

    Not an `OSError`, so that no adapter takes it for an ordinary network failure.
    """


def _is_here(host: object) -> bool:
    if host is None or host in ("", "localhost", b"localhost"):
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside_traffic(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not _is_here(host):
        raise OutsideTrafficError(f"{event} to {host!r}: tests talk to this machine only")


# An audit hook sees what every library does with sockets, without replacing anything.
sys.addaudithook(_refuse_outside_traffic)
