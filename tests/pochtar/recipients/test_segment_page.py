"""The page of a segment: the same people, however far from the newest they are."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import User, Workspace
from pochtar.recipients import segments
from pochtar.recipients.models import Segment
from pochtar.recipients.segments import segment_page
from tests.make import make_list, make_recipient, make_workspace

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("examined", [1, 3, 1000])
def test_a_segment_is_paged_whether_it_is_met_near_or_found_whole(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, examined: int
) -> None:
    """With few examined the older ones are not met on the walk along the newest."""
    monkeypatch.setattr(segments, "EXAMINED", examined)
    people = [
        make_recipient(workspace, f"{'in' if at % 3 == 0 else 'out'}{at}@example.com")
        for at in range(160)
    ]
    rule = {"all": [{"field": "email", "op": "begins", "value": "in"}]}
    segment = Segment.objects.create(workspace=workspace, name="In", rule=rule)
    wanted = [one for one in reversed(people) if one.email.startswith("in")]

    first = segment_page(segment)
    second = segment_page(segment, cursor=first.next)

    assert [*first.rows, *second.rows] == wanted
    assert (first.previous, second.next) == ("", "")
    assert segment_page(segment, cursor=second.previous).rows == first.rows


@pytest.mark.parametrize("examined", [1, 30, 1000])
@pytest.mark.parametrize("lists", [1, 2])
def test_a_segment_of_a_list_is_paged_along_the_list(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, examined: int, lists: int
) -> None:
    monkeypatch.setattr(segments, "EXAMINED", examined)
    people = [
        make_recipient(workspace, f"{'in' if at % 4 else 'out'}{at}@example.com")
        for at in range(300)
    ]
    chosen = [make_list(workspace, *people[::3]) for _at in range(lists)]
    rules = [
        {"field": "list", "op": "in", "value": [str(one.pk) for one in chosen]},
        {"field": "email", "op": "begins", "value": "in"},
    ]
    segment = Segment.objects.create(
        workspace=workspace, name="In", rule={"all": rules}
    )
    wanted = [one for at, one in enumerate(people) if at % 4 and at % 3 == 0][::-1]

    first = segment_page(segment)
    second = segment_page(segment, cursor=first.next)

    assert [*first.rows, *second.rows] == wanted
    assert (first.previous, second.next) == ("", "")
    assert segment_page(segment, cursor=second.previous).rows == first.rows


def test_a_list_of_another_workspace_shows_nobody(
    workspace: Workspace, stranger: User
) -> None:
    """SEC-01"""
    theirs = make_workspace(stranger)
    list_ = make_list(theirs, make_recipient(theirs))
    rule = {"all": [{"field": "list", "op": "in", "value": [str(list_.pk)]}]}
    segment = Segment.objects.create(workspace=workspace, name="In", rule=rule)

    assert segment_page(segment).rows == []


def test_an_empty_segment_has_an_empty_page(workspace: Workspace) -> None:
    make_recipient(workspace)
    rule = {"all": [{"field": "email", "op": "begins", "value": "nobody"}]}
    segment = Segment.objects.create(workspace=workspace, name="Nobody", rule=rule)

    assert segment_page(segment).rows == []
