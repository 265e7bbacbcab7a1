"""What django-allauth asks us: where pages lie, and who may register."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped library
    """The library's behaviour; what differs is added here when it is needed."""
