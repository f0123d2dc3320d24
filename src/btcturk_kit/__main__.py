"""The console script `btcturk-kit`, also `python -m btcturk_kit`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C outside a running bot ends with 130."""
    from btcturk_kit.cli.app import app  # noqa: PLC0415 - keeps the import of the package light

    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
