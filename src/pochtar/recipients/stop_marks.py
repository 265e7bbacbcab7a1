"""Keep ``Recipient.suppressed`` as the stop list says (BNC-07).

The flag is what audiences and senders read; the table is the truth.  Two rules keep
them together at every commit:

* Whoever changes the stop list takes the workspace's row for himself first
  (`lock_stop_list`), changes the table and the flags, and notes a departure.
* Whoever adds recipients, or gives them another address, takes the row shared first
  (`hold_stop_list`), then writes and calls `mark_suppressed`, in one transaction.

So no insert slips between somebody's look at the recipients and their commit.  Nobody
takes the workspace's row after rows of recipients, or two would wait for each other:
the order is workspace, recipients, end of the consent chain.  SQLite has one writer at
a time anyway.

A stopped domain stops its sub-domains too.  Domains are A-labels in lower case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import Exists, Func, OuterRef, Q, QuerySet, TextField

from pochtar.accounts.models import Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.models import Recipient, Suppression

BATCH = 1000
T = TypeVar("T")


class DomainOf(Func):
    """The domain of an ``email_key``: what stands behind its only "@"."""

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="split_part(%(expressions)s, '@', 2)"
        )

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"substr({sql}, instr({sql}, '@') + 1)", [*params, *params]


def lock_stop_list(workspace: Workspace | UUID) -> None:
    """Take the workspace's row: nobody adds recipients or stops them meanwhile."""
    rows = Workspace.objects.select_for_update(no_key=True).filter(pk=pk_of(workspace))
    rows.values_list("pk").first()


def hold_stop_list(workspace: Workspace | UUID) -> None:
    """Let nobody change the stop list until the transaction ends; others may add too.

    Nor does anybody delete the workspace: of a recipient the database does not check it,
    so what it would have said about one that is gone is said here.
    """
    share = "FOR SHARE" if connection.vendor == "postgresql" else ""  # else one writer
    pk = Workspace._meta.pk.get_db_prep_value(pk_of(workspace), connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM accounts_workspace WHERE id = %s {share}",  # noqa: S608 - words of our own
            [pk],
        )
        if cursor.fetchone() is None:
            raise IntegrityError("The workspace has been deleted.")


def is_stopped(workspace: Workspace | UUID, email_key: str) -> bool:
    """Say whether the stop list names the address, its domain or one above it."""
    domain = email_key.rpartition("@")[2]
    named = Q(address_hash=hash_address(email_key)) | Q(domain__in=above(domain))
    return Suppression.objects.filter(named, workspace=pk_of(workspace)).exists()


def is_domain_stopped(workspace: Workspace | UUID, domain: str) -> bool:
    rows = Suppression.objects.filter(workspace=pk_of(workspace))
    return bool(rows.filter(domain__in=above(domain)).exists())


def mark_suppressed(
    workspace: Workspace | UUID, recipients: Iterable[UUID] | None = None
) -> int:
    """Set the flags of these recipients, or of all; return how many were wrong.

    Give ids by the thousand: two or three statements for each thousand.  A workspace
    without stopped domains pays nothing for them.
    """
    rows = Recipient.objects.filter(workspace=pk_of(workspace))
    if recipients is None:
        return _mark(pk_of(workspace), rows)
    parts = (rows.filter(pk__in=ids) for ids in batches(recipients))
    return sum(_mark(pk_of(workspace), part) for part in parts)


def mark_domains(workspace: UUID, stopped: Collection[str]) -> int:
    """Flag everybody in these domains and below: one look at all recipients."""
    free = Recipient.objects.filter(workspace=workspace, suppressed=False)
    rows = free.annotate(email_domain=DomainOf("email_key"))
    return sum(
        rows.filter(email_domain__in=some).update(suppressed=True)
        for some in batches(_domains_among(rows, frozenset(stopped)))
    )


def wrong_marks(workspace: Workspace | UUID) -> int:
    """Return how many flags differ from the table: none, or somebody forgot a rule."""
    pk = pk_of(workspace)
    rows = Recipient.objects.filter(workspace=pk)
    stopped = Q(_named(pk)) | Q(email_domain__in=_stopped_domains(pk, rows))
    rows = rows.annotate(email_domain=DomainOf("email_key"))
    missing: int = rows.filter(stopped, suppressed=False).count()
    wrongly: int = rows.filter(~stopped, suppressed=True).count()
    return missing + wrongly


def above(domain: str) -> list[str]:
    """Return the domain and those that it lies in: a.b.c, b.c, c."""
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))]


def within(domain: str) -> Q:
    """Say which recipients have an address in the domain or one below it."""
    return Q(email_key__endswith=f"@{domain}") | Q(email_key__endswith=f".{domain}")


def pk_of(workspace: Workspace | UUID) -> UUID:
    return workspace if isinstance(workspace, UUID) else workspace.pk


def batches(things: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    batch: list[T] = []
    for thing in things:
        batch.append(thing)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _mark(workspace: UUID, rows: QuerySet[Recipient]) -> int:
    domains = _stopped_domains(workspace, rows)
    rows = rows.annotate(email_domain=DomainOf("email_key"))
    free = rows.filter(suppressed=False)
    number = free.filter(_named(workspace)).update(suppressed=True)
    for some in batches(domains):
        number += free.filter(email_domain__in=some).update(suppressed=True)
    wrongly = rows.filter(~_named(workspace), suppressed=True)
    if not domains:
        return number + wrongly.update(suppressed=False)
    return number + _clear(wrongly, frozenset(domains))


def _clear(rows: QuerySet[Recipient], domains: frozenset[str]) -> int:
    """Take the flag from those whose domain is not stopped; few have the flag."""
    pairs = rows.values_list("pk", DomainOf("email_key")).order_by().iterator()
    wrong = (pk for pk, domain in pairs if domain not in domains)
    return sum(
        Recipient.objects.filter(pk__in=ids).update(suppressed=False)
        for ids in batches(list(wrong))
    )


def _named(workspace: UUID) -> Exists:
    return Exists(
        Suppression.objects.filter(
            workspace=workspace, address_hash=OuterRef("address_hash")
        )
    )


def _stopped_domains(workspace: UUID, rows: QuerySet[Recipient]) -> list[str]:
    """Return the domains of these recipients that are stopped, by whichever entry."""
    entries = Suppression.objects.filter(workspace=workspace).exclude(domain="")
    return _domains_among(rows, frozenset(entries.values_list("domain", flat=True)))


def _domains_among(rows: QuerySet[Recipient], stopped: frozenset[str]) -> list[str]:
    """Return the domains of these recipients that lie in one of the stopped ones."""
    if not stopped:
        return []
    domains = rows.order_by().values_list(DomainOf("email_key"), flat=True).distinct()
    return [one for one in domains.iterator() if not stopped.isdisjoint(above(one))]
