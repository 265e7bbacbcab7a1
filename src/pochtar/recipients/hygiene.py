"""What is odd about an address: hints for people, nobody is refused because of them."""

from __future__ import annotations

from dataclasses import dataclass

from mailcore.addresses import AddressError, parse_address
from mailcore.hygiene import is_disposable, is_role, suggest_domain


@dataclass(frozen=True, slots=True)
class Hints:
    suggestion: str = ""  # the address that was probably meant
    role: bool = False  # an office's, not a person's
    disposable: bool = False  # for minutes or days

    @property
    def any(self) -> bool:
        return bool(self.suggestion or self.role or self.disposable)


def hints_about(email: str) -> Hints:
    """Return the hints; none for what is no address at all."""
    try:
        address = parse_address(email)
    except AddressError:
        return Hints()
    local = address.display.rpartition("@")[0]
    meant = suggest_domain(address.domain)
    return Hints(
        suggestion=f"{local}@{meant}" if meant else "",
        role=is_role(local),
        disposable=is_disposable(address.domain),
    )
