"""``manage.py explain <mailing> <address>``: why did they get it, or not?

exit  0    explained          2    there is no such mailing or address
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from pochtar.ops.management.commands.sendmail import find_mailing, language
from pochtar.ops.sendmail_verbs import Refusal
from pochtar.reports.explanation import (
    Explanation,
    Mark,
    Step,
    as_json,
    explain_delivery,
)
from pochtar.reports.steps import moment

CANNOT = 2
SIGNS = {
    Mark.OK: "✓",
    Mark.BAD: "✗",
    Mark.WARN: "?",
    Mark.INFO: "·",
    Mark.NEXT: "→",
}


class Command(BaseCommand):
    help = "Explain why somebody got a mailing's letter, or did not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mailing", help="the mailing's id")
        parser.add_argument("address", help="the recipient's e-mail address")
        parser.add_argument("--json", action="store_true", help="print JSON on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(language()):
            status = self._explain(options)
        if status:
            sys.exit(status)

    def _explain(self, options: dict[str, Any]) -> int:
        try:
            mailing = find_mailing(options["mailing"])
        except Refusal as refusal:
            return self._refuse(refusal.code, str(refusal), as_json=options["json"])
        with timezone.override(mailing.workspace.tz):
            explanation = explain_delivery(mailing, options["address"])
            if not explanation.is_explained:
                said = f"{explanation.address}: {explanation.answer}"
                return self._refuse(explanation.verdict, said, as_json=options["json"])
            if options["json"]:
                self.stdout.write(json.dumps(as_json(explanation), ensure_ascii=False))
            else:
                self._print(explanation)
        return 0

    def _refuse(self, code: str, said: str, *, as_json: bool) -> int:
        if as_json:
            refused = {"status": "refused", "code": code, "reason": said}
            self.stdout.write(json.dumps(refused, ensure_ascii=False))
        self.stderr.write(said)
        return CANNOT

    def _print(self, explanation: Explanation) -> None:
        self.stdout.write(f"{explanation.address}: {explanation.answer}\n\n")
        for step in explanation.steps:
            for line in lines_of(step):
                self.stdout.write(line)


def lines_of(step: Step) -> Iterator[str]:
    """Yield a step as it stands in a terminal."""
    when = f"  {moment(step.at)}" if step.at else ""
    yield f"{SIGNS[step.mark]} {step.text}{when}"
    if step.detail:
        yield f"    {step.detail}"
    for line in step.reply.splitlines():
        yield f"    « {line}"
    if step.meaning:
        said = {"whom": step.meaning.whom, "what": step.meaning.meaning}
        yield "    " + _("%(whom)s: %(what)s") % said
        yield "    " + _("What to do: %(advice)s") % {"advice": step.meaning.advice}
    if step.facts:
        facts = (f"{fact.label}: {fact.value}" for fact in step.facts)
        yield f"    {'; '.join(facts)}"
