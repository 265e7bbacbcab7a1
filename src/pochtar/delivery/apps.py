from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from pochtar.delivery.dkim_service import check_service_key


class DeliveryConfig(AppConfig):
    name = "pochtar.delivery"
    verbose_name = _("Delivery")

    def ready(self) -> None:
        register(check_service_key)
