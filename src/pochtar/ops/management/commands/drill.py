"""``manage.py drill``: kill worker, mail server and database, then add everything up."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from pochtar.ops.drill.cluster import find_binaries
from pochtar.ops.drill.harness import Harness
from pochtar.ops.drill.home import INSIDE, run_in_its_own_installation
from pochtar.ops.drill.plan import POSTGRES, SQLITE, TARGETS, Plan
from pochtar.ops.drill.verdict import Verdict


class Command(BaseCommand):
    help = (
        "Kill workers, a mail server and a database of the drill's own while mailings "
        "run; fail if anybody was lost or got a letter twice."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        plan = Plan()
        parser.add_argument("--kills", type=int, default=plan.kills)
        parser.add_argument("--seed", type=int, default=plan.seed)
        parser.add_argument(
            "--recipients",
            type=int,
            default=plan.recipients,
            help="of each mailing; as many mailings follow each other as it takes",
        )
        parser.add_argument("--workers", type=int, default=plan.workers)
        parser.add_argument(
            "--database", choices=[SQLITE, POSTGRES], default=plan.database
        )
        parser.add_argument(
            "--only",
            choices=TARGETS,
            action="append",
            help="kill these only; can be given again",
        )
        parser.add_argument("--broker", default="", help="instead of the folder broker")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--keep", action="store_true", help="keep the folder")
        parser.add_argument(INSIDE, action="store_true", help="for the drill itself")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = Plan(
            kills=options["kills"],
            seed=options["seed"],
            recipients=options["recipients"],
            workers=options["workers"],
            database=options["database"],
            targets=tuple(options["only"] or TARGETS),
        )
        if not plan.victims:
            raise CommandError(_("With SQLite there is no database process to kill."))
        if plan.database == POSTGRES and find_binaries() is None:
            raise CommandError(
                _(
                    "PostgreSQL's programs are not installed here "
                    "(apt-get install postgresql)."
                )
            )
        if options["inside"]:
            self._drill(plan, as_json=options["json"])
        else:
            self._prepare(plan, options)

    def _prepare(self, plan: Plan, options: dict[str, Any]) -> None:
        status, folder = run_in_its_own_installation(
            plan, sys.argv[2:], broker=options["broker"], keep=options["keep"]
        )
        if status or options["keep"]:
            text = _("What is left of the drill: %(folder)s") % {"folder": folder}
            self.stderr.write(text)
        if status:
            raise SystemExit(status)

    def _drill(self, plan: Plan, *, as_json: bool) -> None:
        verdict = Harness(plan, tell=self._tell).run()
        self._print(verdict, as_json=as_json)
        if not verdict.well:
            raise SystemExit(1)

    def _print(self, verdict: Verdict, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(verdict), ensure_ascii=False))
        else:
            for name, value in verdict.lines():
                self.stdout.write(f"{name}: {value}")
        for finding in verdict.findings:
            self.stderr.write(self.style.ERROR(f"✗ {finding}"))

    def _tell(self, text: str) -> None:
        self.stderr.write(text)
        self.stderr.flush()
