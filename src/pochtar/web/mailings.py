"""Mailings: list and form; mailing_page.py shows one, mailing_run.py launches it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from pochtar.accounts.models import Role
from pochtar.base.errors import PochtarError
from pochtar.base.paging import keyset_page
from pochtar.delivery.models import Sender
from pochtar.mailings import services
from pochtar.mailings.lifecycle import Action, can
from pochtar.mailings.models import Mailing, MailingQuerySet
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    role_view,
    workspace_view,
)
from pochtar.web.forms.mailings import STATE_CHOICES, MailingForm, initial_of
from pochtar.web.mailing_again import (
    mailing_follow_up,
    mailing_retry_failed,
    mailing_send_unknown,
)
from pochtar.web.mailing_audience import audiences_of
from pochtar.web.mailing_page import (
    find_launchable,
    known_mailings,
    mailing_live,
    mailing_page,
    refused,
)
from pochtar.web.mailing_run import (
    mailing_at_once,
    mailing_cancel,
    mailing_launch,
    mailing_pause,
    mailing_resume,
    mailing_stop,
    mailing_undo,
)
from pochtar.web.progress import progress_of
from pochtar.web.templatetags.navigation import address_of

SORTS = {"-created": "-pk", "created": "pk", "name": "name", "-name": "-name"}


class MailingFilter(forms.Form):
    """Which mailings to list and in which order; what does not fit is left out."""

    status = forms.ChoiceField(required=False, choices=STATE_CHOICES)
    q = forms.CharField(required=False, max_length=200)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def narrow(self, mailings: MailingQuerySet) -> MailingQuerySet:
        self.is_valid()
        if status := self.cleaned_data.get("status"):
            mailings = mailings.in_state(status)
        if text := self.cleaned_data.get("q", "").strip():
            mailings = mailings.matching(text)
        return mailings

    @property
    def order(self) -> str:
        return SORTS[self.cleaned_data.get("sort") or "-created"]


@require_safe
@workspace_view
def mailing_list(request: WorkspaceRequest) -> HttpResponse:
    """List the workspace's mailings with their progress."""
    form = MailingFilter(request.GET)
    mine = known_mailings().visible_to(request.user).of(request.workspace)
    rows = form.narrow(mine)
    page = keyset_page(
        rows, order=form.order, cursor=request.GET.get("cursor", ""), size=25
    )
    audiences = audiences_of(page.rows)
    progress = progress_of(row.run for row in page.rows if row.run)
    for row in page.rows:
        row.progress = progress.get(row.run_id)
        row.audience_names = audiences[row.pk]
    context = {
        "page": page,
        "states": STATE_CHOICES,
        "status": form.cleaned_data.get("status", ""),
        "query": form.cleaned_data.get("q", ""),
        "sort": form.cleaned_data.get("sort") or "-created",
        "none_at_all": not page.rows and not mine.exists(),
    }
    return render(request, "mailings/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_view(Role.EDITOR)
def mailing_add(request: WorkspaceRequest) -> HttpResponse:
    """Write a new mailing down."""
    form = _form(request, initial=_first_choices(request))
    if request.method == "POST" and "count" not in request.POST and form.is_valid():
        mailing = services.create_mailing(
            request.workspace, form.draft, by=request.user
        )
        return redirect("mailing", pk=mailing.pk)
    return _show_form(request, form, mailing=None)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Change a mailing that has not been launched."""
    mailing = find_editable(known_mailings(), request, pk)
    if not can(Action.EDIT, mailing.state):
        return refused(request, mailing, services.refuse(mailing, Action.EDIT))
    form = _form(
        request,
        workspace=mailing.workspace,
        initial=initial_of(mailing),
        mailing=mailing,
    )
    if request.method == "POST" and "count" not in request.POST and form.is_valid():
        try:
            services.edit_mailing(mailing, form.draft, by=request.user)
        except PochtarError as error:
            return refused(request, mailing, error)
        return redirect("mailing", pk=pk)
    return _show_form(request, form, mailing=mailing)


@require_POST
@workspace_view
def mailing_count(request: WorkspaceRequest) -> HttpResponse:
    """Say how many people the audience of the form has now; nothing is saved."""
    form = _form(request)
    context = {"form": form, "reach": form.reach()}
    return render(request, "mailings/form.html#count", context)


@require_POST
@workspace_view
def mailing_duplicate(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Copy a mailing into a new draft and open its form."""
    mailing = find_editable(known_mailings(), request, pk)
    copy = services.duplicate_mailing(mailing, by=request.user)
    messages.success(request, _("This is the copy: change what you like."))
    return redirect("mailing-edit", pk=copy.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Ask, then delete; a completed mailing takes its history with it."""
    mailing = find_editable(known_mailings(), request, pk)
    if mailing.is_launched:
        mailing = find_launchable(request, pk)
    if not can(Action.DELETE, mailing.state):
        return refused(request, mailing, services.refuse(mailing, Action.DELETE))
    if request.method != "POST":
        return render(request, "mailings/delete.html", {"mailing": mailing})
    try:
        services.delete_mailing(mailing, by=request.user)
    except PochtarError as error:
        return refused(request, mailing, error)
    messages.success(request, _("The mailing is deleted."))
    return redirect("mailings")


def _form(request: WorkspaceRequest, **kwargs: Any) -> MailingForm:
    return MailingForm(
        request.POST if request.method == "POST" else None,
        workspace=kwargs.pop("workspace", request.workspace),
        search_url=address_of("recipients-search"),
        **kwargs,
    )


def _first_choices(request: WorkspaceRequest) -> dict[str, Any]:
    """Choose what the link asks for, and the only sender there is."""
    senders = Sender.objects.of(request.workspace).values_list("pk", flat=True)[:2]
    initial: dict[str, Any] = {"sender": senders[0] if len(senders) == 1 else None}
    if message := request.GET.get("message"):
        initial["message"] = message
    if chosen := request.GET.getlist("list"):
        initial |= {"audience": "lists", "lists": chosen}
    return initial


def _show_form(
    request: WorkspaceRequest, form: MailingForm, *, mailing: Mailing | None
) -> HttpResponse:
    asked = form.is_bound and "count" in request.POST
    reach = form.reach() if form.is_bound else None
    if asked:
        # Only the number was asked for: what is not filled in yet is no mistake.
        form.keep_errors_of_the_audience()
    context = {
        "form": form,
        "mailing": mailing,
        "reach": reach,
        "asked": asked,
        "has_messages": form.fields["message"].queryset.exists(),  # type: ignore[attr-defined]
        "has_senders": form.fields["sender"].queryset.exists(),  # type: ignore[attr-defined]
        "has_lists": form.fields["lists"].queryset.exists(),  # type: ignore[attr-defined]
        "has_mailings": form.fields["exclude_mailings"].queryset.exists(),  # type: ignore[attr-defined]
        "has_segments": form.fields["segments"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render(request, "mailings/form.html", context)


urlpatterns = [
    path("mailings/", mailing_list, name="mailings"),
    path("mailings/add/", mailing_add, name="mailing-add"),
    path("mailings/count/", mailing_count, name="mailing-count"),
    path("mailings/<uuid:pk>/", mailing_page, name="mailing"),
    path("mailings/<uuid:pk>/live/", mailing_live, name="mailing-live"),
    path("mailings/<uuid:pk>/edit/", mailing_edit, name="mailing-edit"),
    path("mailings/<uuid:pk>/delete/", mailing_delete, name="mailing-delete"),
    path("mailings/<uuid:pk>/duplicate/", mailing_duplicate, name="mailing-duplicate"),
    path("mailings/<uuid:pk>/launch/", mailing_launch, name="mailing-launch"),
    path("mailings/<uuid:pk>/pause/", mailing_pause, name="mailing-pause"),
    path("mailings/<uuid:pk>/resume/", mailing_resume, name="mailing-resume"),
    path("mailings/<uuid:pk>/cancel/", mailing_cancel, name="mailing-cancel"),
    path("mailings/<uuid:pk>/undo/", mailing_undo, name="mailing-undo"),
    path("mailings/<uuid:pk>/at-once/", mailing_at_once, name="mailing-at-once"),
    path("mailings/<uuid:pk>/stop/", mailing_stop, name="mailing-stop"),
    path(
        "mailings/<uuid:pk>/retry-failed/",
        mailing_retry_failed,
        name="mailing-retry-failed",
    ),
    path(
        "mailings/<uuid:pk>/send-unknown/",
        mailing_send_unknown,
        name="mailing-send-unknown",
    ),
    path("mailings/<uuid:pk>/follow-up/", mailing_follow_up, name="mailing-follow-up"),
]
