from __future__ import annotations

from celery import shared_task

from pochtar.sandbox.services import prune_letters


@shared_task(name="pochtar.sandbox.prune")  # type: ignore[untyped-decorator]
def prune() -> int:
    """Keep the sandbox within SANDBOX_KEEP_LETTERS (beat calls it every hour)."""
    return prune_letters()
