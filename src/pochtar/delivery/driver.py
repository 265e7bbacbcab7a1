"""Drive slices: what a Celery task and ``sendmail`` both call.

    lease a slice -> compile the letter -> borrow SMTP sessions -> deliver -> give back

The sessions belong to the process and stay open between slices (SMTP-13).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Sequence

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from mailcore.addresses import AddressError
from mailcore.compose import HeaderError, TemplateError
from mailcore.engine.runner import deliver
from mailcore.engine.types import (
    LeaseLost,
    Limits,
    OutcomeClass,
    RelayTrouble,
    Result,
    SliceReport,
)
from mailcore.smtp.session import Route
from pochtar.base.secrets import SecretError
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.crowd import crowd_of
from pochtar.delivery.desk import Desk, Plan
from pochtar.delivery.dkim_checks import check_due_keys
from pochtar.delivery.dkim_signing import SigningTrouble
from pochtar.delivery.holders import held
from pochtar.delivery.letters import composer_for_run
from pochtar.delivery.models import Run, RunStatus, Slice
from pochtar.delivery.outbox import OrmOutbox, SliceStore
from pochtar.delivery.pacing import PATIENCE_SECONDS, RelayPacer
from pochtar.delivery.pools import REUSE, pools, signers
from pochtar.delivery.quotas import Quotas
from pochtar.delivery.retries import only_waits
from pochtar.delivery.routes import route_of
from pochtar.delivery.runs import (
    expire_run,
    finish_run_if_done,
    lease_slice,
    pause_run,
    recover_dead_leases,
    recover_lease,
)
from pochtar.delivery.tokens import with_tokens
from pochtar.delivery.verdicts import Watch, judge_run
from pochtar.delivery.ways import (
    Hold,
    Way,
    choose_way,
    find_hold,
    follow,
    put_off,
    set_aside,
    wake_slices,
    welcome_back,
)

log = structlog.get_logger(__name__)

OnRecorded = Callable[[Sequence[Result]], None]
Stopped = Callable[[], bool]
# How soon a pause is noticed while a relay is slow; with the half second between two
# looks at the clock it is less than two seconds (SMTP-26).
RENEW_SECONDS = 1
WAIT_SECONDS = 0.3  # for slices that somebody else holds
UNREADABLE = RelayTrouble(code="password_unreadable", stage="")
LATER_SECONDS = 1.5  # for what was put off


class SystemClock:
    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)  # asked for twice a letter

    monotonic = staticmethod(time.monotonic)  # likewise


def never() -> bool:
    return False


def drive_run(
    run: Run, *, stopped: Stopped = never, on_recorded: OnRecorded | None = None
) -> Run:
    """Send a running run to its end, beside whoever else works on it.

    Returns the fresh run when it is over, or paused, or ``stopped`` (polled, from
    any thread or signal handler) said so; then the letters in hand are finished and
    the rest stays pending.  ``on_recorded`` is called in this thread with each batch
    of committed results.
    """
    desk = Desk()
    while not stopped():
        if desk.is_old or _is_late(run):
            run = _fresh(run)
            if not _keep_house(run):
                break
            desk.clear()
        report = drive_slice(run, stopped=stopped, on_recorded=on_recorded, desk=desk)
        if report is not None and report.wait and not report.counts:
            time.sleep(WAIT_SECONDS)
        elif report is None and not judge_run(run):
            time.sleep(LATER_SECONDS if only_waits(run) else WAIT_SECONDS)
    return _fresh(run)


def _keep_house(run: Run) -> bool:
    """Do what a worker's tick would do, if there is one; False if the run is over."""
    now = timezone.now()
    recover_dead_leases(now=now)
    expire_run(run, now=now)
    check_due_keys(now=now)
    if finish_run_if_done(run, now=now) or run.status != RunStatus.RUNNING:
        return False
    judge_run(run, now=now)  # if that pauses it, no slice can be leased
    return True


def _is_late(run: Run) -> bool:
    return bool(run.stop_at and run.stop_at <= timezone.now())


def _fresh(run: Run) -> Run:
    found: Run = Run.objects.select_related("workspace", "relay").get(pk=run.pk)
    return found


def drive_slice(
    run: Run,
    *,
    slice_id: int | None = None,
    stopped: Stopped = never,
    on_recorded: OnRecorded | None = None,
    desk: Desk | None = None,
) -> SliceReport | None:
    """Lease a slice of the run and send it; None if there was none to lease.

    Trouble with the relay pauses the run and is told in the report; a verdict on the
    letters (verdicts.py) pauses it too.  Who drives one slice after the other has a
    ``desk`` for them.
    """
    desk = desk or Desk()
    slice_ = lease_slice(run, slice_id=slice_id)
    if slice_ is None:
        desk.forget()
        return None
    watch = Watch(run, on_recorded)
    try:
        report = _drive_leased(
            run, slice_, desk=desk, stopped=stopped, on_recorded=watch
        )
        if not report.done:
            desk.forget()
        if _says_something(slice_, run, report):
            judge_run(run)
        return report
    except LeaseLost:
        log.warning("lease_lost", slice=slice_.pk)
        return SliceReport(counts={}, done=False)
    except (InterfaceError, OperationalError):
        # The database is away. Nobody has to do anything but wait for it.
        log.warning("database_lost", slice=slice_.pk)
        _give_up(slice_)
        raise
    except Exception:
        # A bug of ours: people shall see that it stands still.
        _give_up(slice_)
        pause_run(run, code="internal_error")
        raise
    except BaseException:
        _give_up(slice_)
        raise
    finally:
        held.discard(slice_.lease_token)  # even if the database could not be told


def _says_something(slice_: Slice, run: Run, report: SliceReport) -> bool:
    """Whether a verdict may follow; of good news, whoever keeps house takes notice."""
    canary = slice_.last_position <= run.canary
    return canary or set(report.counts) != {OutcomeClass.ACCEPTED}


def _give_up(slice_: Slice) -> None:
    """Free the lease if it is still ours; what was in hand becomes unknown."""
    current = Slice.objects.filter(
        pk=slice_.pk, lease_token=slice_.lease_token
    ).select_related("run")
    if held := current.first():
        recover_lease(held, now=timezone.now())


def _drive_leased(
    run: Run,
    slice_: Slice,
    *,
    desk: Desk,
    stopped: Stopped,
    on_recorded: OnRecorded | None,
) -> SliceReport:
    if plan := desk.find(slice_.provider):
        plan.way = follow(plan.way, slice_)
    else:
        made = _make_plan(run, slice_)
        if isinstance(made, SliceReport):
            return made
        plan = made
        desk.keep(slice_.provider, plan)
    report = _serve(run, slice_, plan, stopped, on_recorded)
    _after(run, slice_, plan.way, plan.route, report)
    return report


def _make_plan(run: Run, slice_: Slice) -> Plan | SliceReport:
    """Find out how the slice is to go; what stands in its way is told in a report."""
    way = choose_way(run, slice_, now=timezone.now())
    if isinstance(way, Hold):
        return _hold_back(run, slice_, way)
    try:
        composer = composer_for_run(run)
    except (TemplateError, HeaderError, AddressError) as error:
        return _stand_still(run, slice_, "letter_broken", str(error))
    except SigningTrouble as trouble:
        return _stand_still(run, slice_, trouble.code, trouble.text)
    try:
        route = route_of(way.relay)
    except SecretError:
        if set_aside(run, way.relay, UNREADABLE, now=timezone.now()):
            return _hold_back(run, slice_, None)
        return _stand_still(run, slice_, UNREADABLE.code, "")
    return Plan(way=way, composer=composer, route=route)


def _hold_back(run: Run, slice_: Slice, hold: Hold | None) -> SliceReport:
    """Give an untouched slice back; it rests with all that the same thing holds."""
    _give_up(slice_)
    if hold is None:
        return SliceReport(counts={}, done=False)
    put_off(run, hold)
    wait = (hold.until - timezone.now()).total_seconds()
    return SliceReport(counts={}, done=False, wait=max(0.0, wait))


def _after(
    run: Run, slice_: Slice, way: Way, route: Route, report: SliceReport
) -> None:
    """See to what the slice's end means for the others."""
    now = timezone.now()
    if report.trouble:
        if not set_aside(run, way.relay, report.trouble, now=now):
            detail = _detail(route, report.trouble)
            pause_run(run, code=report.trouble.code, text=detail)
        return
    if any(report.counts.values()):
        welcome_back(way.relay)
    if report.wait and (hold := find_hold(run, slice_.provider, now=now)):
        put_off(run, hold)


def _stand_still(run: Run, slice_: Slice, code: str, text: str) -> SliceReport:
    _give_up(slice_)
    pause_run(run, code=code, text=text)
    trouble = RelayTrouble(code=code, stage="", text=text)
    return SliceReport(counts={}, done=False, trouble=trouble)


def _detail(route: Route, trouble: RelayTrouble) -> str:
    said = " – ".join(part for part in (trouble.reply, trouble.text) if part)
    place = f"{route.host}:{route.port}"
    return f"{place} – {said}" if said else place


def _serve(
    run: Run,
    slice_: Slice,
    plan: Plan,
    stopped: Stopped,
    on_recorded: OnRecorded | None,
) -> SliceReport:
    way, composer, route = plan.way, plan.composer, plan.route
    bridge: Bridge[SliceReport] = Bridge()
    route = with_tokens(route, way.relay, bridge.call)
    pacer = RelayPacer(
        bridge,
        Quotas(relay=way.relay, provider=slice_.provider, per_minute=way.per_minute),
        crowd_of(slice_, way.relay),
        free_until=plan.free_until,
    )
    reuse = dataclasses.replace(REUSE, letters=way.letters_per_connection)
    store = SliceStore(run, slice_, names=composer.names, on_recorded=on_recorded)

    def over() -> bool:
        return stopped() or _is_late(run)

    async def work() -> SliceReport:
        transports = pools.borrow(route, way.connections, reuse=reuse)
        try:
            return await deliver(
                store.lease(),
                outbox=OrmOutbox(bridge, store),
                transports=transports,
                compose=composer,
                clock=SystemClock(),
                stop=bridge.stop,
                limits=Limits(
                    per_connection=settings.DELIVERY_CHUNK_PER_CONNECTION,
                    renew_seconds=RENEW_SECONDS,
                    patience_seconds=PATIENCE_SECONDS,
                ),
                pacer=pacer,
                sign=composer.signer,
                signers=signers(),
            )
        finally:
            pools.give_back(route, transports, reuse=reuse)

    report = pacer.judge(bridge.serve(work(), stopped=over))
    plan.free_until = pacer.free_until
    if pacer.settle(report):
        wake_slices(way.relay, now=timezone.now())
    return report


__all__ = ["drive_run", "drive_slice"]
