"""Delete the built-in mail catcher's copies of letters to a person (LAW-06)."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db.models import Q

from pochtar.accounts.models import User
from pochtar.base.traces import Traces
from pochtar.sandbox.letters import read_letter
from pochtar.sandbox.models import CapturedMessage


def erase_letters(traces: Traces) -> None:
    """Delete what went to the person, and tests that showed a colleague their data.

    The catcher keeps so few letters that they are read one after another.
    """
    letters = CapturedMessage.objects.filter(workspace=traces.workspace_id)
    letters.filter(reduce(or_, map(_names, sorted(traces.addresses)))).delete()
    tests = letters.filter(rcpt_to__in=_colleagues(traces)).only("pk", "raw")
    shown = [row.pk for row in tests.iterator(50) if _shows(row, traces)]
    letters.filter(pk__in=shown).delete()


def _names(address: str) -> Q:
    return Q(rcpt_to__iexact=address) | Q(search_key__contains=address.lower())


def _colleagues(traces: Traces) -> list[str]:
    people = User.objects.filter(memberships__workspace=traces.workspace_id)
    return list(people.values_list("email", flat=True))


def _shows(row: CapturedMessage, traces: Traces) -> bool:
    letter = read_letter(bytes(row.raw))
    headers = [header.value for header in letter.headers]
    return any(map(traces.occur_in, (letter.html, letter.text, *headers)))
