"""The administration pages open, and write nothing that the services must."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Attribute
from tests.conftest import client_of
from tests.make import make_list, make_recipient, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_staff() -> Client:
    return client_of(make_user(is_staff=True, is_superuser=True))


def test_the_pages_open(as_staff: Client, workspace: Workspace) -> None:
    row = make_recipient(workspace, attributes={"city": "Тверь"})
    rows = [row, make_list(workspace, row), Attribute.objects.get()]

    for one in rows:
        name = f"admin:recipients_{one._meta.model_name}"
        pages = [
            reverse(f"{name}_changelist"),
            reverse(f"{name}_change", args=[one.pk]),
        ]
        assert [as_staff.get(url).status_code for url in pages] == [200, 200]


def test_recipients_are_searched_by_the_beginning(
    as_staff: Client, workspace: Workspace
) -> None:
    make_recipient(workspace, "anna@example.com")
    url = reverse("admin:recipients_recipient_changelist")

    assert "anna@example.com" in as_staff.get(url, {"q": "anna"}).content.decode()
    assert "anna@example.com" not in as_staff.get(url, {"q": "nna"}).content.decode()


def test_recipients_are_not_written_past_the_services(
    as_staff: Client, workspace: Workspace
) -> None:
    row = make_recipient(workspace, full_name="Анна")
    change = reverse("admin:recipients_recipient_change", args=[row.pk])

    assert as_staff.post(change, {"full_name": "Ольга"}).status_code == 403
    assert as_staff.get(reverse("admin:recipients_recipient_add")).status_code == 403
