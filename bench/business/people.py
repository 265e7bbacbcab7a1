"""Names and addresses, spread over the workspace and the same every time."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

FIRST = [
    "Анна",
    "Мария",
    "Ольга",
    "Елена",
    "Татьяна",
    "Наталья",
    "Ирина",
    "Светлана",
    "Екатерина",
    "Юлия",
    "Алексей",
    "Александр",
    "Дмитрий",
    "Сергей",
    "Андрей",
    "Иван",
    "Михаил",
    "Николай",
    "Павел",
    "Фёдор",
]
LAST = [
    "Иванова",
    "Смирнова",
    "Кузнецова",
    "Попова",
    "Васильева",
    "Петрова",
    "Соколова",
    "Михайлова",
    "Новикова",
    "Фёдорова",
    "Морозова",
    "Волкова",
    "Алексеева",
    "Лебедева",
    "Семёнова",
    "Егорова",
    "Павлова",
    "Козлова",
    "Степанова",
    "Николаева",
    "Орлова",
    "Андреева",
    "Макарова",
    "Никитина",
    "Захарова",
    "Зайцева",
    "Соловьёва",
]
LATIN = [
    "anna",
    "maria",
    "olga",
    "elena",
    "ivan",
    "petr",
    "sergey",
    "pavel",
    "fedor",
    "nikita",
    "oleg",
    "yulia",
]
DOMAINS = [
    "mail.example",
    "yandex.example",
    "gmail.example",
    "lavka.example",
    "firma.example",
]
CITIES = ["Москва", "Казань", "Тверь", "Уфа", "Псков", "Омск", "Пермь", "Сочи"]
BEGIN_MS = 1_700_000_000_000  # the first was added then, one more each 30 seconds


class Made(NamedTuple):
    id: UUID
    added_ms: int
    email: str
    full_name: str
    city: str
    orders: int


def person(number: int) -> Made:
    mixed = number * 2_654_435_761 % 2**32
    added = BEGIN_MS + number * 30_000
    # UUIDv7: ascends with the time of adding, as the service makes them.
    pk = UUID(int=added << 80 | 0x7 << 76 | 0x2 << 62 | mixed << 30 | number)
    local = f"{LATIN[mixed // 1024 % len(LATIN)]}.u{number}"
    return Made(
        id=pk,
        added_ms=added,
        email=f"{local}@{DOMAINS[mixed // 16384 % len(DOMAINS)]}",
        full_name=f"{LAST[mixed % len(LAST)]} {FIRST[mixed // 32 % len(FIRST)]}",
        city=CITIES[mixed // 7 % len(CITIES)],
        orders=mixed // 11 % 40,
    )
