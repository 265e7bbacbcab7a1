"""How ``sendmail`` shows a run while it goes: a bar, lines, or nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TextIO

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from pochtar.delivery.ledger import Counts, count_states
from pochtar.delivery.models import Run

LOOK_SECONDS = 0.5  # how often the figures are read
LINE_SECONDS = 3.0  # how often a line is printed where there is no terminal


class Silent:
    """Shows nothing."""

    def start(self, counts: Counts) -> None:
        pass

    def show(self, counts: Counts) -> None:
        pass

    def stop(self) -> None:
        pass


class Lines(Silent):
    """Prints a line every few seconds: for pipes and logs."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last = 0.0
        self._said = ""

    def start(self, counts: Counts) -> None:
        self._last = time.monotonic()

    def show(self, counts: Counts) -> None:
        if time.monotonic() - self._last < LINE_SECONDS:
            return
        self._last = time.monotonic()
        said = figures(counts)
        if said != self._said:  # hours may pass until the next try
            self._said = said
            self._write(said)


class Bar(Silent):
    """Draws a progress bar on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )

    def start(self, counts: Counts) -> None:
        self._task = self._progress.add_task(
            "", total=counts.selected, completed=counts.finished, note=""
        )
        self._progress.start()

    def show(self, counts: Counts) -> None:
        trouble = counts.failed + counts.unknown
        note = f"[red]{_('failed')}: {trouble}[/red]" if trouble else ""
        self._progress.update(self._task, completed=counts.finished, note=note)

    def stop(self) -> None:
        self._progress.stop()


class Watch:
    """Reads the run's figures now and then, and hands them to the display.

    A reader that is gone (``sendmail … | head``) must not stop the mailing.
    """

    def __init__(self, run: Run, display: Silent) -> None:
        self._run = run
        self._display = display
        self._looked = 0.0

    def __enter__(self) -> Watch:
        with contextlib.suppress(BrokenPipeError):
            self._display.start(count_states(self._run))
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._display.stop()

    def look(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            self._display.show(count_states(self._run))


def figures(counts: Counts) -> str:
    """Say how far it is, on one line."""
    said = _(
        "%(done)d of %(selected)d: accepted %(accepted)d, failed %(failed)d, "
        "unknown %(unknown)d, skipped %(skipped)d"
    ) % {
        "done": counts.finished,
        "selected": counts.selected,
        "accepted": counts.accepted,
        "failed": counts.failed,
        "unknown": counts.unknown,
        "skipped": counts.skipped,
    }
    if counts.deferred:
        said += ", " + _("put off %(deferred)d") % {"deferred": counts.deferred}
    return said
