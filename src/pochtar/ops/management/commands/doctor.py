"""``manage.py doctor``: look at every part; ``doctor ledger`` adds up every run."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pochtar.delivery.removal import count_orphans
from pochtar.ops.diagnosis import examine, examine_ledger


class Command(BaseCommand):
    help = "Say what is wrong with this installation and what to do about it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject", nargs="?", choices=["parts", "ledger"])

    def handle(self, *args: Any, **options: Any) -> None:
        ledger = options["subject"] == "ledger"
        well = self._ledger() if ledger else self._parts()
        if not well:
            raise SystemExit(1)

    def _parts(self) -> bool:
        findings = []
        for finding in examine():
            findings.append(finding)
            self._line(finding.part, finding.text, well=finding.well)
        return all(finding.well for finding in findings)

    def _ledger(self) -> bool:
        runs = wrong = 0
        for run, troubles in examine_ledger():
            runs += 1
            wrong += bool(troubles)
            for trouble in troubles:
                self._line(str(run), trouble, well=False)
        if orphans := count_orphans():
            wrong += 1
            self._line("-", f"{orphans} attempts have no delivery", well=False)
        added_up = ngettext(
            "%(count)d run looked at", "%(count)d runs looked at", runs
        ) % {"count": runs}
        every = _("every sum is right") if not wrong else _("some sums are off")
        self._line(added_up, every, well=not wrong)
        return not wrong

    def _line(self, subject: str, text: str, *, well: bool) -> None:
        mark = self.style.SUCCESS("✓") if well else self.style.ERROR("✗")
        self.stdout.write(f"{mark} {subject}: {text}")
