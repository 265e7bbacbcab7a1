"""Files to import, and the worker that does what a page has begun."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook

from pochtar.recipients.import_work import run_turn
from pochtar.recipients.models import Import

ADD = "/recipients/imports/new/"
TITLES = "E-mail;ФИО;Город"
PEOPLE = (
    "anna@mail.example;Анна Соколова;Тверь",
    "boris@mail.example;Борис Левин;Псков",
    "не адрес;Вера Кузнецова;Тверь",
)


def file_of(
    *lines: str, name: str = "клиенты.csv", encoding: str = "cp1251"
) -> SimpleUploadedFile:
    text = "\r\n".join(lines or (TITLES, *PEOPLE)) + "\r\n"
    return SimpleUploadedFile(name, text.encode(encoding), content_type="text/csv")


def upload(client: Client, *lines: str, **over: str) -> Import:
    answer = client.post(ADD, {"file": file_of(*lines, **over)})
    assert answer.status_code == 302, answer.content.decode()
    return Import.objects.latest("created_at")


def upload_workbook(client: Client, sheets: Mapping[str, list[list[str]]]) -> Import:
    book, stream = Workbook(write_only=True), io.BytesIO()
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(stream)
    file = SimpleUploadedFile("клиенты.xlsx", stream.getvalue())
    assert client.post(ADD, {"file": file}).status_code == 302
    return Import.objects.latest("created_at")


def url(name: str, row: Import) -> str:
    return reverse(name, args=[row.pk])


def choices(
    to: Sequence[str] = ("email", "full_name", "new"), **over: object
) -> dict[str, object]:
    """Return the form of the columns, filled in."""
    form: dict[str, object] = {"way": "update", "basis": "none"}
    for number, value in enumerate(to):
        form[f"to-{number}"] = value
        form[f"key-{number}"] = f"признак_{number}" if value == "new" else ""
    return form | over


def work(row: Import) -> Import:
    """Do what a worker does."""
    while run_turn(row.pk):
        pass
    row.refresh_from_db()
    return row


def checked(client: Client, *lines: str, **over: Any) -> Import:
    """Upload, choose the columns and let the file be checked."""
    row = upload(client, *lines)
    answer = client.post(url("import-columns", row), choices(**over))
    assert answer.status_code == 302, answer.content.decode()
    return work(row)


def imported(client: Client, *lines: str, **over: Any) -> Import:
    row = checked(client, *lines, **over)
    client.post(url("import-apply", row))
    return work(row)
