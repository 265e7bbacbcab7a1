"""``manage.py demo``: a workspace with plausible data to look at."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from pochtar.mailings.demo import build_demo, demo_exists, remove_demo
from pochtar.ops.diagnosis import database_is_up_to_date
from pochtar.ops.programs import current_address


class Command(BaseCommand):
    help = "Fill a workspace with plausible data and print its login."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fresh",
            action="store_true",
            help="remove the demonstration that is there and build it anew",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        well, trouble = database_is_up_to_date()
        if not well:
            raise CommandError(_("The database %(trouble)s") % {"trouble": trouble})
        if demo_exists() and not options["fresh"]:
            raise CommandError(
                _(
                    "The demonstration is there already. "
                    "Build it anew, with a new password: manage.py demo --fresh"
                )
            )
        remove_demo()
        login = build_demo(now=timezone.now())
        lines = [
            _("The demonstration is ready: %(address)s")
            % {"address": current_address()},
            _("Login:    %(email)s") % {"email": login.email},
            _("Password: %(password)s") % {"password": login.password},
        ]
        self.stdout.write("\n".join(lines), self.style.SUCCESS)
