"""The administration pages of the ledger: to look, not to touch."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from pochtar.delivery.models import Attempt, DkimKey, Relay, Run, Sender, Slice


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows change by services only; the ledger's facts not at all."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False


@admin.register(Relay)
class RelayAdmin(ReadOnlyAdmin):
    list_display = ("name", "workspace", "kind", "host", "port", "tls", "check_ok")
    list_filter = ("kind", "tls")
    list_select_related = ("workspace",)
    search_fields = ("name", "host")
    exclude = ("password_sealed",)


@admin.register(Sender)
class SenderAdmin(ReadOnlyAdmin):
    list_display = ("from_email", "from_name", "workspace", "relay")
    list_select_related = ("workspace", "relay")
    search_fields = ("from_email", "from_name")


@admin.register(DkimKey)
class DkimKeyAdmin(ReadOnlyAdmin):
    list_display = ("domain", "selector", "workspace", "algorithm", "state", "verdict")
    list_filter = ("state", "verdict", "algorithm")
    list_select_related = ("workspace",)
    search_fields = ("domain", "selector")
    exclude = ("private_sealed",)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("subject", "workspace", "status", "pause_code", "selected")
    list_filter = ("status", "pause_code")
    list_select_related = ("workspace",)


@admin.register(Slice)
class SliceAdmin(ReadOnlyAdmin):
    list_display = ("run", "first_position", "last_position", "cursor", "status")
    list_filter = ("status",)
    list_select_related = ("run",)
    raw_id_fields = ("run",)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("at", "delivery", "outcome", "code", "reason", "host")
    list_filter = ("outcome",)
    list_select_related = ("delivery",)
    raw_id_fields = ("run", "delivery")
