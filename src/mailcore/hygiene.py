"""Say what is odd about an address that is valid.

1. A domain that is one slip away from a popular one was probably mistyped.  A slip is
   a letter too many, too few, wrong or changed with its neighbour.  Short names have a
   table instead: one letter away from them others have theirs.
2. So was one with letters that only look Latin, or typed in the other keyboard layout.
3. A name such as "info" is an office's, not a person's.
4. Some domains give addresses for minutes.

These are hints: nobody is refused because of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from mailcore.known_domains import (
    CONFUSED,
    DISPOSABLE,
    ENDINGS,
    MISTYPED,
    POPULAR,
    ROLES,
)

__all__ = ["is_disposable", "is_role", "suggest_domain"]

_LONGEST = 253
_LOOKALIKES = str.maketrans("авсеһіјкмнорԛѕтиухѵԝёýàáâäèéêëìíîïòóôöùúûü",
                            "abcehijkmhopqstuyxvweyaaaaeeeeiiiioooouuuu")  # fmt: skip
_LAYOUT = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбю",
                        "qwertyuiop[]asdfghjkl;'zxcvbnm,.")  # fmt: skip
_DIGITS_AT_END = re.compile(r"[-_.]?\d+$")


def suggest_domain(domain: str) -> str:
    """Return the domain that was probably meant, or "" if this one looks right.

    The domain is lower-case, as A-labels or in its own letters.
    """
    return "" if domain in POPULAR else _suggestion(domain)


def is_role(local: str) -> bool:
    """Tell whether the part before the "@" names an office rather than a person."""
    name = local.lower()
    if name in ROLES:
        return True
    return ("+" in name and name.partition("+")[0] in ROLES) or (
        name[-1:].isdecimal() and _DIGITS_AT_END.sub("", name) in ROLES
    )


def is_disposable(domain: str) -> bool:
    """Tell whether the domain is known to give addresses for minutes or days.

    Domains below a known one count too.
    """
    while domain not in DISPOSABLE:
        _, dot, domain = domain.partition(".")
        if not dot:
            return False
    return True


@lru_cache(maxsize=8192)  # a file has many rows of few domains
def _suggestion(domain: str) -> str:
    if len(domain) > _LONGEST:
        return ""
    mended = _with_real_ending(domain)
    if mended in POPULAR or mended in CONFUSED:
        return CONFUSED.get(mended, mended)
    shown = _in_own_letters(domain)
    if not shown.isascii():
        readings = (shown.translate(_LOOKALIKES), shown.translate(_LAYOUT))
        return next((latin for latin in readings if latin in POPULAR), "")
    return _one_slip_away(mended) or _one_slip_away(domain)


def _with_real_ending(domain: str) -> str:
    for ending, real in ENDINGS.items():
        if domain.endswith(f".{ending}"):
            return domain.removesuffix(ending) + real
    return domain


def _in_own_letters(domain: str) -> str:
    if "xn--" not in domain:
        return domain
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain


def _one_slip_away(domain: str) -> str:
    """Return the popular domain that one slip turns into this one, if any does."""
    near = {
        popular
        for shorter in (domain, *_with_one_less(domain))
        for popular in _SHORTENED.get(shorter, ())
        if _is_one_slip(domain, popular)
    }
    return max(sorted(near), key=lambda one: _same_beginning(one, domain), default="")


def _with_one_less(text: str) -> set[str]:
    return {text[:place] + text[place + 1 :] for place in range(len(text))}


def _shortened() -> dict[str, set[str]]:
    """Index the popular domains by what is left of them without one letter.

    Two texts that one slip separates have such a rest in common, or one is the
    other's rest: so a look-up of each rest finds all of them.
    """
    index: defaultdict[str, set[str]] = defaultdict(set)
    for domain in MISTYPED:
        for rest in (domain, *_with_one_less(domain)):
            index[rest].add(domain)
    return dict(index)


def _is_one_slip(one: str, other: str) -> bool:
    start = _same_beginning(one, other)
    one, other = one[start:], other[start:]
    if one[1:] == other[1:] or one[1:] == other or one == other[1:]:
        return True
    return one[1::-1] == other[:2] and one[2:] == other[2:]


def _same_beginning(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    shorter = min(len(one), len(other))
    return next((place for place, (a, b) in pairs if a != b), shorter)


_SHORTENED = _shortened()
