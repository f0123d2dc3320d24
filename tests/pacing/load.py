"""The adversarial load: several hammers against a local exchange that counts as documented.

    python tests/pacing/load.py [SECONDS]

By default two whole minutes, so that every documented window of a minute is filled twice. Prints
what was used of what was allowed, for every endpoint that is hammered, and ends with 1 if anything
was refused, or less than 95 % used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from btcturk_kit.sandbox import ClockKind, SandboxProcess
from btcturk_kit.wire.pacing import RULES

__all__ = ["load"]

HAMMER = Path(__file__).with_name("hammer.py")
PROGRAMS = 4
START_S = 3.0
MINUTE_MS = 60_000
USED_PERCENT_MIN = 95


def load(
    seconds: float, *, margin_ms: int, programs: int = PROGRAMS
) -> tuple[Counter[str], Counter[str]]:
    """Run the load and return answers (zero of an endpoint too) and refusals by endpoint."""
    answered: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxProcess(clock=ClockKind.REAL, api_key="load", api_secret="QUFBQQ==") as address,
    ):
        start_s = time.time() + START_S
        options = {
            "rest": address.rest,
            "api_key": address.api_key,
            "api_secret": address.api_secret,
            "folder": folder,
            "margin_ms": margin_ms,
            "start_s": start_s,
            "end_s": start_s + seconds,
        }
        children = [
            subprocess.Popen(
                [sys.executable, str(HAMMER), json.dumps({**options, "seed": seed})],
                stdout=subprocess.PIPE,
            )
            for seed in range(programs)
        ]
        for child in children:
            printed, _ = child.communicate(timeout=seconds + 60)
            document = json.loads(printed)
            answered.update(document["answered"])
            refused.update(document["refused"])
    return answered, refused


def main() -> int:
    """Print the figures of one run."""
    minutes = float(sys.argv[1]) / 60 if len(sys.argv) > 1 else 2
    answered, refused = load(minutes * 60, margin_ms=250)
    rules = [one for one in RULES if one.period_ms == MINUTE_MS and one.endpoint in answered]
    is_good = not refused and {one.endpoint for one in rules} == set(answered)
    for rule in rules:
        allowed = rule.limit * minutes
        used = 100 * answered[rule.endpoint] / allowed
        is_good = is_good and used >= USED_PERCENT_MIN
        sys.stdout.write(
            f"{rule.endpoint:<28} {answered[rule.endpoint]:>5} of {allowed:>6.0f} allowed"
            f"  {used:5.1f} %  {refused[rule.endpoint]} refused\n"
        )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
