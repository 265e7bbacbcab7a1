from __future__ import annotations

from django.contrib import admin

from pochtar.delivery.admin import ReadOnlyAdmin
from pochtar.mailings.models import Mailing


@admin.register(Mailing)
class MailingAdmin(ReadOnlyAdmin):
    """To look at: a mailing is changed on its own page, by the rules of its states."""

    list_display = ("name", "workspace", "status", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "id")
    list_select_related = ("workspace",)
