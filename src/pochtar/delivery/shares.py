"""Several SMTP servers of one sender: who has which share, frozen for a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import InvalidInput
from pochtar.delivery.models import Relay, Run, RunRelay, Sender, SenderRelay

LARGEST_SHARE = 100
# A run over several servers is cut finer, so that the shares come out about right.
PIECES = 20
SMALLEST_SLICE = 25


def set_shares(sender: Sender, shares: Mapping[Relay, int]) -> None:
    """Replace the sender's further servers (share 0: only when no other works)."""
    if shares and sender.relay.is_sandbox:
        raise InvalidInput(
            "sender_sandbox_alone",
            _("The sandbox shares with no other server: nothing must leave by chance."),
            field="relay",
        )
    for relay, share in shares.items():
        if relay.workspace_id != sender.workspace_id or relay.pk == sender.relay_id:
            raise InvalidInput(
                "sender_relay", _("Choose an SMTP server."), field="relay"
            )
        if not 0 <= share <= LARGEST_SHARE:
            raise InvalidInput(
                "sender_share", _("A share is a number from 0 to 100."), field="relay"
            )
    SenderRelay.objects.filter(sender=sender).delete()
    SenderRelay.objects.bulk_create(
        SenderRelay(sender=sender, relay=relay, share=share)
        for relay, share in shares.items()
    )


def freeze_relays(run: Run, sender: Sender) -> Sequence[RunRelay]:
    """Write down over which servers the run goes; nothing if there is only one."""
    further = list(SenderRelay.objects.filter(sender=sender).order_by("pk"))
    if not further:
        return []
    pairs = [(sender.relay_id, sender.share)]
    pairs += [(row.relay_id, row.share) for row in further]
    return RunRelay.objects.bulk_create(
        RunRelay(run=run, relay_id=relay_id, share=share) for relay_id, share in pairs
    )


def slice_size(selected: int, *, relays: Sequence[RunRelay]) -> int:
    """Return how many recipients a slice of the run has."""
    size: int = settings.DELIVERY_SLICE_SIZE
    if not relays:
        return size
    return min(size, max(SMALLEST_SLICE, -(-selected // PIECES)))
