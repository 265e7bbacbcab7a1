"""What a web process does once, before its first request."""

from __future__ import annotations

import gc

from django.urls import get_resolver


def keep_what_is_loaded() -> None:
    """Load all pages, and take what stays for good out of the collector's sight.

    Going through 125,000 objects that never become garbage took 43 ms of a request now
    and then: a page of 20 ms answered in 60.
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
