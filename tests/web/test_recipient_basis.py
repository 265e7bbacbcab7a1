"""Why a recipient may be written to, and the stop list, in the recipient's form."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.models import Recipient
from pochtar.recipients.stoplist import stop_domain
from tests.make import make_recipient
from tests.web.test_recipients import text_of, typed

pytestmark = pytest.mark.django_db


def test_law_02_why_they_may_be_written_to_has_to_be_chosen(
    as_editor: Client, workspace: Workspace
) -> None:
    nothing = typed("anna@example.com", wording="Said yes", basis="")
    refused = as_editor.post(reverse("recipient-add"), nothing)

    assert refused.status_code == 422
    assert "id_basis_error" in text_of(refused)
    assert "Said yes" in text_of(refused)

    as_editor.post(
        reverse("recipient-add"), typed("anna@example.com", basis="unconfirmed")
    )
    assert Recipient.objects.get().basis == ""


def test_law_02_who_was_unconfirmed_is_confirmed_in_the_form_and_not_unsaid(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_recipient(workspace, "anna@example.com", basis="")
    edit = reverse("recipient-edit", args=[row.pk])
    assert 'value="unconfirmed"' in text_of(as_editor.get(edit))

    as_editor.post(edit, typed("anna@example.com", basis="contract"))

    row.refresh_from_db()
    assert row.basis == "contract"
    assert 'value="unconfirmed"' not in text_of(as_editor.get(edit))
    refused = as_editor.post(edit, typed("anna@example.com", basis="unconfirmed"))
    assert refused.status_code == 422


def test_bnc_07_adding_a_stopped_address_warns(
    as_editor: Client, workspace: Workspace, editor: User
) -> None:
    as_editor.cookies["django_language"] = "en"
    stop_domain(workspace, "example.com", by=editor)

    page = text_of(
        as_editor.post(reverse("recipient-add"), typed("anna@example.com"), follow=True)
    )

    assert "The domain example.com is on the stop list" in page
    assert "by hand. No mailing reaches it." in page
