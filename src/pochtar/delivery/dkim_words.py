"""How a DKIM key stands, in a person's words, with advice."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Workspace
from pochtar.delivery.dkim_signing import active_keys
from pochtar.delivery.models import DkimKey, DkimState, DkimVerdict

Badge = tuple[str, Promise | str]  # colour and word

VERDICTS: dict[str, Promise] = {
    DkimVerdict.MATCHES.value: _("DNS shows this key."),
    DkimVerdict.MISSING.value: _(
        "DNS shows no record under this name. A new record is sometimes seen only "
        "after an hour."
    ),
    DkimVerdict.OTHER_KEY.value: _(
        "DNS shows another key under this name. Replace its value by the one below."
    ),
    DkimVerdict.SEVERAL.value: _(
        "DNS shows several records under this name. Leave only the one below."
    ),
    DkimVerdict.BROKEN.value: _(
        "The record in DNS cannot be read as a DKIM key. Copy the value anew, without "
        "quotation marks of your own."
    ),
    DkimVerdict.REVOKED.value: _(
        "The record in DNS is there, but without a key. Put the value below into it."
    ),
}
STATES: dict[str, Promise] = {
    DkimState.REPLACED.value: _(
        "A newer key signs now. Leave this record in DNS for another week: letters on "
        "their way are still checked with it. Then retire the key."
    ),
    DkimState.RETIRED.value: _(
        "It signs nothing any more, and its private half is erased. Its record can be "
        "removed from DNS."
    ),
}


def explain_key(key: DkimKey) -> Promise:
    """Say how the key stands and what to do."""
    if key.state in STATES:
        return STATES[key.state]
    if key.trouble:
        return _("DNS did not answer just now; that is no fault of the record.")
    if key.verdict:
        return VERDICTS[key.verdict]
    return _(
        "Put this record into the DNS of the domain, then check. The key signs letters "
        "as soon as DNS shows it."
    )


def badge_of(key: DkimKey) -> Badge:
    """Return colour and word for the key's state."""
    if key.is_active and key.is_mismatched:
        return "bad", _("wrong in DNS")
    colours = {DkimState.ACTIVE: "good", DkimState.NEW: "warn"}
    state = DkimState(key.state)
    return colours.get(state, "mute"), state.label


def badge_of_domain(workspace: Workspace, domain: str) -> Badge:
    """Return colour and word for whether letters of the domain are signed."""
    for key in active_keys(workspace.pk, domain):
        return badge_of(key)
    waiting = DkimKey.objects.of(workspace).filter(domain=domain, state=DkimState.NEW)
    for key in waiting[:1]:
        return badge_of(key)
    return "mute", _("no key")
