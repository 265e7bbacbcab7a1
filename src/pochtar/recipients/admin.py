"""The administration pages of recipients and lists."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from pochtar.base.locking import DeletesLocked
from pochtar.recipients.models import Attribute, Recipient, RecipientList


@admin.register(Recipient)
class RecipientAdmin(DeletesLocked[Recipient]):
    """Read and delete: the keys and words that find a recipient are the services'."""

    list_display = ("email", "full_name", "workspace", "created_at")
    list_select_related = ("workspace",)
    search_fields = ("email_key__startswith", "name_key__startswith")
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Recipient | None = None
    ) -> bool:
        return False


@admin.register(RecipientList)
class RecipientListAdmin(DeletesLocked[RecipientList]):
    list_display = ("name", "workspace", "created_at")
    list_select_related = ("workspace",)
    fields = ("name", "description", "workspace")
    readonly_fields = ("workspace",)
    search_fields = ("name",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Attribute)
class AttributeAdmin(admin.ModelAdmin[Attribute]):
    list_display = ("key", "workspace", "created_at")
    list_select_related = ("workspace",)
    fields = ("key", "workspace")
    readonly_fields = ("workspace", "key")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
