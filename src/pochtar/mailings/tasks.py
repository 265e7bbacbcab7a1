"""Beat's tick: the safety net under everything that is nudged."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from pochtar.delivery.mx import look_up_domains as look_up
from pochtar.delivery.ticks import tick_runs
from pochtar.mailings.audience import audience_of
from pochtar.mailings.launch import launch_due
from pochtar.mailings.models import Mailing
from pochtar.mailings.services import follow_runs


@shared_task(name="pochtar.mailings.tick")  # type: ignore[untyped-decorator]
def tick() -> None:
    """Launch what is due, see to the runs, keep the mailings' statuses in step."""
    now = timezone.now()
    launch_due(now)
    tick_runs(now)
    follow_runs()


@shared_task(name="pochtar.mailings.look_up_domains")  # type: ignore[untyped-decorator]
def look_up_domains(mailing_id: str) -> None:
    """Find out which providers are behind a scheduled mailing's domains, in time."""
    if mailing := Mailing.objects.filter(pk=mailing_id).first():
        look_up(audience_of(mailing))
