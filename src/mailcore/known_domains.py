"""What is known of domains and of the names before the "@": data, no rules."""

from __future__ import annotations

__all__ = ["CONFUSED", "DISPOSABLE", "ENDINGS", "MISTYPED", "POPULAR", "ROLES"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Where most people have their mailbox.
POPULAR = _set("""
    mail.ru bk.ru list.ru inbox.ru internet.ru xmail.ru vk.com
    yandex.ru ya.ru yandex.com yandex.by yandex.kz yandex.ua yandex.uz yandex.com.tr
    narod.ru rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru rambler.ua
    mail.ua ukr.net i.ua tut.by mail.kz nxt.ru hotbox.ru pochta.ru sibmail.com
    qip.ru e1.ru ngs.ru chat.ru land.ru front.ru km.ru nm.ru
    gmail.com googlemail.com google.com
    outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com hotmail.co.uk
    hotmail.fr hotmail.de hotmail.it hotmail.es hotmail.ru live.com live.ru live.co.uk
    live.fr msn.com windowslive.com
    yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.es yahoo.it yahoo.co.in yahoo.com.br
    yahoo.ca yahoo.in yahoo.co.jp ymail.com rocketmail.com myyahoo.com
    icloud.com me.com mac.com aol.com aim.com
    gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de posteo.de
    proton.me protonmail.com pm.me tutanota.com tuta.io tuta.com fastmail.com hey.com
    zoho.com zohomail.com mail.com email.com usa.com inbox.com inbox.lv inbox.lt
    mail.de mail.bg abv.bg seznam.cz email.cz centrum.cz wp.pl o2.pl onet.pl op.pl
    interia.pl orange.fr free.fr laposte.net sfr.fr wanadoo.fr libero.it virgilio.it
    tiscali.it tin.it comcast.net verizon.net att.net sbcglobal.net bellsouth.net
    cox.net charter.net earthlink.net btinternet.com sky.com ntlworld.com
    qq.com 163.com 126.com sina.com sohu.com foxmail.com naver.com daum.net hanmail.net
    rediffmail.com uol.com.br bol.com.br terra.com.br
""")

# Those of them from which one letter away nobody else has a domain worth naming.
MISTYPED = _set("""
    gmail.com googlemail.com yandex.ru yandex.com yandex.by yandex.kz yandex.ua
    rambler.ru autorambler.ru myrambler.ru internet.ru outlook.com hotmail.com
    hotmail.co.uk hotmail.fr yahoo.com yahoo.co.uk yahoo.fr yahoo.de icloud.com
    protonmail.com tutanota.com rocketmail.com windowslive.com fastmail.com
    comcast.net verizon.net sbcglobal.net bellsouth.net btinternet.com
""")

# Endings that no domain has, or none that people have a mailbox at.
ENDINGS: dict[str, str] = {
    **dict.fromkeys(["tu", "ri", "ry", "rj", "rh", "rt", "r", "u", "ur", "ruu", "rru", "rur", "ry", "ku"], "ru"),
    **dict.fromkeys(["con", "cpm", "ocm", "cmo", "kom", "vom", "xom", "dom", "comm", "coom", "cjm", "cim", "c"], "com"),
    "ru.ru": "ru", "com.com": "com", "ru.com": "ru", "nte": "net", "ner": "net",
}  # fmt: skip

# Slips of short names, where one letter away often means another's domain ("mall.ru").
CONFUSED: dict[str, str] = {
    **dict.fromkeys(
        [
            "maill.ru",
            "mmail.ru",
            "maiil.ru",
            "maail.ru",
            "mial.ru",
            "amil.ru",
            "mailru.ru",
            "mailru.com",
            "msil.ru",
            "mqil.ru",
            "maul.ru",
            "meil.ru",
            "mael.ru",
            "majl.ru",
            "mail.rus",
        ],
        "mail.ru",
    ),
    **dict.fromkeys(["lisst.ru", "lsit.ru", "listt.ru"], "list.ru"),
    **dict.fromkeys(
        ["inbok.ru", "inbx.ru", "imbox.ru", "inboks.ru", "inboxx.ru"], "inbox.ru"
    ),
    **dict.fromkeys(
        ["yandeks.ru", "jandex.ru", "iandex.ru", "yandex.rus"], "yandex.ru"
    ),
    **dict.fromkeys(
        [
            "gmail.ru",
            "gmail.net",
            "gmail.org",
            "gmail.com.ru",
            "gmeil.com",
            "gmale.com",
            "gmai.ru",
            "gmial.ru",
            "gamil.ru",
            "gmal.ru",
            "gmil.ru",
        ],
        "gmail.com",
    ),
    "icloud.ru": "icloud.com",
}

# Addresses there live for minutes or days, or anybody can read what comes.
DISPOSABLE = _set("""
    0-mail.com 0815.ru 10mail.org 10minutemail.co.za 10minutemail.com 10minutemail.de
    10minutemail.net 10minutesmail.com 1secmail.com 1secmail.net 1secmail.org
    20minutemail.com 20minutemail.it 30minutemail.com 33mail.com 3mail.ga
    4warding.com 5mail.ga 60minutemail.com 6mail.cf 75hosting.com 9mail.cf
    anonbox.net anonymbox.com antispam24.de armyspy.com
    beefmilk.com binkmail.com bobmail.info boun.cr bouncr.com brefmail.com
    bugmenot.com bumpymail.com burnermail.io byom.de
    chacuo.net chammy.info crazymailing.com cuvox.de
    dayrep.com deadaddress.com despam.it devnullmail.com discard.email discardmail.com
    discardmail.de dispostable.com dodgeit.com dodgit.com dontreg.com
    dontsendmespam.de drdrb.net dropmail.me dump-email.info dumpmail.de dumpyemail.com
    e4ward.com einrot.com email-fake.com emailfake.com emailondeck.com
    emailsensei.com emailtemporanea.com emailtemporanea.net emailtemporar.ro
    emailwarden.com emltmp.com emkei.cz ephemail.net explodemail.com
    fakeinbox.com fakemail.fr fakemail.net fakemailgenerator.com fastacura.com
    filzmail.com fleckens.hu freemail.ms frapmail.com
    garliclife.com generator.email get1mail.com getairmail.com getnada.com
    getonemail.com gishpuppy.com grr.la guerrillamail.biz guerrillamail.com
    guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org
    guerrillamailblock.com gustr.com
    harakirimail.com hidemail.de hmamail.com hulapla.de
    imgof.com inboxalias.com inboxbear.com inboxkitten.com incognitomail.com
    incognitomail.net incognitomail.org instant-mail.de ipoo.org
    jetable.com jetable.net jetable.org jnxjn.com jourrapide.com
    kasmail.com klzlk.com kurzepost.de
    lifebyfood.com linshiyouxiang.net litedrop.com lroid.com luxusmail.org
    mail-temporaire.fr mail-tester.com mail.tm mail1a.de mail21.cc mail2rss.org
    mailbox92.biz mailcatch.com maildrop.cc maildu.de maileater.com mailexpire.com
    mailfa.tk mailforspam.com mailfree.ga mailguard.me mailimate.com mailin8r.com
    mailinater.com mailinator.com mailinator.net mailinator.org mailinator2.com
    mailincubator.com mailme.lv mailmetrash.com mailmoat.com mailnator.com
    mailnesia.com mailnull.com mailpoof.com mailsac.com mailscrap.com mailshell.com
    mailsiphon.com mailtemp.info mailtothis.com mailzilla.com mailzilla.org
    meltmail.com mierdamail.com minutemail.com mintemail.com moakt.cc moakt.com
    mohmal.com mt2009.com mt2014.com mvrht.com mytemp.email mytrashmail.com
    neomailbox.com nada.email nepwk.com nervmich.net nobulk.com noclickemail.com
    nogmailspam.info nomail2me.com nospam.ze.tc nospamfor.us notmailinator.com
    nowmymail.com
    objectmail.com obobbo.com oneoffemail.com onewaymail.com online.ms
    owlpic.com
    pjjkp.com pokemail.net politikerclub.de proxymail.eu prtnx.com putthisinyourspamdatabase.com
    quickinbox.com
    rcpt.at receiveee.com rhyta.com rmqkr.net rtrtr.com
    safe-mail.net safetymail.info sendspamhere.com sharklasers.com shieldemail.com
    shortmail.net sneakemail.com sofort-mail.de sogetthis.com solvemail.info
    spam4.me spamavert.com spambob.com spambog.com spambog.de spambog.ru spambox.us
    spamcero.com spamcorptastic.com spamday.com spamex.com spamfree24.com
    spamfree24.de spamfree24.org spamgourmet.com spamherelots.com spamhole.com
    spamify.com spaml.com spammotel.com spamobox.com spamspot.com spamthis.co.uk
    superrito.com suremail.info
    teleworm.us temp-mail.io temp-mail.org temp-mail.ru tempail.com tempe-mail.com
    tempemail.co tempemail.com tempemail.net tempinbox.com tempmail.de tempmail.dev
    tempmail.eu tempmail.it tempmail.net tempmail.plus tempmail2.com tempmailaddress.com
    tempmailo.com tempomail.fr temporarily.de temporaryemail.net temporaryinbox.com
    tempr.email thankyou2010.com thisisnotmyrealemail.com throwam.com throwawaymail.com
    tmail.ws tmailinator.com tmpmail.net tmpmail.org tradermail.info trash-mail.at
    trash-mail.com trash-mail.de trash2009.com trashmail.at trashmail.com trashmail.de
    trashmail.me trashmail.net trashmail.org trashmail.ws trashmailer.com
    trashymail.com trbvm.com trillianpro.com
    upliftnow.com uroid.com
    vomoto.com vpn.st
    wegwerfadresse.de wegwerfemail.com wegwerfemail.de wegwerfmail.de wegwerfmail.net
    wegwerfmail.org wh4f.org whyspam.me willselfdestruct.com winemaven.info
    xagloo.com xoxy.net
    yep.it yogamaven.com yopmail.com yopmail.fr yopmail.net yuurok.com
    zehnminutenmail.de zippymail.info zoemail.net zoemail.org
""")

# An office or a machine reads these, or nobody does (RFC 2142 and habit).
ROLES = _set("""
    abuse admin administrator billing contact contacts customerservice customercare
    dns do-not-reply donotreply dpo enquiries enquiry feedback finance ftp hello help
    helpdesk hostmaster hr info inform information inquiry it job jobs legal
    list list-request mail mailbox mailer mailer-daemon mailerdaemon majordomo
    marketing media news newsletter no-reply no_reply no.reply noc noreply nobody
    notification notifications office order orders phish phishing post postbox
    postmaster pr press privacy purchase purchasing reception recruitment register
    registration reply request returns root sale sales secretary security service
    shop site spam staff store subscribe support sysadmin tech technical team
    undisclosed-recipients unsubscribe usenet uucp webadmin webmaster welcome www zakaz
    accounting accountant accounts buh buhgalteria buhgalter bukh kadry kanc
    otdelkadrov ok priem priemnaya prodaji prodazhi sekretar snab sklad
    delivery director dostavka opt reklama rezume vakansii zakupki tender
    администратор админ бухгалтер бухгалтерия вакансии заказ заказы закупки
    инфо информация кадры канцелярия контакт магазин маркетинг новости офис поддержка
    почта приемная приёмная продажи реклама рассылка секретарь склад снабжение
""")
