"""The file that is imported: addresses, Russian names, three attributes."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

KEYS = ("city", "plan", "bonus")
TITLES = ("E-mail", "Имя", *KEYS)
FIRST = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Ольга")
LAST = ("Петров", "Сидоров", "Ёлкин", "Кузнецов", "Смирнов", "Волков", "Зайцев")
CITIES = ("Москва", "Казань", "Пермь", "Томск", "Нижний Новгород", "Санкт-Петербург")
PLANS = ("basic", "silver", "gold")
DOMAINS = ("example.com", "mail.example", "lavka.example", "pochta.example.org")


def rows_of(start: int, end: int) -> Iterator[list[str]]:
    """Yield these rows; the same ones every time, in no order that helps an index."""
    for number in range(start, end):
        dice = random.Random(number)
        digits = dice.getrandbits(40)
        yield [
            f"{dice.choice(FIRST_LATIN)}.{digits:x}{number}@{dice.choice(DOMAINS)}",
            f"{dice.choice(FIRST)} {dice.choice(LAST)}",
            dice.choice(CITIES),
            dice.choice(PLANS),
            str(dice.randrange(10_000)),
        ]


FIRST_LATIN = ("anna", "boris", "vera", "gleb", "Daria", "egor", "olga", "zahar")


def write_file(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(TITLES)
        writer.writerows(rows_of(0, rows))
