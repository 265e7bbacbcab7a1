"""What the demonstration is made of: a coffee roaster, its customers, its letters.

Everything here is invented; addresses end in .example, which leads nowhere (RFC 2606).
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailcore.addresses import parse_address
from pochtar.recipients.models import Basis
from pochtar.recipients.services import Person

WORKSPACE = "Обжарка «Полдень»"
SEED = 2026
LETTERS = Path(__file__).with_name("demo_letters")

WOMEN = [
    "Анна",
    "Мария",
    "Елена",
    "Ольга",
    "Наталья",
    "Татьяна",
    "Ирина",
    "Светлана",
    "Екатерина",
    "Юлия",
    "Дарья",
    "Полина",
    "Ксения",
    "Вера",
    "Алёна",
    "Людмила",
    "Галина",
    "Софья",
    "Варвара",
    "Алиса",
]
MEN = [
    "Александр",
    "Дмитрий",
    "Сергей",
    "Андрей",
    "Алексей",
    "Максим",
    "Иван",
    "Михаил",
    "Николай",
    "Артём",
    "Павел",
    "Роман",
    "Кирилл",
    "Тимур",
    "Егор",
    "Игорь",
    "Олег",
    "Фёдор",
    "Глеб",
    "Руслан",
]
# The masculine form; the feminine one ends in "a".
SURNAMES = [
    "Соколов",
    "Морозов",
    "Волков",
    "Зайцев",
    "Орлов",
    "Лебедев",
    "Козлов",
    "Новиков",
    "Павлов",
    "Голубев",
    "Виноградов",
    "Богданов",
    "Воробьёв",
    "Фёдоров",
    "Михайлов",
    "Беляев",
    "Тарасов",
    "Белов",
    "Комаров",
    "Киселёв",
    "Макаров",
    "Андреев",
    "Ковалёв",
    "Ильин",
    "Гусев",
    "Титов",
    "Кузьмин",
    "Кудрявцев",
    "Баранов",
    "Куликов",
    "Алексеев",
    "Степанов",
    "Сорокин",
    "Сергеев",
    "Романов",
    "Захаров",
    "Борисов",
    "Королёв",
    "Герасимов",
    "Пономарёв",
    "Григорьев",
    "Лазарев",
    "Медведев",
    "Ершов",
    "Никитин",
    "Соболев",
    "Рябов",
    "Поляков",
    "Цветков",
    "Данилов",
    "Жуков",
    "Фролов",
    "Журавлёв",
    "Крылов",
    "Калинин",
    "Сафонов",
    "Ларионов",
]
CITIES = (
    ("Москва", 24),
    ("Санкт-Петербург", 16),
    ("Казань", 9),
    ("Екатеринбург", 9),
    ("Новосибирск", 8),
    ("Нижний Новгород", 6),
    ("Самара", 5),
    ("Ростов-на-Дону", 5),
    ("Краснодар", 5),
    ("Пермь", 4),
    ("Воронеж", 3),
    ("Тюмень", 3),
    ("Ярославль", 2),
    ("Калининград", 1),
)
JOBS = (
    "бариста",
    "управляющая кофейней",
    "шеф-бариста",
    "закупщик",
    "владелец кофейни",
    "офис-менеджер",
    "директор по развитию",
    "повар",
    "бухгалтер",
    "учитель",
    "инженер",
    "дизайнер",
)
WHOLESALE_JOBS = set(JOBS[1:6])
COMPANIES = (
    "Тёплый угол",
    "Кофе и хлеб",
    "Дом на набережной",
    "Северный ветер",
    "Булочная № 5",
    "Две чашки",
    "Солнечная сторона",
    "Чердак",
    "Маяк",
    "Третья полка",
)
MANAGERS = ("Вера Ларионова", "Глеб Титов", "Алиса Морозова")
DISCOUNTS = ("5 %", "10 %", "12 %", "15 %")
DOMAINS = ("pochta.example", "yashik.example", "mail.example", "post.example")
LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "",
            "y",
            "",
            "e",
            "yu",
            "ya",
        ],
        strict=True,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message of the demonstration; the body is in the file."""

    file: str
    subject: str
    preheader: str

    @property
    def html(self) -> str:
        return (LETTERS / f"{self.file}.html").read_text(encoding="utf-8")


LETTERS_IN_ORDER = (
    Letter(
        file="holidays",
        subject="Как мы работаем в праздники",
        preheader="Расписание отправок и магазина на длинные выходные",
    ),
    Letter(
        file="wholesale",
        subject="Оптовые цены закреплены до конца марта",
        preheader="Зерно по прежней цене, обжарка под заказ, подменная кофемолка",
    ),
    Letter(
        file="cupping",
        subject='{{ full_name | default("Друзья") }}, приходите на каппинг в субботу',
        preheader="Восемь лотов вслепую, экскурсия к ростеру, пачка победителя с собой",
    ),
    Letter(
        file="review",
        subject="Как вам кофе от {{ дата_покупки }}?",
        preheader="Три коротких вопроса, ответ читает обжарщик вашей партии",
    ),
    Letter(
        file="personal-discount",
        subject='Ваша личная скидка {{ скидка | default("10 %") }} до воскресенья',
        preheader="Её не нужно вводить: применится сама",
    ),
    Letter(
        file="new-harvest",
        subject="Эфиопия и Колумбия: новый урожай уже в обжарке",
        preheader="Девять профилей попробовали, три оставили. Рассказываем, что вышло",
    ),
)


SEGMENTS: dict[str, dict[str, object]] = {
    "Москва и Петербург, с именем": {
        "all": [
            {
                "field": "attribute:город",
                "type": "text",
                "op": "one_of",
                "value": ["Москва", "Санкт-Петербург"],
            },
            {"field": "full_name", "op": "filled"},
            {"field": "status", "op": "is", "value": "subscribed"},
        ]
    },
    "Опт без менеджера и новые": {
        "any": [
            {
                "all": [
                    {"field": "attribute:компания", "type": "text", "op": "filled"},
                    {"field": "attribute:менеджер", "type": "text", "op": "empty"},
                ]
            },
            {"field": "created", "op": "last", "value": 7},
        ]
    },
}


def people(number: int, today: dt.date) -> Iterator[Person]:
    """Yield so many invented people, the same ones every time but for the dates."""
    chance = random.Random(SEED)  # noqa: S311 - invented people, not secrets
    cities, weights = zip(*CITIES, strict=True)
    taken: set[str] = set()
    while len(taken) < number:
        woman = chance.random() < 0.56
        name = chance.choice(WOMEN if woman else MEN)
        surname = chance.choice(SURNAMES) + ("а" if woman else "")
        email = _address(chance, name, surname)
        if (key := parse_address(email).key) in taken:
            continue
        taken.add(key)
        city = chance.choices(cities, weights)[0]
        comment = "Просит звонить после обеда" if chance.random() < 0.01 else ""
        attributes = _attributes(chance, city, today)
        yield Person(
            email=email,
            full_name=f"{name} {surname}",
            comment=comment,
            attributes=attributes,
            basis=_basis(attributes),
        )


def _basis(attributes: dict[str, str]) -> Basis:
    if "компания" in attributes:
        return Basis.CONTRACT
    return Basis.CUSTOMER if "дата_покупки" in attributes else Basis.CONSENT


def _attributes(chance: random.Random, city: str, today: dt.date) -> dict[str, str]:
    job = chance.choice(JOBS)
    found = {"город": city, "должность": job}
    if job in WHOLESALE_JOBS:
        found["компания"] = chance.choice(COMPANIES)
        found["менеджер"] = chance.choice(MANAGERS)
    if chance.random() < 0.7:
        bought = today - dt.timedelta(days=int(chance.triangular(2, 300, 20)))
        found["дата_покупки"] = bought.strftime("%d.%m.%Y")
    if chance.random() < 0.45:
        found["скидка"] = chance.choice(DISCOUNTS)
    return found


def _address(chance: random.Random, name: str, surname: str) -> str:
    first, last = _in_latin(name), _in_latin(surname)
    local = chance.choice(
        (
            f"{first}.{last}",
            f"{first[0]}.{last}",
            f"{last}.{first}",
            f"{last}{chance.randint(70, 99)}",
            f"{first}_{last}{chance.randint(1, 99)}",
        )
    )
    return f"{local}@{chance.choice(DOMAINS)}"


def _in_latin(word: str) -> str:
    return "".join(LATIN[letter] for letter in word.lower())
