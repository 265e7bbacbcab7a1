"""The page of a segment: the same people, however far from the newest they are."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import Workspace
from pochtar.recipients import segments
from pochtar.recipients.models import Segment
from pochtar.recipients.segments import segment_page
from tests.make import make_recipient

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


def test_an_empty_segment_has_an_empty_page(workspace: Workspace) -> None:
    make_recipient(workspace)
    rule = {"all": [{"field": "email", "op": "begins", "value": "nobody"}]}
    segment = Segment.objects.create(workspace=workspace, name="Nobody", rule=rule)

    assert segment_page(segment).rows == []
