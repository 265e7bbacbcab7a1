from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from pochtar.mailings.models import Mailing


@admin.register(Mailing)
class MailingAdmin(admin.ModelAdmin[Mailing]):
    """To look at: a mailing is changed on its own page, by the rules of its states."""

    list_display = ("name", "workspace", "status", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "id")
    list_select_related = ("workspace",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Mailing | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Mailing | None = None
    ) -> bool:
        return False
