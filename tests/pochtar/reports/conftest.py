"""Anna's letter in a mailing."""

from __future__ import annotations

import pytest
from django.utils import timezone

from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Recipient
from tests.make import make_mailing, make_recipient
from tests.pochtar.reports.explaining import ANNA


@pytest.fixture
def anna(workspace) -> Recipient:
    return make_recipient(workspace, ANNA, full_name="Anna")


@pytest.fixture
def mailing(workspace, anna, manager) -> Mailing:
    """A launched mailing, Anna's letter the second of three."""
    make_recipient(
        workspace, "first@example.com", pk="00000000-0000-7000-8000-000000000000"
    )
    make_recipient(workspace, "third@example.com")
    mailing = make_mailing(workspace, name="Autumn")
    return launch_mailing(mailing, by=manager, now=timezone.now(), nudge=False)
