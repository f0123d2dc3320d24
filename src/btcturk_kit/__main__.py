"""The console script `btcturk-kit`, also `python -m btcturk_kit`."""

from __future__ import annotations

import errno
import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 and SIGTERM with 143, cleaned up behind.

    A full disk behind standard output is one line and exit code 7, whatever command printed.
    """
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        from btcturk_kit.cli.app import app  # noqa: PLC0415 - keeps the import of the package light

        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        from btcturk_kit.cli.output import report_no_space  # noqa: PLC0415 - as above

        sys.exit(report_no_space())


if __name__ == "__main__":
    main()
