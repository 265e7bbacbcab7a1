"""Say what is odd about an address that is valid."""

from __future__ import annotations


def suggest_domain(domain: str) -> str:
    """Return the domain that was probably meant, or "" if this one looks right.

    The domain is lower-case, as A-labels or in its own letters.
    """
    raise NotImplementedError


def is_role(local: str) -> bool:
    """Tell whether the part before the "@" names an office rather than a person."""
    raise NotImplementedError


def is_disposable(domain: str) -> bool:
    """Tell whether the domain is known to give addresses for minutes or days."""
    raise NotImplementedError
