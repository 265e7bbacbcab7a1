"""``manage.py prune``: remove what nobody will look at again; safe at any time."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.translation import ngettext

from pochtar.sandbox.services import prune_letters


class Command(BaseCommand):
    help = "Remove expired sessions and the sandbox's oldest letters."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("clearsessions")
        letters = prune_letters()
        self.stdout.write(
            ngettext(
                "Removed expired sessions and %(count)d old letter.",
                "Removed expired sessions and %(count)d old letters.",
                letters,
            )
            % {"count": letters}
        )
