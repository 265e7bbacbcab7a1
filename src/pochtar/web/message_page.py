"""One message as a recipient would get it, and a test of it to oneself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages as notes
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from mailcore.personalise import TemplateError
from pochtar.accounts.models import Workspace
from pochtar.base.errors import PochtarError
from pochtar.content.checks import (
    BUILT_IN_NAMES,
    UNSUBSCRIBE_NAME,
    draft_of,
    find_problems,
    is_clipped,
)
from pochtar.content.models import Message
from pochtar.content.preview import Preview, render_preview
from pochtar.delivery.checks import TestLetter, send_test
from pochtar.delivery.marks import sample_url
from pochtar.delivery.models import Sender
from pochtar.recipients.models import Attribute, Recipient
from pochtar.recipients.search import Search, find_page
from pochtar.sandbox.letters import REMOTE_IMAGE
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    workspace_view,
)
from pochtar.web.letter_frame import frame_response
from pochtar.web.recipient_table import read_id

OFFERED = 20
TABS = ("html", "text")
LONGEST_QUERY = 200


@require_safe
@workspace_view
def message_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Show the letter as the chosen recipient would get it."""
    message: Message = find_visible(
        Message.objects.select_related("workspace"), request, pk
    )
    context = preview_context(request, message)
    context["senders"] = Sender.objects.of(message.workspace).select_related("relay")
    context["mailings"] = message.mailings.order_by("-pk")[:10]
    context["clipped"] = is_clipped(message.html)
    return render(request, "messages/message.html", context)


@require_safe
@workspace_view
def message_frame(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """The letter itself, for the frame."""
    message: Message = find_visible(
        Message.objects.select_related("workspace"), request, pk
    )
    recipient = _chosen(request.GET, message.workspace)
    preview = _preview(message, _sample_values(message, recipient))
    return frame_response(request, preview.html if preview else "")


@require_POST
@workspace_view
def message_test(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Send the letter, with the chosen recipient's values, to who is logged in."""
    message: Message = find_editable(
        Message.objects.select_related("workspace"), request, pk
    )
    back = reverse("message", args=[pk])
    recipient = _chosen(request.POST, message.workspace)
    if recipient:
        back += f"?{urlencode({'recipient': str(recipient.pk)})}"
    senders = Sender.objects.of(message.workspace).select_related("relay")
    sender = senders.filter(pk=read_id(request.POST.get("sender", ""))).first()
    if sender is None:
        notes.error(request, _("Choose a sender for the test letter."))
        return redirect(back)
    values = {"full_name": request.user.name, **merge_values(recipient)}
    try:
        sent = send_test(
            message,
            sender=sender,
            to=request.user.email,
            name=request.user.name,
            values={**values, "email": values.get("email") or request.user.email},
            by=request.user,
        )
    except PochtarError as error:
        notes.error(request, str(error))
    else:
        _say(request, sent, sender)
    return redirect(back)


def _say(request: WorkspaceRequest, sent: TestLetter, sender: Sender) -> None:
    """Tell what the mail server answered; in the sandbox, where the letter is."""
    if not sent.accepted:
        text = _("The test letter was not taken: %(verdict)s")
        notes.error(request, _joined(text % {"verdict": sent.verdict}, sent.reply))
    elif sender.relay.is_sandbox:
        text = _("The test letter is in the sandbox.")
        url, word = reverse("sandbox"), _("Open the sandbox")
        notes.success(request, format_html('{} <a href="{}">{}</a>', text, url, word))
    else:
        text = _("The test letter is on its way to %(address)s.")
        text %= {"address": request.user.email}
        notes.success(request, _joined(text, sent.reply))


def _joined(text: str, reply: str) -> str:
    if not reply or reply in text:
        return text
    answer = _("The server's reply: %(reply)s") % {"reply": reply}
    return f"{text} {answer}"


def preview_context(request: WorkspaceRequest, message: Message) -> dict[str, Any]:
    """Return what the preview shows; the query chooses recipient, tab and width."""
    recipient = _chosen(request.GET, message.workspace)
    preview = _preview(message, _sample_values(message, recipient))
    problems = find_problems(draft_of(message), names=known_names(message.workspace))
    tabs = TABS if preview and preview.html else TABS[1:]
    asked = request.GET.get("show", "")
    images = request.GET.get("images") == "1"
    return {
        "message": message,
        "problems": problems,
        "preview": preview,
        "recipient": recipient,
        "offered": _offered(request, message.workspace, recipient),
        "query": request.GET.get("q", "")[:LONGEST_QUERY],
        "tabs": tabs,
        "tab": asked if asked in tabs else tabs[0],
        "phone": request.GET.get("width") == "phone",
        "images": images,
        "has_images": bool(preview and REMOTE_IMAGE.search(preview.html)),
        "frame_url": _frame_url(message, recipient, images=images),
    }


def merge_values(recipient: Recipient | None) -> dict[str, str]:
    """Return the values of a recipient's merge fields; none for nobody."""
    if recipient is None:
        return {}
    values = {key: str(value) for key, value in recipient.attributes.items()}
    return values | {"full_name": recipient.full_name, "email": recipient.email}


def _sample_values(message: Message, recipient: Recipient | None) -> dict[str, str]:
    """Return the values for a preview: its way out leads to a page of no effect."""
    way_out = {UNSUBSCRIBE_NAME: sample_url(message.workspace)}
    return merge_values(recipient) | way_out


def known_names(workspace: Workspace) -> list[str]:
    keys = Attribute.objects.of(workspace).order_by("key")
    return [*BUILT_IN_NAMES, *keys.values_list("key", flat=True)]


def _chosen(query: QueryDict, workspace: Workspace) -> Recipient | None:
    """Return the recipient that the query names, else the first of the workspace."""
    rows = Recipient.objects.of(workspace)
    pk = read_id(query.get("recipient", ""))
    chosen: Recipient | None = rows.filter(pk=pk).first() if pk else None
    return chosen or rows.order_by("pk").first()


def _offered(
    request: WorkspaceRequest, workspace: Workspace, chosen: Recipient | None
) -> Iterable[Recipient]:
    """Return whom the picker shows before anything is searched for."""
    text = request.GET.get("q", "").replace("\x00", "")[:LONGEST_QUERY]
    found = find_page(Search(workspace=workspace, text=text), size=OFFERED).page.rows
    others = [row for row in found if chosen is None or row.pk != chosen.pk]
    return [chosen, *others] if chosen else others


def _frame_url(message: Message, recipient: Recipient | None, *, images: bool) -> str:
    query = {"recipient": str(recipient.pk)} if recipient else {}
    if images:
        query["images"] = "1"
    url = reverse("message-frame", args=[message.pk])
    return f"{url}?{urlencode(query)}" if query else url


def _preview(message: Message, values: dict[str, str]) -> Preview | None:
    """Return the letter, or None for a message with a mistake in it."""
    try:
        return render_preview(message, values)
    except TemplateError:
        return None
