"""How a DKIM key stands, in a person's words, with advice."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mailcore.dkim_keys import RecordNote, notes_on
from pochtar.accounts.models import Workspace
from pochtar.delivery.dkim_signing import active_keys
from pochtar.delivery.models import DkimKey, DkimState, DkimVerdict

Badge = tuple[str, Promise | str]  # colour and word


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something else that a record says, as an alert of this colour."""

    colour: str
    text: Promise


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
        "The record in DNS is there, but its key is withdrawn (an empty p=). Put the "
        "value below into it."
    ),
}
# A warning, or only worth knowing.
NOTES: dict[RecordNote, Note] = {
    RecordNote.TESTING: Note(
        colour="warning",
        text=_(
            "The record says that the key is only being tested (t=y): mail providers "
            "may then treat the letters as if they were not signed. Remove t=y from it."
        ),
    ),
    RecordNote.STRICT: Note(
        colour="info",
        text=_(
            "The record allows no subdomains in a signature (t=s). That is fine: "
            "Pochtar signs with this very domain."
        ),
    ),
    RecordNote.SHORT: Note(
        colour="warning",
        text=_(
            "The key in DNS is shorter than 1024 bits: mail providers ignore such keys. "
            "Put the value below into the record."
        ),
    ),
    RecordNote.WEAK: Note(
        colour="warning",
        text=_(
            "The key in DNS is shorter than 2048 bits, which mail providers advise."
        ),
    ),
    RecordNote.NO_SHA256: Note(
        colour="warning",
        text=_(
            "The record does not allow SHA-256 (h=), with which letters are signed. "
            "Remove h= from it."
        ),
    ),
    RecordNote.NOT_FOR_MAIL: Note(
        colour="warning",
        text=_(
            "The record is not meant for e-mail (s=). Remove s= from it, or put the "
            "value below into it."
        ),
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


def notes_of(key: DkimKey) -> list[Note]:
    """Say what else the record in DNS says (as far as it is kept)."""
    if key.state == DkimState.RETIRED:
        return []
    # Of a key of our own its card says already that it is short.
    return [
        NOTES[note]
        for note in notes_on(key.found.split("\n"))
        if not (note is RecordNote.WEAK and key.is_weak)
    ]


def is_test(key: DkimKey) -> bool:
    """Whether the record asks receivers to treat letters as if they were not signed."""
    return RecordNote.TESTING in notes_on(key.found.split("\n"))


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
