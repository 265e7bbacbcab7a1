"""The sink of the drill: its record, its faults, and commands that come in one packet."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from mailcore.smtp.sink_faults import MENU, WHOLE, Dish, Faults
from mailcore.smtp.sink_record import Entry, Record, read_record

PROGRAM = [sys.executable, "-m", "mailcore.smtp.sink"]
LETTER = b"Message-ID: <%d@x>\r\n\r\nhi\r\n.\r\n"
ENVELOPE = b"MAIL FROM:<a@x.example>\r\nRCPT TO:<r%d@x.example>\r\nDATA\r\n"


def read_replies(peer: socket.socket, count: int) -> list[str]:
    with peer.makefile("rb") as lines:
        return [lines.readline().decode()[:3] for _ in range(count)]


def test_it_reads_commands_that_come_in_one_packet() -> None:
    """SMTP-09, SMTP-10: the next envelope rides with the final dot."""
    packet = b"".join(
        [
            b"HELO me\r\n",
            ENVELOPE % 1,
            (LETTER % 1) + (ENVELOPE % 2),
            (LETTER % 2) + b"QUIT\r\n",
        ]
    )
    with (
        sink_in_thread() as sink,
        socket.create_connection((sink.host, sink.port), 10) as peer,
    ):
        peer.sendall(packet)
        replies = read_replies(peer, 11)

    assert replies == ["220", "250", *["250", "250", "354", "250"] * 2, "221"]
    assert [one.rcpt_to for one in sink.accepted] == ["r1@x.example", "r2@x.example"]


def test_data_behind_a_refused_recipient_is_refused_too() -> None:
    """SMTP-09: all three came in one write; the next letter is taken as usual."""
    refusals = {"r1@x.example": Step("550 5.1.1 nobody")}
    with (
        sink_in_thread(Script(recipients=refusals)) as sink,
        socket.create_connection((sink.host, sink.port), 10) as peer,
    ):
        peer.sendall(b"HELO me\r\n" + ENVELOPE % 1 + ENVELOPE % 2 + LETTER % 2)
        replies = read_replies(peer, 9)

    assert replies[2:] == ["250", "550", "503", "250", "250", "354", "250"]
    assert [one.rcpt_to for one in sink.accepted] == ["r2@x.example"]


async def test_a_record_is_added_to_and_a_torn_line_is_no_letter(
    tmp_path: Path,
) -> None:
    """SMTP-25"""
    path = tmp_path / "record"
    assert read_record(path) == []
    first, second = Entry("<1@x>", "a@x.example"), Entry("<2@x>", "b@x.example")
    record = Record(path)
    await asyncio.gather(record.add(first), record.add(second))
    record.close()
    with path.open("a") as file:
        file.write("<3@x> c@x.exa")
    assert read_record(path) == [first, second]

    again = Record(path)
    await again.add(first)
    again.close()

    assert read_record(path) == [first, second, first]


def test_the_same_seed_serves_the_same_faults() -> None:
    """SMTP-25"""
    people = [f"r{number}@x.example" for number in range(2000)]
    one, same, other = (
        [Faults(seed).draw(person, 1) for person in people] for seed in "112"
    )

    assert one == same
    assert one != other
    assert set(MENU.values()) == set(filter(None, one + other))
    assert 0.02 < sum(map(bool, one)) / len(people) < 0.12


@pytest.mark.parametrize("name", MENU)
async def test_each_dish_is_what_the_card_says(name: str, tmp_path: Path) -> None:
    """SMTP-25: a letter is in the record exactly when its dot was not refused."""
    dish = MENU[name]
    quick = Step(
        dish.step.text, drop=dish.step.drop, reset=dish.step.reset, delay=0.001
    )
    told: list[str] = []
    script = Script(
        choose=Faults("1", {name: Dish(stage=dish.stage, step=quick, share=WHOLE)}),
        record=tmp_path / "record",
        in_gap=lambda what, address: told.append(f"{what} {address}"),
    )
    async with Sink(script) as sink:
        refused, error = await asyncio.to_thread(_send, sink.port)

    silent = dish.step.drop or dish.step.reset
    accepted = read_record(tmp_path / "record")
    taken = dish.stage == "dot" and not str(dish.step.text).startswith(("4", "5"))
    assert bool(accepted) == (taken or name == "slow")
    assert (error is not None) == bool(silent)
    if dish.step.text:
        assert refused == int(str(dish.step.text)[:3])
    what = "cut" if silent else "hold"
    told_of = taken or dish.stage == "body"
    assert told == ([f"{what} b@x.example"] if told_of else [])


def _send(port: int) -> tuple[int, BaseException | None]:
    try:
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("a@x.example", "b@x.example", "Message-ID: <1@x>\r\n\r\nhi")
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))[0], None
    except smtplib.SMTPServerDisconnected as error:
        return 0, error
    except OSError as error:
        code = getattr(error, "smtp_code", 0)
        return code, None if code else error
    return 250, None


def test_it_serves_the_menu_as_a_program(tmp_path: Path) -> None:
    """SMTP-25: it says on its output whom it holds, and the record outlives it."""
    record = tmp_path / "record"
    held = next(
        f"r{number}@x.example"
        for number in range(5000)
        if Faults("7").draw(f"r{number}@x.example", 1) is MENU["hold"]
    )
    process = subprocess.Popen(
        [*PROGRAM, "--faults", "7", "--record", record], stdout=subprocess.PIPE
    )
    assert process.stdout
    try:
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), 10) as peer:
            envelope = (ENVELOPE % 1).replace(b"r1@x.example", held.encode())
            peer.sendall(b"HELO me\r\n" + envelope + LETTER % 1)
            assert process.stdout.readline() == f"hold {held}\n".encode()
            process.kill()
    finally:
        process.kill()
        process.communicate()

    assert read_record(record) == [Entry("<1@x>", held)]
