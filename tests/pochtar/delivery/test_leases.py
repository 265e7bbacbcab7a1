"""A slice has one holder, however many ask at the same moment."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.conf import LazySettings
from django.db import connection

from mailcore.smtp.sink import sink_in_thread
from pochtar.delivery.models import Slice, SliceStatus
from pochtar.delivery.runs import lease_slice
from tests.make import make_workspace
from tests.pochtar.delivery.launching import launch, make_people


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_lease_the_same_slice(settings: LazySettings) -> None:
    settings.DELIVERY_SLICE_SIZE = 1
    workspace = make_workspace()
    make_people(workspace, 60)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
    leased: Counter[int] = Counter()
    start = threading.Barrier(3)

    def work() -> None:
        try:
            start.wait(10)
            while slice_ := lease_slice(run):
                leased[slice_.pk] += 1
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert set(leased.values()) == {1}
    assert len(leased) == 60
    assert Slice.objects.filter(run=run, status=SliceStatus.LEASED).count() == 60
