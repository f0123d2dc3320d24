"""The console script `btcturk-kit`, also `python -m btcturk_kit`."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 and SIGTERM with 143, cleaned up behind."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        from btcturk_kit.cli.app import app  # noqa: PLC0415 - keeps the import of the package light

        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
