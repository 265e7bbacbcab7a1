"""Change many recipients at once."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.delivery.models import Delivery, Run
from pochtar.recipients import jobs
from pochtar.recipients.bulk import (
    add_selected,
    delete_selected,
    remove_selected,
    set_attribute_of_selected,
)
from pochtar.recipients.models import Recipient, RecipientList, SearchText, Subscription
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from tests.make import (
    make_attribute,
    make_list,
    make_mailing,
    make_recipient,
    make_relay,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 2)


@pytest.fixture
def five(workspace: Workspace) -> list[Recipient]:
    return [make_recipient(workspace, full_name="Анна") for _number in range(5)]


@pytest.fixture
def everybody(workspace: Workspace) -> Selection:
    return Selection(search=Search(workspace=workspace, text="анна"))


def test_deleting_many_clears_what_belongs_to_them_and_keeps_their_deliveries(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    make_list(workspace, *five)
    make_mailing(workspace).picked.add(five[0])
    run = Run.objects.create(
        workspace=workspace,
        subject="x",
        from_email="a@b.example",
        relay=make_relay(workspace),
    )
    delivery = Delivery.objects.create(
        run=run, position=1, recipient=five[0], email=five[0].email
    )

    assert delete_selected(everybody, by=editor).changed == 5

    delivery.refresh_from_db()
    assert (delivery.recipient_id, delivery.email) == (None, five[0].email)
    for model in (Recipient, SearchText, Subscription):
        assert not model.objects.exists()
    assert delete_selected(everybody, by=editor).changed == 0


def test_only_those_who_are_ticked_are_deleted(
    workspace: Workspace, editor: User, five: list[Recipient]
) -> None:
    ids = frozenset(row.pk for row in five[:3])

    selection = Selection(search=Search(workspace=workspace), ids=ids)

    assert delete_selected(selection, by=editor).changed == 3
    assert set(Recipient.objects.all()) == set(five[3:])


def test_adding_to_a_list_counts_the_newcomers(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace, five[0])

    assert add_selected(everybody, to=row, by=editor).changed == 4
    assert add_selected(everybody, to=row, by=editor).changed == 0
    assert row.recipients.count() == 5


def test_adding_to_a_list_that_is_gone_is_a_conflict(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace)
    RecipientList.objects.all().delete()

    with pytest.raises(Conflict) as caught:
        add_selected(everybody, to=row, by=editor)

    assert caught.value.code == "list_gone"


def test_removing_from_a_list_leaves_the_recipients_and_other_lists(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row, other = make_list(workspace, *five[:3]), make_list(workspace, *five)

    assert remove_selected(everybody, out_of=row, by=editor).changed == 3
    assert remove_selected(everybody, out_of=row, by=editor).changed == 0

    assert row.recipients.count() == 0
    assert other.recipients.count() == 5
    assert Recipient.objects.count() == 5


def test_those_found_in_a_list_can_be_removed_from_that_list(
    workspace: Workspace, editor: User, five: list[Recipient]
) -> None:
    """What is found shrinks while the batches are worked through."""
    row = make_list(workspace, *five)
    selection = Selection(search=Search(workspace=workspace, list_id=row.pk))

    assert remove_selected(selection, out_of=row, by=editor).changed == 5


def test_a_viewer_changes_nobody(
    workspace: Workspace, viewer: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace, five[0])

    with pytest.raises(NotAllowed):
        delete_selected(everybody, by=viewer)
    with pytest.raises(NotAllowed):
        add_selected(everybody, to=row, by=viewer)
    with pytest.raises(NotAllowed):
        remove_selected(everybody, out_of=row, by=viewer)

    assert Recipient.objects.count() == 5
    assert row.recipients.count() == 1


def test_a_value_for_many_is_one_of_the_attribute_s_type(
    workspace: Workspace, editor: User
) -> None:
    row = make_recipient(workspace)
    make_attribute(workspace, "born", type="date")
    everybody = Selection(search=Search(workspace=workspace))

    set_attribute_of_selected(everybody, key="born", value="1.2.1990", by=editor)

    row.refresh_from_db()
    assert row.attributes == {"born": "1990-02-01"}
    with pytest.raises(InvalidInput) as caught:
        set_attribute_of_selected(everybody, key="born", value="весной", by=editor)
    assert caught.value.code == "not_a_date"
