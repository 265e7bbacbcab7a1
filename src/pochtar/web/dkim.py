"""The pages of a sender's domain and its DKIM keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from pochtar.accounts.models import Role, Workspace
from pochtar.base.errors import InvalidInput, PochtarError
from pochtar.delivery.dkim_checks import check_key
from pochtar.delivery.dkim_keys import (
    delete_dkim_key,
    generate_dkim_key,
    import_dkim_key,
    keys_of,
    known_domains,
    retire_dkim_key,
    rotate_dkim_key,
)
from pochtar.delivery.dkim_signing import active_keys, domain_of
from pochtar.delivery.dkim_words import badge_of, explain_key, notes_of
from pochtar.delivery.models import DkimAlgorithm, DkimKey, DkimState, Sender
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    require,
    workspace_view,
)
from pochtar.web.forms.dkim import ImportKeyForm

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def domain_page(request: WorkspaceRequest, domain: str) -> HttpResponse:
    """Show the keys of a domain, and what to publish."""
    _known(request, domain)
    keys = keys_of(request.workspace, domain)
    senders = Sender.objects.of(request.workspace).order_by("from_email")
    context = {
        "domain": domain,
        "shown_domain": shown(domain),
        "keys": [(key, badge_of(key), explain_key(key), notes_of(key)) for key in keys],
        "senders": [each for each in senders if domain_of(each.from_email) == domain],
        "inherited": _inherited(request.workspace, domain),
        "offers_ed25519": _offers_ed25519(keys),
    }
    return render(request, "senders/domain.html", context)


def _inherited(workspace: Workspace, domain: str) -> DkimKey | None:
    """Return the key of a domain above, where that one signs."""
    found = active_keys(workspace.pk, domain)
    return found[0] if found and found[0].domain != domain else None


def _offers_ed25519(keys: list[DkimKey]) -> bool:
    """Only beside RSA, and one at a time (DKIM-05)."""
    used = {key.algorithm for key in keys if key.state in ("new", DkimState.ACTIVE)}
    return used == {DkimAlgorithm.RSA.value}


@require_POST
@workspace_view
def dkim_generate(request: WorkspaceRequest, domain: str) -> HttpResponse:
    _known(request, domain)
    require(request, Role.MANAGER)
    algorithm = request.POST.get("algorithm", DkimAlgorithm.RSA)
    if algorithm not in DkimAlgorithm.values:
        algorithm = DkimAlgorithm.RSA
    return _do(
        request,
        domain,
        lambda: generate_dkim_key(
            request.workspace, domain=domain, algorithm=algorithm, by=request.user
        ),
        _("The key is made. Publish its record, then check."),
    )


@form_view
@workspace_view
def dkim_import(request: WorkspaceRequest, domain: str) -> HttpResponse:
    """Take in a key that exists already."""
    _known(request, domain)
    require(request, Role.MANAGER)
    form = ImportKeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            import_dkim_key(
                request.workspace, domain=domain, by=request.user, **form.cleaned_data
            )
        except InvalidInput as error:
            form.add_error(error.field or None, str(error))
        except PochtarError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The key is taken in. Check its record now."))
            return redirect("sender-domain", domain)
    context = {"form": form, "domain": domain, "shown_domain": shown(domain)}
    status = 422 if form.errors else 200
    return render(request, "senders/dkim_import.html", context, status=status)


@require_POST
@workspace_view
def dkim_check(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Ask DNS now."""
    key: DkimKey = find_editable(_all(), request, pk)
    check_key(key, by=request.user)
    return redirect("sender-domain", key.domain)


@require_POST
@workspace_view
def dkim_rotate(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    key: DkimKey = find_editable(_all(), request, pk)
    return _do(
        request,
        key.domain,
        lambda: rotate_dkim_key(key, by=request.user),
        _("The next key is made. The present one signs until DNS shows the next."),
    )


@form_view
@workspace_view
def dkim_retire(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    key: DkimKey = find_editable(_all(), request, pk)
    if request.method != "POST":
        return render(request, "senders/dkim_retire.html", {"key": key})
    return _do(
        request,
        key.domain,
        lambda: retire_dkim_key(key, by=request.user),
        _("The key is retired."),
    )


@form_view
@workspace_view
def dkim_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    key: DkimKey = find_editable(_all(), request, pk)
    if request.method != "POST":
        return render(request, "senders/dkim_delete.html", {"key": key})
    return _do(
        request,
        key.domain,
        lambda: delete_dkim_key(key, by=request.user),
        _("The key has been deleted."),
    )


def shown(domain: str) -> str:
    """Return the domain as people write it."""
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain


def _known(request: WorkspaceRequest, domain: str) -> None:
    if domain not in known_domains(request.workspace):
        raise Http404


def _all() -> Any:
    return DkimKey.objects.select_related("workspace")


def _do(
    request: WorkspaceRequest, domain: str, action: Callable[[], object], done: str
) -> HttpResponse:
    """Do it and go back to the domain; a refusal is said there."""
    try:
        action()
    except PochtarError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    if domain in known_domains(request.workspace):
        return redirect("sender-domain", domain)
    return redirect("senders")  # the last key of a domain without senders


urlpatterns: list[URLPattern | URLResolver] = [
    path("senders/domains/<str:domain>/", domain_page, name="sender-domain"),
    path("senders/domains/<str:domain>/generate/", dkim_generate, name="dkim-generate"),
    path("senders/domains/<str:domain>/import/", dkim_import, name="dkim-import"),
    path("senders/keys/<uuid:pk>/check/", dkim_check, name="dkim-check"),
    path("senders/keys/<uuid:pk>/rotate/", dkim_rotate, name="dkim-rotate"),
    path("senders/keys/<uuid:pk>/retire/", dkim_retire, name="dkim-retire"),
    path("senders/keys/<uuid:pk>/delete/", dkim_delete, name="dkim-delete"),
]
