"""The administration page of captured letters: who, to whom, when; never the content."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from pochtar.sandbox.models import CapturedMessage


@admin.register(CapturedMessage)
class CapturedMessageAdmin(admin.ModelAdmin[CapturedMessage]):
    list_display = ("received_at", "workspace", "mail_from", "rcpt_to", "size")
    fields = ("received_at", "workspace", "mail_from", "rcpt_to", "message_id", "size")
    list_select_related = ("workspace",)
    show_full_result_count = False
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CapturedMessage]:
        return super().get_queryset(request).defer("raw", "search_key")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: CapturedMessage | None = None
    ) -> bool:
        return False
