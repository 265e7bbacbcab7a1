"""Which way a slice may take now: over which server, with how many connections.

Of a run's servers those are asked that are well and that no limit holds; among them
the share decides.  A server in trouble is set aside for a growing time; when it is
over, one slice alone tries it (SMTP-15).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum

from mailcore.engine.types import RelayTrouble
from pochtar.delivery.models import (
    ProviderState,
    Relay,
    RelayQuota,
    Run,
    RunRelay,
    RunStatus,
    Slice,
    SliceStatus,
)
from pochtar.delivery.quotas import ProviderLimits, provider_limits
from pochtar.delivery.words import TOKEN_TROUBLES

log = structlog.get_logger(__name__)

DOWN_MINUTES = (1, 2, 5, 15, 30)
PROBE_SECONDS = 60  # so long one slice alone tries a server that was set aside
BUSY_SECONDS = 1.0  # all connections are in use
# What speaks against the server rather than against the letter or its sender.
SERVER_TROUBLES = frozenset(
    {
        "connect_refused",
        "unreachable",
        "dns",
        "timeout",
        "closed",
        "protocol",
        "refused",
        "tls_failed",
        "tls_verify_failed",
        "tls_unavailable",
        "auth_refused",
        "auth_deferred",
        "auth_unsupported",
        "auth_needs_tls",
        "token_refused",
        "token_unsupported",
        *TOKEN_TROUBLES,
        "login_wanted",
        "private_address",
        "password_unreadable",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A server of a run. ``share`` 0: only when no other one works."""

    relay: Relay
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a leased slice goes."""

    relay: Relay
    connections: int
    letters_per_connection: int
    per_minute: int | None  # the provider's configured rate
    # No limit of connections and no deputy: the next slice may go the same way unasked.
    open_to_others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing may go now. ``provider`` None: nobody's letters may."""

    until: dt.datetime
    provider: str | None = None


def run_shares(run: Run) -> list[Share]:
    """Return the servers that the run was launched with."""
    rows = RunRelay.objects.filter(run=run).select_related("relay__workspace")
    shares = [Share(relay=row.relay, share=row.share) for row in rows.order_by("pk")]
    return shares or [Share(relay=run.relay, share=1)]


def choose_way(run: Run, slice_: Slice, *, now: dt.datetime) -> Way | Hold:
    """Choose a leased slice's way and take its connections."""
    limits = provider_limits(run.workspace, slice_.provider)
    shares = run_shares(run)
    open_now, hold = _open_shares(shares, slice_.provider, now)
    for share in _shuffled(open_now):
        if way := _enter(share.relay, slice_, limits, now, alone=len(shares) == 1):
            return way
    soon = now + dt.timedelta(seconds=BUSY_SECONDS)
    busy = Hold(until=soon, provider=slice_.provider)
    return busy if open_now or hold is None else hold


def follow(way: Way, slice_: Slice) -> Way:
    """Take the way of the slice before, which was open to others."""
    way = dataclasses.replace(way, connections=_wanted(slice_))
    _take(slice_, way)
    return way


def find_hold(run: Run, provider: str, *, now: dt.datetime) -> Hold | None:
    """Return what holds letters to the provider back, if something does."""
    open_now, hold = _open_shares(run_shares(run), provider, now)
    return None if open_now else hold


def put_off(run: Run, hold: Hold) -> None:
    """Let what is held back rest, so that workers take what may go."""
    rows = Slice.objects.filter(
        run=run, status=SliceStatus.READY, due_at__lt=hold.until
    )
    if hold.provider is not None:
        rows = rows.filter(provider=hold.provider)
    rows.update(due_at=hold.until)


def _open_shares(
    shares: Sequence[Share], provider: str, now: dt.datetime
) -> tuple[list[Share], Hold | None]:
    """Return the servers that may be used, and until when the others may not."""
    alone = len(shares) == 1
    relays = [share.relay.pk for share in shares]
    held = _held_until(RelayQuota.objects.filter(relay__in=relays), now)
    states = ProviderState.objects.filter(relay__in=relays, provider=provider)
    shut = _held_until(states, now)
    open_now, holds = [], []
    for share in shares:
        relay = share.relay
        # One that has no deputy is tried: its trouble pauses the run (SMTP-15).
        down = None if alone else relay.down_until
        closed = [held.get(relay.pk), down if down and down > now else None]
        whole = [moment for moment in closed if moment]
        if whole:
            holds.append(Hold(until=max(whole)))
        elif relay.pk in shut:
            holds.append(Hold(until=shut[relay.pk], provider=provider))
        else:
            open_now.append(share)
    return open_now, _first(holds)


def _held_until(
    rows: QuerySet[RelayQuota] | QuerySet[ProviderState], now: dt.datetime
) -> dict[object, dt.datetime]:
    held = rows.filter(free_at__gt=now)
    return {row.relay_id: row.free_at for row in held if row.free_at}


def _first(holds: Sequence[Hold]) -> Hold | None:
    """Everything is held only if no server is held for the provider alone."""
    if not holds:
        return None
    soonest = min(hold.until for hold in holds)
    named = next((hold.provider for hold in holds if hold.provider is not None), None)
    return Hold(until=soonest, provider=named)


def _shuffled(shares: Iterable[Share]) -> list[Share]:
    """Return them in an order of chance by their shares; reserves come last."""
    # The key of a weighted order without repetition.
    return sorted(
        shares,
        key=lambda one: (
            -(random.random() ** (1 / one.share)) if one.share else 1.0  # noqa: S311
        ),
    )


@transaction.atomic
def _enter(
    relay: Relay,
    slice_: Slice,
    limits: ProviderLimits,
    now: dt.datetime,
    *,
    alone: bool,
) -> Way | None:
    """Take connections of the server for the slice; None if all are in use."""
    relay = (
        Relay.objects.select_for_update(no_key=True, of=("self",))
        .select_related("workspace")
        .get(pk=relay.pk)
    )
    if relay.down_count and not alone and not _claim_probe(relay, now):
        return None
    free = min([_wanted(slice_), *_free_connections(relay, slice_, limits)])
    if free < 1:
        return None
    letters = [relay.messages_per_connection, limits.letters_per_connection]
    way = Way(
        relay=relay,
        connections=free,
        letters_per_connection=min(one for one in letters if one),
        per_minute=limits.per_minute,
        open_to_others=alone and not (relay.max_connections or limits.connections),
    )
    _take(slice_, way)
    return way


def _wanted(slice_: Slice) -> int:
    left = slice_.last_position - slice_.cursor
    return max(1, min(settings.DELIVERY_CONNECTIONS, left))


def _take(slice_: Slice, way: Way) -> None:
    """Write down over which server the slice goes: others count its connections."""
    Slice.objects.filter(pk=slice_.pk, lease_token=slice_.lease_token).update(
        relay=way.relay, connections=way.connections
    )


def _free_connections(
    relay: Relay, slice_: Slice, limits: ProviderLimits
) -> Iterable[int]:
    if not (relay.max_connections or limits.connections):
        return
    busy = Slice.objects.filter(status=SliceStatus.LEASED, relay=relay).exclude(
        pk=slice_.pk
    )
    here = Q(provider=slice_.provider)
    used = busy.aggregate(all=Sum("connections"), here=Sum("connections", filter=here))
    if relay.max_connections:
        yield relay.max_connections - (used["all"] or 0)
    if limits.connections:
        yield limits.connections - (used["here"] or 0)


# Trouble -------------------------------------------------------------------------------
def _claim_probe(relay: Relay, now: dt.datetime) -> bool:
    """Be the one that tries a server whose time aside is over."""
    until = now + dt.timedelta(seconds=PROBE_SECONDS)
    free = Q(down_until=None) | Q(down_until__lte=now)
    return bool(Relay.objects.filter(free, pk=relay.pk).update(down_until=until))


def set_aside(
    run: Run, relay: Relay, trouble: RelayTrouble, *, now: dt.datetime
) -> bool:
    """Set a server in trouble aside; False if the run has no other that is well."""
    if len(run_shares(run)) == 1 or trouble.code not in SERVER_TROUBLES:
        return False
    step = min(relay.down_count, len(DOWN_MINUTES) - 1)
    until = now + dt.timedelta(minutes=DOWN_MINUTES[step])
    # Several workers may tell of the same trouble: it counts once.
    Relay.objects.filter(pk=relay.pk, down_count=relay.down_count).update(
        down_count=F("down_count") + 1, down_until=until, down_code=trouble.code[:40]
    )
    log.warning("relay_set_aside", relay=str(relay.pk), code=trouble.code)
    return any(_is_well(share.relay, now) for share in run_shares(run))


def _is_well(relay: Relay, now: dt.datetime) -> bool:
    return relay.down_until is None or relay.down_until <= now


def welcome_back(relay: Relay) -> None:
    """The server works: forget that it was set aside."""
    if not relay.down_count:
        return  # as it was when the slice began; the next one sees what came since
    Relay.objects.filter(pk=relay.pk, down_count__gt=0).update(
        down_count=0, down_until=None, down_code=""
    )


def wake_slices(relay: Relay, *, now: dt.datetime) -> None:
    """A limit was changed: what it held back may ask again."""
    RelayQuota.objects.filter(relay=relay).update(free_at=None)
    ProviderState.objects.filter(relay=relay).update(free_at=None)
    runs = Run.objects.filter(
        Q(relay=relay) | Q(relay_shares__relay=relay),
        Q(undo_until=None) | Q(undo_until__lte=now),
        status=RunStatus.RUNNING,
    )
    # Further tries keep their schedule.
    Slice.objects.filter(
        run__in=runs,
        status=SliceStatus.READY,
        source="",
        due_at__gt=now,
    ).update(due_at=now)
