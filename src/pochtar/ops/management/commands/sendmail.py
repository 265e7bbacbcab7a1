"""``manage.py sendmail <mailing>``: launch a mailing and drive it in the foreground.

    exit  0    everybody was accepted          1    finished, but not all were
          2    cannot be launched, paused or   130  stopped by Ctrl-C or SIGTERM
               cancelled

The same command continues what was stopped or killed.  With a verb (``--status``,
``--pause``, ``--resume``, ``--cancel``; ops/sendmail_verbs.py) it sends nothing itself:

    exit  0    done, or the state was told     2    cannot be done in this state
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from types import FrameType
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from pochtar.base.errors import PochtarError
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import Counts, count_states
from pochtar.delivery.models import Run, RunStatus
from pochtar.mailings.foreground import (
    check_start,
    leave_mailing,
    take_mailing,
    troubles_of,
)
from pochtar.mailings.launch import launch_mailing, resume_mailing
from pochtar.mailings.left_out import tell_left_out
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.preflight import Preflight
from pochtar.ops.reporting import Bar, Lines, Silent, Watch, figures
from pochtar.ops.sendmail_again import add_again, asks_again, open_again
from pochtar.ops.sendmail_verbs import (
    ACCEPTED,
    REFUSED,
    STOPPED,
    TROUBLES,
    VERBS,
    Refusal,
    add_verbs,
    chosen_verb,
    exit_status,
    pause_words,
    report_words,
    summary,
)

LISTED = 50
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    help = "Launch a mailing and drive it to its end in the foreground."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "mailing", nargs="?", help="the mailing's id; without it, list them"
        )
        parser.add_argument(
            "--now", action="store_true", help="do not wait for the time to start"
        )
        parser.add_argument(
            "--detach", action="store_true", help="hand it to the workers, do not wait"
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON summary on stdout"
        )
        add_verbs(parser)
        add_again(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        # What it says itself is what its reader wants; the logs would tear the bar.
        logging.getLogger("pochtar").setLevel(logging.ERROR)
        with translation.override(language()):
            try:
                status = self._run(options)
            except Refusal as refusal:
                status = self._refuse(refusal, as_json=options["json"])
        if status:
            sys.exit(status)

    def _run(self, options: dict[str, Any]) -> int:
        if options["mailing"] is None:
            return self._list(as_json=options["json"])
        mailing = find_mailing(options["mailing"])
        try:
            if verb := chosen_verb(options):
                return self._do(verb, mailing, as_json=options["json"])
            if options["detach"]:
                return self._detach(mailing, options)
            with listening() as stopped:
                left_out = [] if options["json"] else left_out_by(mailing)
                run = self._take(mailing, options)
                for sentence in left_out:
                    self.stdout.write(sentence)
                return self._drive(mailing, run, stopped, as_json=options["json"])
        except PochtarError as error:
            raise Refusal(error.code, str(error)) from error

    def _take(self, mailing: Mailing, options: dict[str, Any]) -> Run:
        now = timezone.now()
        if asks_again(options):
            return open_again(mailing, options, nudge=False, now=now)
        return take_mailing(mailing, now=now, force_now=options["now"])

    def _do(self, verb: str, mailing: Mailing, *, as_json: bool) -> int:
        report = VERBS[verb].do(mailing, timezone.now())
        if as_json:
            self._print_json(report)
        else:
            self.stdout.write(report_words(report, mailing))
        return ACCEPTED

    def _drive(
        self, mailing: Mailing, run: Run, stopped: Stopped, *, as_json: bool
    ) -> int:
        if not as_json:
            self._announce(mailing, run)
        started = time.monotonic()
        with Watch(run, self._display(as_json=as_json)) as watch:

            def ask() -> bool:
                watch.look()
                return stopped.asked

            # A second Ctrl-C: what was in hand becomes unknown, nobody is lost.
            with contextlib.suppress(KeyboardInterrupt):
                drive_run(run, stopped=ask)
        run.refresh_from_db()
        interrupted = stopped.asked and run.status == RunStatus.RUNNING
        run = leave_mailing(mailing, run, interrupted=interrupted)
        counts = count_states(run)
        status = exit_status(run, counts, interrupted=interrupted)
        seconds = time.monotonic() - started
        if as_json:
            self._print_json(summary(mailing, run, counts, status, seconds))
        else:
            self._print_end(run, counts, seconds)
        if status in (REFUSED, STOPPED):
            self._explain(mailing, run)
        return status

    def _display(self, *, as_json: bool) -> Silent:
        stream = sys.stderr if as_json else sys.stdout
        if stream.isatty():
            return Bar(stream)
        return Silent() if as_json else Lines(self.stdout.write)

    def _announce(self, mailing: Mailing, run: Run) -> None:
        sender = f"{run.from_name} <{run.from_email}>"
        said = _("“%(subject)s” from %(sender)s by %(relay)s, recipients: %(count)d")
        self.stdout.write(
            said
            % {
                "subject": run.subject,
                "sender": sender,
                "relay": run.relay,
                "count": run.selected,
            }
        )

    def _print_end(self, run: Run, counts: Counts, seconds: float) -> None:
        self.stdout.write(figures(counts))
        if seconds and counts.finished:
            self.stdout.write(_("Took %(seconds).1f s.") % {"seconds": seconds})
        troubles = troubles_of(run, limit=TROUBLES)
        if troubles:
            self.stdout.write(_("What was answered most often:"))
        for trouble in troubles:
            words = (trouble.code, trouble.enhanced_code, trouble.reply)
            said = " ".join(str(word) for word in words if word) or trouble.reason
            self.stdout.write(f"{trouble.count:>8} × {said}")

    def _explain(self, mailing: Mailing, run: Run) -> None:
        if run.status == RunStatus.CANCELLED:
            self.stderr.write(_("The mailing has been cancelled."))
        if run.status != RunStatus.PAUSED:
            return
        self.stderr.write(
            _("Paused: %(reason)s\nContinue: python manage.py sendmail %(pk)s")
            % {"reason": pause_words(run), "pk": mailing.pk}
        )

    def _detach(self, mailing: Mailing, options: dict[str, Any]) -> int:
        now = timezone.now()
        if asks_again(options):
            open_again(mailing, options, nudge=True, now=now)
            mailing.refresh_from_db()
        elif mailing.state == MailingStatus.PAUSED:
            mailing = resume_mailing(mailing, by=None)
        elif mailing.state in (MailingStatus.CREATED, MailingStatus.SCHEDULED):
            check_start(mailing, now=now, force_now=options["now"])
            mailing = launch_mailing(mailing, by=None, now=now, force_now=True)
        else:
            raise Refusal(
                f"already_{mailing.state}", _("This mailing has been launched already.")
            )
        assert mailing.run
        if options["json"]:
            self._print_json({"mailing": str(mailing.pk), "status": mailing.state})
        else:
            self.stdout.write(
                _("Handed to the workers; recipients: %(count)d")
                % {"count": mailing.run.selected}
            )
        return ACCEPTED

    def _list(self, *, as_json: bool) -> int:
        rows = list(launchable()[:LISTED])
        if as_json:
            self._print_json({"mailings": [line_of(row) for row in rows]})
            return ACCEPTED
        if not rows:
            self.stdout.write(_("There is no mailing to launch."))
        for row in rows:
            self.stdout.write(
                f"{row.pk}  {row.get_status_display():<14} {row.workspace} · {row.name}"
            )
        return ACCEPTED

    def _refuse(self, refusal: Refusal, *, as_json: bool) -> int:
        if as_json:
            self._print_json(
                {"status": "refused", "code": refusal.code, "reason": str(refusal)}
            )
        self.stderr.write(str(refusal))
        return REFUSED

    def _print_json(self, value: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False))


class Stopped:
    """Whether somebody asked to stop; asked twice, it is at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextlib.contextmanager
def listening() -> Iterator[Stopped]:
    """Turn signals into a question that the driver asks between letters."""
    stopped = Stopped()
    before = {number: signal.signal(number, stopped) for number in SIGNALS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def find_mailing(text: str) -> Mailing:
    """Return the mailing with this id; raise Refusal."""
    try:
        pk = UUID(text.strip())
    except ValueError as error:
        raise Refusal(
            "bad_id", _("“%(text)s” is no id of a mailing.") % {"text": text}
        ) from error
    found = Mailing.objects.select_related("workspace", "run").filter(pk=pk).first()
    if not found:
        raise Refusal("no_mailing", _("There is no mailing %(pk)s.") % {"pk": pk})
    mailing: Mailing = found
    return mailing


def left_out_by(mailing: Mailing) -> list[str]:
    """Say of a mailing that is to be launched who gets nothing of it, and why."""
    if mailing.is_launched:
        return []
    return tell_left_out(Preflight(mailing, now=timezone.now()).reach)


def launchable() -> Any:
    """Return what the command could launch or continue, the newest first."""
    states = (MailingStatus.CREATED, MailingStatus.SCHEDULED, MailingStatus.PAUSED)
    rows = Mailing.objects.filter(status__in=states).select_related("workspace", "run")
    return rows.order_by("-pk")


def line_of(mailing: Mailing) -> dict[str, Any]:
    return {
        "mailing": str(mailing.pk),
        "status": mailing.state,
        "name": mailing.name,
        "workspace": mailing.workspace.name,
        "recipients": Preflight(mailing, now=timezone.now()).count,
    }


def language() -> str:
    """Return the terminal's language if we speak it, else the installation's."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            code = value.split(".")[0].split("_")[0].lower()
            return code if code in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    return settings.LANGUAGE_CODE
