"""The attempts: who was tried when, and what the mail server said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from mailcore.addresses import AddressError, parse_address
from mailcore.smtp.meanings import explain_reply
from pochtar.accounts.models import Workspace
from pochtar.base.paging import Page, keyset_page
from pochtar.delivery.models import Attempt, Delivery, Outcome
from pochtar.delivery.reasons import REASONS, reason_words
from pochtar.delivery.reply_words import WORDS, explain_attempt
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Recipient
from pochtar.web.access import WorkspaceRequest, find_visible, workspace_view
from pochtar.web.export import stream_csv
from pochtar.web.templatetags.formatting import OUTCOMES

COLUMNS_READ_AT_ONCE = 2000
TABS = [
    ("", gettext_lazy("All")),
    (Outcome.ACCEPTED, gettext_lazy("Successful")),
    (Outcome.FAILED, gettext_lazy("Not successful")),
    (Outcome.DEFERRED, gettext_lazy("Put off")),
    (Outcome.UNKNOWN, gettext_lazy("Outcome unknown")),
    (Outcome.SKIPPED, gettext_lazy("Skipped")),
]


class AttemptFilter(forms.Form):
    """Which attempts to show; whatever does not fit shows all."""

    status = forms.ChoiceField(required=False, choices=TABS)
    q = forms.CharField(required=False, max_length=320)

    def narrow(
        self, attempts: QuerySet[Attempt], workspace: Workspace
    ) -> QuerySet[Attempt]:
        self.is_valid()
        if status := self.cleaned_data.get("status"):
            attempts = attempts.filter(outcome=status)
        if text := self.cleaned_data.get("q", "").strip():
            attempts = _of_address(attempts, workspace, text)
        return attempts


def _of_address(
    attempts: QuerySet[Attempt], workspace: Workspace, text: str
) -> QuerySet[Attempt]:
    """Narrow to an address: a whole one by its recipient's index, a part by a scan."""
    try:
        key = parse_address(text).key
    except AddressError:
        key = ""
    recipient = Recipient.objects.of(workspace).filter(email_key=key).first()
    if recipient:
        # Their keys first: a planner that joins would walk through all attempts.
        theirs = Delivery.objects.filter(recipient=recipient)
        return attempts.filter(delivery__in=list(theirs.values_list("pk", flat=True)))
    return attempts.filter(delivery__email__icontains=text)


def attempts_context(
    request: WorkspaceRequest, attempts: QuerySet[Attempt], workspace: Workspace
) -> dict[str, Any]:
    """Return what ``attempts/table.html`` needs: the page of rows and its filters."""
    form = AttemptFilter(request.GET)
    rows = form.narrow(attempts, workspace).select_related("delivery")
    page: Page[Attempt] = keyset_page(rows, cursor=request.GET.get("cursor", ""))
    for attempt in page.rows:
        _add_words(attempt)
    return {
        "page": page,
        "attempt_tabs": TABS,
        "status": form.cleaned_data.get("status", ""),
        "query": form.cleaned_data.get("q", ""),
        "filtered": bool(form.cleaned_data.get("status") or form.cleaned_data.get("q")),
    }


def _add_words(attempt: Any) -> None:
    """Give a row of the table its words; what was accepted needs none."""
    attempt.reason_text = reason_words(attempt.reason) if attempt.reason else ""
    if attempt.outcome != Outcome.ACCEPTED:
        attempt.meaning = explain_attempt(attempt)


@require_safe
@workspace_view
def attempt_list(request: WorkspaceRequest) -> HttpResponse:
    """Show all attempts of the workspace, the newest first."""
    attempts = Attempt.objects.visible_to(request.user).of(request.workspace)
    context = attempts_context(request, attempts, request.workspace)
    _name_mailings(context["page"].rows)
    return render(request, "attempts/index.html", {**context, "with_mailing": True})


def _name_mailings(attempts: list[Attempt]) -> None:
    """Give every attempt its mailing: one query a page."""
    runs = {attempt.run_id for attempt in attempts}
    mailings = {row.run_id: row for row in Mailing.objects.filter(run__in=runs)}
    for attempt in attempts:
        attempt.mailing = mailings.get(attempt.run_id)  # type: ignore[attr-defined]


@require_safe
@workspace_view
def attempts_csv(request: WorkspaceRequest) -> StreamingHttpResponse:
    """Give the workspace's attempts as a file, filtered as the page is."""
    attempts = Attempt.objects.visible_to(request.user).of(request.workspace)
    return _as_csv(request, attempts, request.workspace, _("attempts"))


@require_safe
@workspace_view
def mailing_csv(request: WorkspaceRequest, pk: UUID) -> StreamingHttpResponse:
    """Give one mailing's attempts as a file."""
    mailing: Mailing = find_visible(Mailing.objects.all(), request, pk)
    attempts = Attempt.objects.filter(run=mailing.run_id)
    return _as_csv(request, attempts, mailing.workspace, mailing.name)


def _as_csv(
    request: HttpRequest,
    attempts: QuerySet[Attempt],
    workspace: Workspace,
    name: str,
) -> StreamingHttpResponse:
    rows = AttemptFilter(request.GET).narrow(attempts, workspace)
    header = [
        _("Recipient"),
        _("Status"),
        _("Time"),
        _("Code"),
        _("Enhanced code"),
        _("Server's reply"),
        _("Reason"),
        _("Stage"),
        _("Host"),
        _("Peer"),
        "TLS",
        _("Queue id"),
        _("Duration, ms"),
        _("Mailing"),
        _("What it means"),
    ]
    # Words in the reader's language are taken now: the file is written later.
    meanings = {key: str(words.meaning) for key, words in WORDS.items()}
    words = {code: str(word) for code, (_colour, word) in OUTCOMES.items()}
    reasons = {code: str(word) for code, word in REASONS.items()}
    lines = _lines(rows, workspace, words, reasons, meanings)
    return stream_csv(name, header, lines)


def _lines(
    attempts: QuerySet[Attempt],
    workspace: Workspace,
    words: dict[str, str],
    reasons: dict[str, str],
    meanings: dict[str, str],
) -> Iterator[list[Any]]:
    names = (
        *("delivery__email", "outcome", "at", "code", "enhanced_code", "reply"),
        *("reason", "stage", "host", "peer", "tls", "queue_id", "duration_ms"),
        "run__mailing__name",
    )
    rows = attempts.order_by("pk").values_list(*names)
    for email, outcome, at, code, enhanced, reply, reason, *rest in rows.iterator(
        COLUMNS_READ_AT_ONCE
    ):
        local = timezone.localtime(at, workspace.tz)
        key = ""
        if code and outcome != Outcome.ACCEPTED:
            stage, host = rest[:2]
            key = explain_reply(code, enhanced, reply, stage, host).key
        yield [
            email,
            words.get(outcome, outcome),
            local.strftime("%Y-%m-%d %H:%M:%S"),
            code,
            enhanced,
            " ".join(reply.split()),
            reasons.get(reason, reason),
            *rest,
            meanings.get(key, ""),
        ]


urlpatterns = [
    path("attempts/", attempt_list, name="attempts"),
    path("attempts/attempts.csv", attempts_csv, name="attempts-csv"),
    path("mailings/<uuid:pk>/attempts.csv", mailing_csv, name="mailing-attempts-csv"),
]
