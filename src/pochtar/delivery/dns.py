"""Ask DNS. No answer is not the answer "there is nothing"."""

from __future__ import annotations

from django.conf import settings
from dns.exception import DNSException, Timeout
from dns.resolver import NXDOMAIN, NoAnswer

from pochtar.base.resolver import make_resolver

LONGEST_ANSWER = 10  # TXT values of one name; who has more is not looked at


class DnsTrouble(Exception):
    """DNS did not answer. Codes: ``timeout``, ``failed``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def find_txt(name: str) -> list[str]:
    """Return the TXT values of a name, none if there are none. Raises DnsTrouble.

    The strings of one value are put together, as RFC 6376 section 3.6.2.2 says.
    """
    try:
        answer = make_resolver().resolve(
            f"{name}.", "TXT", lifetime=settings.DNS_TIMEOUT
        )
    except (NXDOMAIN, NoAnswer):
        return []
    except Timeout as error:
        raise DnsTrouble("timeout") from error
    except (DNSException, OSError) as error:
        raise DnsTrouble("failed") from error
    values = [b"".join(record.strings) for record in answer][:LONGEST_ANSWER]
    return [value.decode("utf-8", "replace") for value in values]
