"""The sandbox's SMTP server, talked to over real sockets."""

from __future__ import annotations

import base64
import smtplib
import threading
import time
from collections.abc import Sequence

import pytest
from django.db import IntegrityError, OperationalError

from pochtar.base.ids import uuid7
from pochtar.sandbox.credentials import sandbox_password, sandbox_username
from pochtar.sandbox.services import Arrival
from tests.pochtar.sandbox.running import client_of, running_sandbox

LETTER = b"Subject: Hello\r\n\r\nText\r\n"


class Shelf:
    """A store in memory."""

    def __init__(self) -> None:
        self.batches: list[list[Arrival]] = []

    def __call__(self, arrivals: Sequence[Arrival]) -> None:
        self.batches.append(list(arrivals))

    @property
    def letters(self) -> list[Arrival]:
        return [each for batch in self.batches for each in batch]


def test_a_letter_after_login_is_stored_with_its_envelope():
    shelf, workspace_id = Shelf(), uuid7()
    with (
        running_sandbox(store=shelf, exists=lambda pk: pk == workspace_id) as address,
        client_of(address, sandbox_username(workspace_id)) as client,
    ):
        client.sendmail("a@shop.example", ["b@mail.example", "c@mail.example"], LETTER)

    (letter,) = shelf.letters
    assert letter.workspace_id == workspace_id
    assert letter.mail_from == "a@shop.example"
    assert letter.rcpt_to == ("b@mail.example", "c@mail.example")
    assert letter.raw == LETTER


def test_nothing_is_taken_without_a_login():
    shelf = Shelf()
    with (
        running_sandbox(store=shelf) as address,
        smtplib.SMTP(address.host, address.port, timeout=10) as client,
    ):
        client.ehlo("test")
        code, _text = client.mail("a@shop.example")

    assert code == 530
    assert shelf.letters == []


@pytest.mark.parametrize(
    ("username", "password"),
    [("system", "wrong"), ("root", ""), ("ws-0", "пароль"), ("", "")],
)
def test_a_wrong_login_is_refused_with_535(username: str, password: str):
    with (
        running_sandbox(store=Shelf()) as address,
        smtplib.SMTP(address.host, address.port, timeout=10) as client,
    ):
        client.ehlo("test")
        client.user, client.password = username, password
        reply = client.docmd("AUTH PLAIN", _plain(username, password))

    assert reply[0] == 535


def _plain(username: str, password: str) -> str:
    return base64.b64encode(f"\0{username}\0{password}".encode()).decode()


def test_login_works_by_plain_and_by_login():
    with running_sandbox(store=Shelf()) as address:
        for method in ("auth_plain", "auth_login"):
            with smtplib.SMTP(address.host, address.port, timeout=10) as client:
                client.ehlo("test")
                client.user, client.password = "system", sandbox_password("system")
                mechanism = method.removeprefix("auth_").upper()
                assert client.auth(mechanism, getattr(client, method))[0] == 235


def test_a_workspace_that_is_no_more_cannot_log_in():
    with (
        running_sandbox(store=Shelf(), exists=lambda pk: False) as address,
        pytest.raises(smtplib.SMTPAuthenticationError) as refusal,
        client_of(address, sandbox_username(uuid7())),
    ):
        pass

    assert refusal.value.smtp_code == 535


def test_a_login_that_cannot_be_checked_is_asked_to_come_again():
    def away(pk: object) -> bool:
        raise OperationalError("gone")

    with (
        running_sandbox(store=Shelf(), exists=away) as address,
        pytest.raises(smtplib.SMTPAuthenticationError) as refusal,
        client_of(address, sandbox_username(uuid7())),
    ):
        pass

    assert refusal.value.smtp_code == 454


def test_250_is_answered_only_when_the_letter_is_stored():
    """The store is held: no answer comes until it is let go."""
    may_store, answered = threading.Event(), threading.Event()
    stored: list[Arrival] = []

    def slow(arrivals: Sequence[Arrival]) -> None:
        may_store.wait(10)
        stored.extend(arrivals)

    def send() -> None:
        with client_of(address) as client:
            client.sendmail("a@b.example", ["c@d.example"], LETTER)
            answered.set()

    with running_sandbox(store=slow) as address:
        sender = threading.Thread(target=send)
        sender.start()
        assert not answered.wait(0.3)
        may_store.set()
        sender.join(10)

    assert answered.is_set()
    assert len(stored) == 1


def test_letters_that_wait_together_are_stored_together():
    may_store, batches = threading.Event(), []

    def slow(arrivals: Sequence[Arrival]) -> None:
        batches.append(len(arrivals))
        may_store.wait(10)

    def send() -> None:
        with client_of(address) as client:
            client.sendmail("a@b.example", ["c@d.example"], LETTER)

    with running_sandbox(store=slow) as address:
        senders = [threading.Thread(target=send) for _ in range(6)]
        for sender in senders:
            sender.start()
        time.sleep(0.5)
        may_store.set()
        for sender in senders:
            sender.join(10)

    assert sum(batches) == 6
    assert len(batches) <= 3


def test_a_database_that_is_away_means_451_and_the_connection_goes_on():
    shelf, away = Shelf(), [True]

    def store(arrivals: Sequence[Arrival]) -> None:
        if away.pop() if away else False:
            raise OperationalError("database is locked")
        shelf(arrivals)

    with running_sandbox(store=store) as address, client_of(address) as client:
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            client.sendmail("a@b.example", ["c@d.example"], LETTER)
        client.sendmail("a@b.example", ["c@d.example"], LETTER)

    assert refusal.value.smtp_code == 451
    assert len(shelf.letters) == 1


def test_a_letter_that_cannot_be_stored_does_not_take_others_with_it():
    shelf, may_store = Shelf(), threading.Event()

    def store(arrivals: Sequence[Arrival]) -> None:
        may_store.wait(10)
        if any(each.mail_from == "bad@b.example" for each in arrivals):
            raise IntegrityError("no such workspace")
        shelf(arrivals)

    codes: dict[str, int] = {}

    def send(mail_from: str) -> None:
        with client_of(address) as client:
            try:
                client.sendmail(mail_from, ["c@d.example"], LETTER)
                codes[mail_from] = 250
            except smtplib.SMTPDataError as error:
                codes[mail_from] = error.smtp_code

    names = ["good@b.example", "bad@b.example", "fine@b.example"]
    with running_sandbox(store=store) as address:
        senders = [threading.Thread(target=send, args=(name,)) for name in names]
        for sender in senders:
            sender.start()
        time.sleep(0.3)
        may_store.set()
        for sender in senders:
            sender.join(10)

    assert codes == dict(zip(names, (250, 554, 250), strict=True))
    assert len(shelf.letters) == 2


def test_size_utf8_and_pipelining_are_offered_and_kept():
    shelf = Shelf()
    with running_sandbox(store=shelf) as address, client_of(address) as client:
        offered = set(client.esmtp_features)
        too_big = client.mail("a@b.example", ["SIZE=99999999"])
        client.rset()
        client.sendmail(
            "почта@пример.рф", ["кому@пример.рф"], LETTER, mail_options=["SMTPUTF8"]
        )

    assert {"size", "smtputf8", "8bitmime", "pipelining", "auth"} <= offered
    assert too_big[0] == 552
    assert shelf.letters[0].rcpt_to == ("кому@пример.рф",)


def test_long_lines_and_leading_dots_arrive_as_they_were_sent():
    shelf = Shelf()
    letter = b"Subject: Dots\r\n\r\n..\r\n.text\r\n" + b"x" * 9000 + b"\r\n"
    with running_sandbox(store=shelf) as address, client_of(address) as client:
        client.sendmail("a@b.example", ["c@d.example"], letter)

    assert shelf.letters[0].raw == letter


def test_the_null_sender_and_too_many_recipients():
    shelf = Shelf()
    with running_sandbox(store=shelf) as address, client_of(address) as client:
        client.docmd("MAIL FROM:<>")
        codes = [client.rcpt(f"r{number}@d.example")[0] for number in range(101)]
        client.data(LETTER)

    assert codes == [250] * 100 + [452]
    assert shelf.letters[0].mail_from == ""


def test_stopping_ends_idle_connections_at_once():
    with running_sandbox(store=Shelf()) as address:
        client = smtplib.SMTP(address.host, address.port, timeout=10)
        started = time.monotonic()
    assert client.sock is not None
    farewell = client.sock.recv(200)
    client.close()

    assert farewell.startswith(b"421")
    assert time.monotonic() - started < 3
