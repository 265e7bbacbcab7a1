"""The administration page of messages: read and delete; writing is the services'."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from pochtar.content.models import Message


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin[Message]):
    list_display = ("subject", "workspace", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("subject",)
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Message | None = None
    ) -> bool:
        return False
