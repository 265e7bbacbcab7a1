"""What ``sendmail`` shows while a run goes."""

from __future__ import annotations

import io
import time

import pytest
from django.utils import timezone

from pochtar.delivery.ledger import Counts
from pochtar.mailings.launch import launch_mailing
from pochtar.ops.reporting import LINE_SECONDS, Bar, Lines, Watch, figures
from tests.make import make_mailing, make_recipient

COUNTS = Counts(selected=10, pending=3, accepted=4, failed=1, unknown=1, skipped=1)


def test_figures_name_every_outcome():
    assert figures(COUNTS) != figures(Counts(selected=10, pending=10))
    assert all(str(number) in figures(COUNTS) for number in (7, 10, 4, 1))


def test_lines_come_every_few_seconds_and_not_more_often(monkeypatch):
    written: list[str] = []
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    lines = Lines(written.append)

    lines.start(COUNTS)
    lines.show(COUNTS)
    assert written == []
    clock[0] += LINE_SECONDS
    lines.show(COUNTS)
    lines.show(COUNTS)

    assert written == [figures(COUNTS)]


def test_a_bar_says_how_far_it_is_and_what_failed():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    bar = Bar(stream)
    bar.start(COUNTS)
    bar.show(COUNTS)
    bar.stop()

    assert "7/10" in stream.getvalue()
    assert ": 2" in stream.getvalue()  # failed and unknown


@pytest.mark.django_db
def test_a_reader_that_is_gone_does_not_stop_the_run(workspace):
    make_recipient(workspace)
    mailing = make_mailing(workspace)
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    assert mailing.run

    class Gone(Lines):
        def show(self, counts):
            raise BrokenPipeError

    with Watch(mailing.run, Gone(lambda line: None)) as watch:
        watch.look()
