"""Add and change recipients."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.recipients import attributes, services
from pochtar.recipients.models import (
    Attribute,
    ConsentEntry,
    Recipient,
    SearchText,
    SuppressionReason,
)
from pochtar.recipients.search import Search, find_page
from pochtar.recipients.services import (
    Person,
    add_recipients,
    change_recipient,
    create_recipient,
)
from pochtar.recipients.standing import stop_of
from pochtar.recipients.stoplist import stop_address, stop_domain
from tests.make import make_recipient

pytestmark = pytest.mark.django_db


def test_msg_13_the_address_is_kept_as_typed_beside_its_key(
    workspace: Workspace, editor: User
) -> None:
    person = Person(email=" Anna@Пример.рф ", full_name="Анна  Ёлкина")

    row = create_recipient(workspace, person, by=editor)

    assert row.email == "Anna@Пример.рф"
    assert row.email_key == "anna@xn--e1afmkfd.xn--p1ai"
    assert (row.full_name, row.name_key) == ("Анна  Ёлкина", "анна елкина")
    assert AuditEntry.objects.get().verb == "recipient_created"


def test_the_same_address_in_another_spelling_is_a_duplicate(
    workspace: Workspace, editor: User
) -> None:
    there = create_recipient(workspace, Person(email="anna@пример.рф"), by=editor)

    with pytest.raises(InvalidInput) as caught:
        create_recipient(
            workspace, Person(email="ANNA@xn--e1afmkfd.xn--p1ai"), by=editor
        )

    error = caught.value
    assert (error.code, error.field) == ("recipient_exists", "email")
    assert error.details["recipient"] == there


def test_two_workspaces_may_know_the_same_person(
    workspace: Workspace, editor: User, stranger: User
) -> None:
    person = Person(email="anna@example.com")

    create_recipient(workspace, person, by=editor)
    create_recipient(stranger.workspaces.get(), person, by=stranger)

    assert Recipient.objects.count() == 2


def test_changing_the_address_to_one_that_is_there_changes_nothing(
    workspace: Workspace, editor: User
) -> None:
    make_recipient(workspace, "anna@example.com")
    row = make_recipient(workspace, "boris@example.com", full_name="Борис")

    with pytest.raises(InvalidInput) as caught:
        change_recipient(row, Person(email="Anna@example.com"), by=editor)

    assert caught.value.code == "recipient_exists"
    row.refresh_from_db()
    assert (row.email, row.full_name) == ("boris@example.com", "Борис")


def test_a_recipient_may_keep_its_own_address(
    workspace: Workspace, editor: User
) -> None:
    row = make_recipient(workspace, "anna@example.com")

    change_recipient(row, Person(email="ANNA@example.com"), by=editor)

    row.refresh_from_db()
    assert row.email == "ANNA@example.com"


def test_changing_a_recipient_who_is_gone_is_a_conflict(
    workspace: Workspace, editor: User
) -> None:
    row = make_recipient(workspace)
    Recipient.objects.all().delete()

    with pytest.raises(Conflict) as caught:
        change_recipient(row, Person(email="a@example.com"), by=editor)

    assert caught.value.code == "recipient_gone"
    assert not Recipient.objects.exists()


def test_what_is_found_follows_the_change(workspace: Workspace, editor: User) -> None:
    row = create_recipient(
        workspace, Person(email="anna@example.com", full_name="Анна"), by=editor
    )

    change_recipient(
        row, Person(email="olga@example.com", full_name="Ольга"), by=editor
    )

    assert SearchText.objects.get().text == "olga@example.com ольга"
    for text, found in (("анна", []), ("ольг", [row]), ("lga@", [row])):
        assert find_page(Search(workspace=workspace, text=text)).page.rows == found


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("", "address_empty"),
        ("anna", "address_syntax"),
        ("anna@", "address_domain"),
        ("anna@localhost", "address_domain"),
        ("anna@example.com\nx", "address_control"),
        ("a" * 300 + "@example.com", "address_too_long"),
    ],
)
def test_a_bad_address_says_what_is_wrong(
    workspace: Workspace, editor: User, email: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_recipient(workspace, Person(email=email), by=editor)

    assert (caught.value.code, caught.value.field) == (code, "email")
    assert str(caught.value)


CONTROLS = ["\r\n", "\n", "\x00", "\x1f", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("place", ["{}Анна", "Ан{}на", "Анна{}"])
def test_msg_20_no_control_character_gets_into_a_name_or_an_attribute(
    workspace: Workspace, editor: User, control: str, place: str
) -> None:
    text = place.format(control)

    for person, field in (
        (Person(email="a@example.com", full_name=text), "full_name"),
        (Person(email="a@example.com", attributes={"city": text}), "attributes"),
    ):
        with pytest.raises(InvalidInput) as caught:
            create_recipient(workspace, person, by=editor)
        assert (caught.value.code, caught.value.field) == ("control_character", field)


def test_a_comment_may_have_lines_but_no_nul(
    workspace: Workspace, editor: User
) -> None:
    person = Person(email="a@example.com", comment="one\r\n\ttwo")
    assert create_recipient(workspace, person, by=editor).comment == "one\n\ttwo"

    with pytest.raises(InvalidInput) as caught:
        create_recipient(
            workspace, Person(email="b@c.example", comment="\x00"), by=editor
        )
    assert caught.value.field == "comment"


@pytest.mark.parametrize("key", ["город", "city_2", "_x", "a" * 50, "ключ"])
def test_a_key_that_a_message_can_name_is_taken(
    workspace: Workspace, editor: User, key: str
) -> None:
    person = Person(email="a@example.com", attributes={key: "x"})

    assert create_recipient(workspace, person, by=editor).attributes == {key: "x"}
    assert Attribute.objects.get().key == key


@pytest.mark.parametrize(
    "key", ["", "1a", "a b", "a-b", "a.b", "email", "full_name", "a" * 51, "{{", "a\n"]
)
def test_any_other_key_is_refused(workspace: Workspace, editor: User, key: str) -> None:
    person = Person(email="a@example.com", attributes={key: "x"})
    if key == "a\n":
        assert create_recipient(workspace, person, by=editor).attributes == {"a": "x"}
        return

    with pytest.raises(InvalidInput) as caught:
        create_recipient(workspace, person, by=editor)

    assert caught.value.details["key"] == key


def test_one_spelling_of_a_key_is_kept(workspace: Workspace, editor: User) -> None:
    decomposed = "\u0438\u0306ога"  # «й» in two characters

    person = Person(email="a@example.com", attributes={decomposed: "x"})
    assert list(create_recipient(workspace, person, by=editor).attributes) == ["йога"]
    both = Person(email="b@example.com", attributes={decomposed: "x", "йога": "y"})
    with pytest.raises(InvalidInput) as caught:
        create_recipient(workspace, both, by=editor)
    assert caught.value.code == "attribute_twice"


def test_attributes_are_limited_in_number(workspace: Workspace, editor: User) -> None:
    many = {f"k{number}": "x" for number in range(51)}

    with pytest.raises(InvalidInput) as caught:
        create_recipient(
            workspace, Person(email="a@example.com", attributes=many), by=editor
        )

    assert caught.value.code == "too_many_attributes"


def test_the_keys_of_a_workspace_are_limited_in_number(
    workspace: Workspace, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "MOST_KEYS", 1)
    create_recipient(
        workspace, Person(email="a@example.com", attributes={"a": "x"}), by=editor
    )

    with pytest.raises(InvalidInput) as caught:
        create_recipient(
            workspace, Person(email="b@example.com", attributes={"b": "x"}), by=editor
        )

    assert caught.value.code == "too_many_keys"
    assert Recipient.objects.count() == 1


def test_many_are_added_and_those_who_are_there_stay(
    workspace: Workspace, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BATCH", 2)
    there = make_recipient(workspace, "b@example.com", full_name="Борис")
    people = [
        Person(email=f"{name}@example.com", attributes={"city": "Тверь"})
        for name in ("a", "B", "c", "C", "d")
    ]

    added = add_recipients(workspace, people, by=editor)

    assert [row.email_key[0] for row in added] == ["a", "c", "d"]
    assert Recipient.objects.count() == 4
    there.refresh_from_db()
    assert there.full_name == "Борис"
    assert SearchText.objects.get(recipient=added[0]).text.startswith("a@example.com")
    assert Attribute.objects.get().key == "city"


def test_one_bad_person_among_many_adds_nobody(
    workspace: Workspace, editor: User
) -> None:
    with pytest.raises(InvalidInput):
        add_recipients(
            workspace, [Person(email="a@example.com"), Person(email="b")], by=editor
        )

    assert not Recipient.objects.exists()


def test_a_viewer_and_a_stranger_add_and_change_nobody(
    workspace: Workspace, viewer: User, stranger: User
) -> None:
    row = make_recipient(workspace)
    person = Person(email="new@example.com")

    for user in (viewer, stranger):
        with pytest.raises(NotAllowed):
            create_recipient(workspace, person, by=user)
        with pytest.raises(NotAllowed):
            change_recipient(row, person, by=user)
        with pytest.raises(NotAllowed):
            add_recipients(workspace, [person], by=user)

    assert list(Recipient.objects.values_list("email", flat=True)) == [row.email]


# Why they may be written to, and whether they must not be -------------------------------
def test_law_01_the_basis_of_who_is_added_stands_in_the_ledger(workspace, editor):
    person = Person(email="a@example.com", basis="consent", wording="Yes, write me.")
    row = create_recipient(workspace, person, by=editor)
    unsure = create_recipient(workspace, Person(email="b@example.com"), by=editor)

    line = ConsentEntry.objects.get()
    assert (row.basis, unsure.basis) == ("consent", "")
    assert (line.address_hash, line.basis) == (row.address_hash, "consent")
    assert (line.wording, line.recorded_by) == ("Yes, write me.", editor.pk)


def test_law_01_many_who_are_added_have_a_line_for_each_basis(workspace, editor):
    people = [
        Person(email=f"{basis}{number}@example.com", basis=basis)
        for basis in ("consent", "contract", "")
        for number in range(2)
    ]

    add_recipients(workspace, people, by=editor)

    lines = ConsentEntry.objects.order_by("sequence").values_list("basis", "number")
    assert list(lines) == [("consent", 2), ("contract", 2)]


def test_nothing_said_leaves_the_basis_as_it_is(workspace, editor):
    person = Person(email="a@example.com", basis="contract")
    row = create_recipient(workspace, person, by=editor)

    change_recipient(row, Person(email="a@example.com", full_name="A"), by=editor)
    row.refresh_from_db()
    assert (row.basis, ConsentEntry.objects.count()) == ("contract", 1)

    change_recipient(row, Person(email="a@example.com", basis="consent"), by=editor)
    row.refresh_from_db()
    assert (row.basis, ConsentEntry.objects.count()) == ("consent", 2)


def test_a_basis_that_there_is_not_is_refused(workspace, editor):
    with pytest.raises(InvalidInput) as error:
        create_recipient(
            workspace, Person(email="a@example.com", basis="luck"), by=editor
        )

    assert (error.value.code, error.value.field) == ("unknown_basis", "basis")


def test_bnc_07_a_new_address_takes_the_flag_of_the_stop_list(workspace, editor):
    stop_address(
        workspace, "bad@example.com", reason=SuppressionReason.MANUAL, by=editor
    )
    row = create_recipient(workspace, Person(email="good@example.com"), by=editor)
    assert not row.suppressed
    workspace.refresh_from_db()
    departures = workspace.departures

    change_recipient(row, Person(email="BAD@example.com"), by=editor)
    row.refresh_from_db()
    workspace.refresh_from_db()
    assert (row.suppressed, workspace.departures) == (True, departures + 1)

    change_recipient(row, Person(email="good@example.com"), by=editor)
    row.refresh_from_db()
    assert not row.suppressed


def test_bnc_07_an_edit_does_not_undo_a_stop_that_came_meanwhile(workspace, editor):
    row = create_recipient(workspace, Person(email="a@example.com"), by=editor)
    stop_address(workspace, "a@example.com", reason=SuppressionReason.MANUAL, by=editor)

    change_recipient(row, Person(email="a@example.com", full_name="A"), by=editor)

    row.refresh_from_db()
    assert row.suppressed


def test_bnc_07_the_nearest_entry_of_the_stop_list_is_named(workspace, editor):
    for domain in ("example.com", "shop.example.com"):
        stop_domain(workspace, domain, by=editor)
    row = create_recipient(workspace, Person(email="a@shop.example.com"), by=editor)
    nearest = stop_of(row)
    assert nearest
    assert nearest.domain == "shop.example.com"

    stop, _new = stop_address(
        workspace, row.email, reason=SuppressionReason.OBJECTED, by=editor
    )
    assert stop_of(row) == stop
