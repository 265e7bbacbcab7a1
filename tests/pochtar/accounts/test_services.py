"""Workspaces, participants and roles."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress

from pochtar.accounts.models import AuditEntry, Membership, Role, User, Workspace
from pochtar.accounts.services import (
    add_participant,
    change_profile,
    change_role,
    change_workspace,
    choose_language,
    open_workspace,
    require_role,
    role_of,
    trust_address,
)
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from tests.make import make_member, make_user

pytestmark = pytest.mark.django_db


def test_whoever_opens_a_workspace_owns_it() -> None:
    user = make_user()

    workspace = open_workspace(name="  Лавка   чая ", owner=user)

    assert workspace.name == "Лавка чая"
    assert role_of(user, workspace) == Role.OWNER
    assert AuditEntry.objects.get(workspace=workspace).verb == "workspace_opened"


def test_a_workspace_needs_a_name() -> None:
    with pytest.raises(InvalidInput) as caught:
        open_workspace(name="   ", owner=make_user())

    assert (caught.value.code, caught.value.field) == ("name_empty", "name")


@pytest.mark.parametrize("role", list(Role))
def test_only_an_owner_changes_the_workspace(workspace: Workspace, role: Role) -> None:
    user = make_member(workspace, role=role)

    if role == Role.OWNER:
        change_workspace(workspace, by=user, name="Новая", time_zone="Asia/Omsk")
        assert Workspace.objects.get(pk=workspace.pk).time_zone == "Asia/Omsk"
    else:
        with pytest.raises(NotAllowed):
            change_workspace(workspace, by=user, name="Новая", time_zone="Asia/Omsk")


def test_each_role_may_do_what_the_ones_below_it_may(workspace: Workspace) -> None:
    for role in Role:
        user = make_member(workspace, role=role)
        allowed = [lowest for lowest in Role if _passes(user, workspace, lowest)]
        assert allowed == [lowest for lowest in Role if lowest.rank <= role.rank]


def _passes(user: User, workspace: Workspace, lowest: Role) -> bool:
    try:
        require_role(user, workspace, lowest)
    except NotAllowed:
        return False
    return True


def test_a_stranger_has_no_role(workspace: Workspace, stranger: User) -> None:
    assert role_of(stranger, workspace) is None
    with pytest.raises(NotAllowed):
        require_role(stranger, workspace, Role.VIEWER)


def test_nobody_takes_part_twice(workspace: Workspace, viewer: User) -> None:
    with pytest.raises(Conflict) as caught:
        add_participant(workspace, user=viewer, role=Role.EDITOR)

    assert caught.value.code == "already_participant"


def test_the_last_owner_stays_an_owner(workspace: Workspace, owner: User) -> None:
    membership = Membership.objects.get(workspace=workspace, user=owner)

    with pytest.raises(Conflict) as caught:
        change_role(membership, by=owner, role=Role.VIEWER)

    assert caught.value.code == "last_owner"


def test_one_of_two_owners_may_step_down(workspace: Workspace, owner: User) -> None:
    make_member(workspace, role=Role.OWNER)
    membership = Membership.objects.get(workspace=workspace, user=owner)

    change_role(membership, by=owner, role=Role.EDITOR)

    assert role_of(owner, workspace) == Role.EDITOR


def test_sec_01_rows_of_another_workspace_are_neither_seen_nor_editable(
    workspace: Workspace, owner: User, stranger: User
) -> None:
    assert list(Workspace.objects.visible_to(owner)) == [workspace]
    assert workspace not in Workspace.objects.visible_to(stranger)
    assert workspace not in Workspace.objects.editable_by(stranger)


def test_an_address_registers_once_in_whatever_case() -> None:
    user = make_user("Anna@Example.COM")

    assert user.email == "anna@example.com"
    assert User.objects.get_by_natural_key("ANNA@example.com") == user


def test_a_person_is_called_and_spoken_to_as_they_wish(owner: User) -> None:
    change_profile(owner, name="  Анна  ", language="en")

    saved = User.objects.get(pk=owner.pk)
    assert (saved.name, saved.language, str(saved)) == ("Анна", "en", "Анна")


def test_a_language_that_nobody_speaks_here_is_refused(owner: User) -> None:
    for change in (
        lambda: change_profile(owner, name="", language="xx"),
        lambda: choose_language(owner, "xx"),
    ):
        with pytest.raises(InvalidInput) as caught:
            change()
        assert (caught.value.code, caught.value.field) == ("invalid", "language")
    assert owner.language == ""


def test_a_choice_of_language_leaves_the_rest_alone(owner: User) -> None:
    elsewhere = User.objects.get(pk=owner.pk)
    change_profile(elsewhere, name="Анна", language="ru")

    choose_language(owner, "en")

    saved = User.objects.get(pk=owner.pk)
    assert (saved.name, saved.language) == ("Анна", "en")


def test_an_operators_address_is_taken_for_confirmed_once(owner: User) -> None:
    trust_address(owner)
    trust_address(owner)

    assert EmailAddress.objects.get(user=owner).verified


def test_somebody_who_registered_has_to_confirm(owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True)

    trust_address(owner)

    assert not EmailAddress.objects.get(user=owner).verified


def test_a_time_zone_must_exist(workspace: Workspace, owner: User) -> None:
    for change in (
        lambda zone: change_workspace(workspace, by=owner, name="А", time_zone=zone),
        lambda zone: open_workspace(name="Б", owner=owner, time_zone=zone),
    ):
        with pytest.raises(InvalidInput) as caught:
            change("Mars/Olympus")
        assert caught.value.field == "time_zone"
    assert workspace.name == "Лавка", "what the page shows is left as it was"
    assert Workspace.objects.count() == 1


def test_an_editor_gives_no_roles(workspace: Workspace, editor: User) -> None:
    membership = Membership.objects.get(workspace=workspace, user=editor)

    with pytest.raises(NotAllowed):
        change_role(membership, by=editor, role=Role.OWNER)


def test_a_user_needs_an_address() -> None:
    with pytest.raises(ValueError, match="address"):
        User.objects.create_user("")


def test_everything_has_a_name_to_show(workspace: Workspace, owner: User) -> None:
    membership = Membership.objects.get(workspace=workspace)
    entry = AuditEntry(workspace=workspace, verb="role_changed", subject="membership")

    assert str(workspace) == "Лавка"
    assert str(membership).startswith("owner@example.com · ")
    assert str(entry) == "role_changed membership"
