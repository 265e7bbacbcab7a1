"""The pages of SMTP servers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.delivery.checks import ConnectionCheck, check_connection
from pochtar.delivery.limits import forget_learnt
from pochtar.delivery.models import Relay
from pochtar.delivery.oauth import find_oauth
from pochtar.delivery.presets import PRESETS
from pochtar.delivery.relays import (
    change_relay,
    create_relay,
    delete_relay,
    sandbox_relay,
)
from pochtar.delivery.words import explain_trouble
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    role_view,
    workspace_view,
)
from pochtar.web.forms.relays import RelayForm
from pochtar.web.relay_limits import learnt_of, relay_facts

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def relays(request: WorkspaceRequest) -> HttpResponse:
    sandbox_relay(request.workspace)
    rows = (
        Relay.objects.of(request.workspace)
        .annotate(sender_count=Count("senders"))
        .order_by("-kind", "name")
    )
    own = any(not row.is_sandbox for row in rows)
    return render(request, "relays/index.html", {"rows": rows, "own": own})


@require_safe
@workspace_view
def relay_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    return _page(request, find_visible(_all(), request, pk))


@require_POST
@workspace_view
def relay_check(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Talk with the server now, and show what was said."""
    relay = find_editable(_all(), request, pk)
    check = check_connection(relay, by=request.user)
    return _page(request, relay, check)


def _page(
    request: WorkspaceRequest, relay: Relay, check: ConnectionCheck | None = None
) -> HttpResponse:
    last = "" if relay.check_ok else explain_trouble(relay.check_text)
    context = {
        "relay": relay,
        "senders": relay.senders.order_by("from_email"),
        "oauth": find_oauth(relay),
        "check": check,
        "last_trouble": last,
        "limits": relay_facts(relay),
        "learnt": learnt_of(relay),
        "down_trouble": explain_trouble(relay.down_code),
    }
    return render(request, "relays/relay.html", context)


@form_view
@role_view(Role.MANAGER)
def relay_add(request: WorkspaceRequest) -> HttpResponse:
    chosen = request.GET.get("preset", "")
    preset = PRESETS.get(chosen)
    posted = request.POST if request.method == "POST" else None
    form = RelayForm(posted, preset=preset)
    if request.method == "POST" and form.is_valid():
        try:
            relay = create_relay(request.workspace, form.draft(), by=request.user)
        except InvalidInput as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(
                request, _("The SMTP server has been added. Check the connection now.")
            )
            return redirect("relay", relay.pk)
    return _form(
        request, form, {"presets": PRESETS, "chosen": chosen, "preset": preset}
    )


@form_view
@workspace_view
def relay_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    relay = find_editable(_all(), request, pk)
    if relay.is_sandbox:
        return redirect("relay", relay.pk)  # nothing to edit
    title = relay.name
    posted = request.POST if request.method == "POST" else None
    form = RelayForm(posted, relay=relay)
    if posted is not None and form.is_valid():
        try:
            change_relay(relay, form.draft(), by=request.user)
        except InvalidInput as error:
            form.add_error(error.field, str(error))
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("relay", relay.pk)
        else:
            messages.success(request, _("Saved."))
            return redirect("relay", relay.pk)
    return _form(request, form, {"relay": relay, "relay_title": title})


@form_view
@workspace_view
def relay_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    relay = find_editable(_all(), request, pk)
    if request.method == "POST":
        try:
            delete_relay(relay, by=request.user)
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("relay", relay.pk)
        messages.success(request, _("The SMTP server has been deleted."))
        return redirect("relays")
    if relay.is_sandbox:
        return redirect("relay", relay.pk)
    return render(request, "relays/delete.html", {"relay": relay})


@require_POST
@workspace_view
def relay_forget(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Go as fast as before to a provider that had asked to slow down."""
    relay = find_editable(_all(), request, pk)
    forget_learnt(relay, request.POST.get("provider", ""), by=request.user)
    messages.success(request, _("Forgotten: letters go as fast as the limits allow."))
    return redirect("relay", relay.pk)


def _all() -> Any:
    return Relay.objects.select_related("workspace")


def _form(
    request: WorkspaceRequest, form: RelayForm, context: dict[str, Any]
) -> HttpResponse:
    context["form"] = form
    status = 422 if form.errors else 200
    return render(request, "relays/edit.html", context, status=status)


urlpatterns: list[URLPattern | URLResolver] = [
    path("relays/", relays, name="relays"),
    path("relays/add/", relay_add, name="relay-add"),
    path("relays/<uuid:pk>/", relay_page, name="relay"),
    path("relays/<uuid:pk>/edit/", relay_edit, name="relay-edit"),
    path("relays/<uuid:pk>/check/", relay_check, name="relay-check"),
    path("relays/<uuid:pk>/forget/", relay_forget, name="relay-forget"),
    path("relays/<uuid:pk>/delete/", relay_delete, name="relay-delete"),
]
