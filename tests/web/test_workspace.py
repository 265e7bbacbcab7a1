"""The workspace's settings, participants, and more than one workspace."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import Membership, Role, Workspace
from pochtar.sandbox.models import CapturedMessage
from pochtar.web.forms.workspace import WorkspaceForm
from tests.make import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db

SETTINGS = {"name": "Новое имя", "time_zone": "Asia/Omsk"}


def test_an_owner_changes_name_and_time_zone(as_owner, workspace):
    page = as_owner.post(reverse("workspace"), SETTINGS)

    assert page.url == reverse("workspace")
    changed = Workspace.objects.get(pk=workspace.pk)
    assert (changed.name, changed.time_zone) == ("Новое имя", "Asia/Omsk")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.MANAGER])
def test_others_see_the_settings_but_may_not_change_them(client, workspace, role):
    client.force_login(make_member(workspace, role=role))

    assert "Лавка" in client.get(reverse("workspace")).content.decode()
    assert client.post(reverse("workspace"), SETTINGS).status_code == 403
    assert Workspace.objects.get(pk=workspace.pk).name == "Лавка"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "x" * 121},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": ""},
    ],
)
def test_bad_settings_are_said_at_the_field(as_owner, workspace, wrong):
    page = as_owner.post(reverse("workspace"), SETTINGS | wrong)

    assert list(page.context["form"].errors) == list(wrong)
    assert Workspace.objects.get(pk=workspace.pk).name == "Лавка"


def test_the_participants_are_shown_with_their_roles(as_owner, viewer, editor):
    page = as_owner.get(reverse("workspace"), HTTP_ACCEPT_LANGUAGE="en")

    text = page.content.decode()
    assert viewer.email in text
    assert editor.email in text
    assert str(Role.EDITOR.label) in text


def test_somebody_without_a_workspace_is_asked_to_open_one(client):
    user = make_user()
    client.force_login(user)

    assert client.get(reverse("home")).url == reverse("workspace-open")
    page = client.post(reverse("workspace-open"), SETTINGS)

    assert page.url == reverse("home")
    assert Membership.objects.get(user=user).role == Role.OWNER


def test_somebody_opens_another_workspace_and_goes_back(as_owner, workspace):
    as_owner.post(reverse("workspace-open"), SETTINGS)
    assert "Новое имя" in as_owner.get(reverse("workspace")).content.decode()

    as_owner.post(reverse("workspace-switch", args=[workspace.pk]))

    assert as_owner.get(reverse("workspace")).context["workspace"] == workspace


def test_sec_01_nobody_switches_to_a_workspace_of_others(as_stranger, workspace):
    found = as_stranger.post(reverse("workspace-switch", args=[workspace.pk]))

    assert found.status_code == 404


def test_a_workspace_one_has_left_is_not_kept(client, workspace, owner):
    mine = make_workspace(owner, name="Второй")
    client.force_login(owner)
    client.post(reverse("workspace-switch", args=[mine.pk]))
    Membership.objects.filter(workspace=mine, user=owner).delete()

    assert client.get(reverse("workspace")).context["workspace"] == workspace


@pytest.mark.parametrize(
    ("zone", "clock"), [("Asia/Omsk", "19:00"), ("America/New_York", "08:00")]
)
def test_times_are_shown_by_the_workspaces_clock(client, owner, zone, clock):
    workspace = make_workspace(owner, time_zone=zone)
    received_at = datetime(2026, 1, 15, 13, tzinfo=UTC)
    letter = CapturedMessage.objects.create(
        workspace=workspace,
        rcpt_to="a@example.com",
        size=2,
        raw=b"",
        received_at=received_at,
    )
    client.force_login(owner)

    page = client.get(reverse("sandbox-letter", args=[letter.pk]))

    assert clock in page.content.decode()
    assert timezone.get_current_timezone() == timezone.get_default_timezone()


def test_what_only_the_service_refuses_is_said_at_the_field_too(owner, workspace):
    form = WorkspaceForm({"name": "\u2003", "time_zone": "Asia/Omsk"})
    form.fields["name"].strip = False  # type: ignore[attr-defined]  # a CharField
    assert form.is_valid()

    assert form.change(workspace, by=owner) is None

    assert list(form.errors) == ["name"]
