from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.segment_sources import know_mailings


class MailingsConfig(AppConfig):
    name = "pochtar.mailings"
    verbose_name = _("Mailings")

    def ready(self) -> None:
        know_mailings("pochtar.mailings.received.mailings_of_segments")
