"""The headings of columns that people use, without case, punctuation and "ё"."""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(" ".join(heading.split()) for heading in text.split(","))


EMAIL = _set("""
    email, e mail, mail, emails, e mails, email address, e mail address, mail address,
    emailaddress, email addresses, your email, your e mail, contact email,
    primary email, work email, subscriber, recipient, to, кому, получатель, подписчик,
    почта, эл почта, элпочта, электронная почта, адрес электронной почты,
    адреса электронной почты, адрес эл почты, электронный адрес, эл адрес,
    электронный почтовый адрес, почтовый ящик, электронка, адрес почты, ваша почта,
    емейл, емайл, имейл, имэйл, мейл, мэйл, майл, мыло, е мейл, е майл, e майл,
    email адрес, e mail адрес, адрес email, адрес e mail, ваш email, ваш e mail
""")
FULL_NAME = _set("""
    фио, ф и о, полное имя, имя и фамилия, имя фамилия, фамилия и имя, фамилия имя,
    фамилия имя отчество, имя отчество фамилия, фио полностью, фио клиента,
    фио контакта, клиент, контакт, контактное лицо, имя клиента, имя получателя,
    full name, fullname, display name, contact name, customer name, client name,
    first and last name, recipient name, subscriber name, contact, customer
""")
NAME = _set("имя, name, имя контакта, ваше имя, your name")
FIRST_NAME = _set(
    "first name, firstname, fname, given name, forename, личное имя, first"
)
LAST_NAME = _set(
    "фамилия, last name, lastname, lname, surname, family name, ваша фамилия, last"
)
COMMENT = _set("""
    комментарий, комментарии, коммент, комент, примечание, примечания, заметка, заметки,
    пометка, пометки, прим, comment, comments, note, notes, remark, remarks
""")
ROW_NUMBER = _set("#, n, nn, no, п п, # п п, номер п п")
