"""The local exchange in a process of its own, started and ended by another program.

Needs the extra `sandbox` in the child only. Never add: anything about what the exchange does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.setup import ExchangeSetup

__all__ = ["SandboxProcess"]

_COMMAND = (sys.executable, "-m", "btcturk_kit", "sandbox", "serve")
_END_WAIT_S = 5.0


@dataclass(kw_only=True, eq=False, repr=False)
class SandboxProcess(ExchangeSetup):
    """A local exchange as a child process, for the time of a `with` block.

    It takes all options of `ExchangeSetup` as keywords. The child ends with the block. If this
    process dies without a word, its end of the child's standard input closes and the child ends
    too. With `keep` it outlives both.

    Args:
        keep: Leave it running after the block.
        ready_timeout_s: How long to wait for it.

    Example:
        >>> with SandboxProcess(seed=1) as address:
        ...     address.rest.startswith("http://127.0.0.1:")
        True
    """

    keep: bool = False
    ready_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the running child, None if there is none."""
        return None if self._child is None else self._child.pid

    def start(self) -> SandboxAddress:
        """Start the exchange and return where it is, as soon as it takes connections.

        Raises:
            ConfigurationError: It did not start; the text is what it said.
        """
        if self._child is not None:
            raise InvariantViolation("this local exchange was already started")
        # A file, not a pipe: nobody empties a pipe, and a full one would stop the child.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child ends
        lifeline = [] if self.keep else ["--until-stdin-ends"]
        self._child = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [*_COMMAND, "--json", "--setup", self.to_json(), *lifeline],
            stdin=subprocess.DEVNULL if self.keep else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # Ctrl-C in the terminal reaches this process only, which then ends the child.
            start_new_session=True,
        )
        line = self._first_line(self._child)
        try:
            return SandboxAddress(**json.loads(line))
        except (ValueError, TypeError):
            raise self._failure() from None

    def stop(self) -> None:
        """End the child, whatever `keep` says, and wait until it is gone."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(_END_WAIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._close(child)

    def __enter__(self) -> SandboxAddress:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.keep:
            self.stop()
        elif self._child is not None:
            self._close(self._child)
            # It lives on: without this its end would be reported as a forgotten child.
            self._child.returncode = 0
            self._child = None

    def _first_line(self, child: subprocess.Popen[bytes]) -> bytes:
        """Read the ready line; a child that is silent for too long is ended, and so the read."""
        watchdog = threading.Timer(self.ready_timeout_s, child.kill)
        watchdog.start()
        try:
            return child.stdout.readline() if child.stdout else b""
        finally:
            watchdog.cancel()

    def _failure(self) -> ConfigurationError:
        child, errors = self._child, self._errors
        said = ""
        if child is not None and errors is not None:
            child.kill()
            child.wait()
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            said = lines[-1].removeprefix("error: ") if lines else "it said nothing"
            self._close(child)
        self._child = None
        return ConfigurationError(f"the local exchange did not start: {said}")

    def _close(self, child: subprocess.Popen[bytes]) -> None:
        for stream in (child.stdin, child.stdout, self._errors):
            if stream is not None:
                stream.close()
        self._errors = None
