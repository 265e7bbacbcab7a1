"""How many RSA-2048 signatures the machine's cores can make."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

EACH = 500
DATA = b"x" * 600  # about what the signed headers of a letter come to


def signing_rate() -> float:
    """Return signatures a second, a thread for each core (OpenSSL frees the GIL)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(_thread: int) -> None:
        for _ in range(EACH):
            key.sign(DATA, PKCS1v15(), SHA256())

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        started = time.perf_counter()
        list(threads.map(sign, range(cores)))
    return cores * EACH / (time.perf_counter() - started)
