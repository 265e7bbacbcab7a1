"""Who of an audience gets no letter, in words."""

from __future__ import annotations

from django.utils.translation import ngettext_lazy

from pochtar.mailings.audience import Reach

# By the name of the count in a `Reach`, in the order in which they are told.
LEFT_OUT = {
    "unsubscribed": ngettext_lazy(
        "%(count)d recipient has unsubscribed and is left out.",
        "%(count)d recipients have unsubscribed and are left out.",
        "count",
    ),
    "suppressed": ngettext_lazy(
        "%(count)d recipient is on the stop list and is left out.",
        "%(count)d recipients are on the stop list and are left out.",
        "count",
    ),
    "unconfirmed": ngettext_lazy(
        "%(count)d recipient is unconfirmed and will be skipped: nothing says that "
        "this one may be written to.",
        "%(count)d recipients are unconfirmed and will be skipped: nothing says that "
        "they may be written to.",
        "count",
    ),
    "excluded": ngettext_lazy(
        "%(count)d recipient is left out by your exceptions.",
        "%(count)d recipients are left out by your exceptions.",
        "count",
    ),
}


def tell_left_out(reach: Reach) -> list[str]:
    """Return a sentence for each reason that leaves anybody out."""
    counts = {code: getattr(reach, code) for code in LEFT_OUT}
    return [
        LEFT_OUT[code] % {"count": count} for code, count in counts.items() if count
    ]


def why_nobody(reach: Reach) -> str:
    """Return the code of the preflight's problem that nobody gets the letter."""
    reasons = [
        code
        for code in ("unsubscribed", "suppressed", "unconfirmed")
        if getattr(reach, code)
    ]
    if len(reasons) > 1:
        return "all_left_out"
    if reasons:
        return f"all_{reasons[0]}"
    return "all_excluded" if reach.excluded else "no_recipients"
