"""The key of the service's own domain, which the operator sets (DKIM-06)."""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from mailcore.dkim import Algorithm, SigningKey
from mailcore.dkim_keys import BadKey, algorithm_of, read_pem

HINT = "Set DKIM_SERVICE_SELECTOR, and DKIM_SERVICE_KEY_FILE to an RSA key in PEM."


def service_key() -> SigningKey | None:
    """Return the key, None if none is set. Raises BadKey for one that cannot sign."""
    if not settings.DKIM_SERVICE_DOMAIN:
        return None
    return _service_key(
        settings.DKIM_SERVICE_DOMAIN,
        settings.DKIM_SERVICE_SELECTOR,
        settings.DKIM_SERVICE_KEY,
    )


@functools.cache
def _service_key(domain: str, selector: str, pem: str) -> SigningKey:
    private_key = read_pem(pem)
    if algorithm_of(private_key) != Algorithm.RSA:
        raise BadKey("kind")
    if not selector:
        raise BadKey("selector")
    return SigningKey(
        domain=domain,
        selector=selector,
        algorithm=Algorithm.RSA,
        private_key=private_key,
    )


def check_service_key(**kwargs: Any) -> list[CheckMessage]:
    """Say at the start, and in ``doctor``, that the service's key cannot sign."""
    try:
        service_key()
    except BadKey as error:
        text = f"The service's DKIM key cannot be used ({error.code})."
        return [Error(text, hint=HINT, id="delivery.E001")]
    return []
