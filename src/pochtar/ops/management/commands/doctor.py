"""``manage.py doctor``: look at every part; with a subject, at all there is of it.

``ledger`` adds up every run, ``consent`` verifies the consent ledgers' chains,
``stoplist`` holds the recipients' flags against the stop list, and ``recipients`` looks
for what the database does not check: whether everything has its owner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pochtar.delivery.removal import count_orphans
from pochtar.ops.consent_words import flaw_words
from pochtar.ops.diagnosis import examine, examine_ledger, examine_stop_lists
from pochtar.recipients.consent_audit import Audit
from pochtar.recipients.strays import count_strays


class Command(BaseCommand):
    help = "Say what is wrong with this installation and what to do about it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject", nargs="?", choices=list(self.looks()))

    def handle(self, *args: Any, **options: Any) -> None:
        if not self.looks()[options["subject"] or "parts"]():
            raise SystemExit(1)

    def looks(self) -> dict[str, Callable[[], bool]]:
        return {
            "parts": self._parts,
            "ledger": self._ledger,
            "consent": self._consent,
            "stoplist": self._stop_list,
            "recipients": self._recipients,
        }

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

    def _consent(self) -> bool:
        audit = Audit()
        well = True
        for flaw in audit.run():
            well = False
            self._line(*flaw_words(flaw), well=False)
        looked = ngettext(
            "%(entries)d line of the consent ledger looked at (%(people)d people)",
            "%(entries)d lines of the consent ledger looked at (%(people)d people)",
            audit.entries,
        ) % {"entries": audit.entries, "people": audit.people}
        chains = _("every chain is whole") if well else _("not as they were written")
        self._line(looked, chains, well=well)
        return well

    def _stop_list(self) -> bool:
        workspaces = wrong = 0
        for workspace, number in examine_stop_lists():
            workspaces += 1
            wrong += bool(number)
            if number:
                text = ngettext(
                    "%(count)d recipient is marked wrongly",
                    "%(count)d recipients are marked wrongly",
                    number,
                ) % {"count": number}
                self._line(str(workspace.pk), text, well=False)
        looked = ngettext(
            "%(count)d stop list looked at",
            "%(count)d stop lists looked at",
            workspaces,
        ) % {"count": workspaces}
        every = _("every recipient is marked as it says")
        self._line(looked, _("some are not") if wrong else every, well=not wrong)
        return not wrong

    def _recipients(self) -> bool:
        strays = count_strays()
        for owner, number in strays.items():
            if number:
                self._line(
                    owner,
                    _("%(count)d rows have lost it") % {"count": number},
                    well=False,
                )
        well = not any(strays.values())
        found = _("all have their owners") if well else _("some have lost their owner")
        self._line(_("recipients and their places in lists"), found, well=well)
        return well

    def _line(self, subject: str, text: str, *, well: bool) -> None:
        mark = self.style.SUCCESS("✓") if well else self.style.ERROR("✗")
        self.stdout.write(f"{mark} {subject}: {text}")
