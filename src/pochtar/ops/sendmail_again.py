"""``sendmail --retry-failed [--all]`` and ``--send-unknown``: open a run for another try.

What they open is driven in the foreground like a launch.
"""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from pochtar.delivery.models import Run
from pochtar.mailings.again import retry_failed, send_unknown
from pochtar.mailings.models import Mailing


def add_again(parser: ArgumentParser) -> None:
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--retry-failed",
        action="store_true",
        help="once more to those who failed for now",
    )
    chosen.add_argument(
        "--send-unknown",
        action="store_true",
        help="to those whose outcome is unknown: some get the letter twice",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="with --retry-failed: also to those who failed for good",
    )


def asks_again(options: dict[str, Any]) -> bool:
    if options["all"] and not options["retry_failed"]:
        raise CommandError("--all goes with --retry-failed.")
    return bool(options["retry_failed"] or options["send_unknown"])


def open_again(
    mailing: Mailing, options: dict[str, Any], *, nudge: bool, now: dt.datetime
) -> Run:
    """Open the run that the options ask for; raise Conflict (mailings/again.py)."""
    if options["retry_failed"]:
        opened = retry_failed(
            mailing, by=None, for_good_too=options["all"], nudge=nudge, now=now
        )
    else:
        opened = send_unknown(mailing, by=None, nudge=nudge, now=now)
    assert opened.run
    return opened.run
