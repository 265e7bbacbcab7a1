from typing import Any

import pochtar.base.fields
from django.db import migrations

from pochtar.base.addresshash import hash_address

BATCH = 2000


def fill(apps: Any, schema_editor: Any) -> None:
    """Name every address by its hash.

    Whoever is there has been written to: on what ground, the business knows.
    """
    recipients = apps.get_model("recipients", "Recipient").objects
    recipients.update(basis="earlier")
    keys = recipients.values_list("pk", "email_key").order_by("pk")
    last = None
    while batch := list((keys.filter(pk__gt=last) if last else keys)[:BATCH]):
        table = schema_editor.quote_name(recipients.model._meta.db_table)
        field = recipients.model._meta.get_field("id")
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {table} SET address_hash = %s WHERE id = %s",  # noqa: S608
                [
                    (
                        field.get_db_prep_value(hash_address(key), connection),
                        field.get_db_prep_value(pk, connection),
                    )
                    for pk, key in batch
                ],
            )
        last = batch[-1][0]


class Migration(migrations.Migration):
    dependencies = [("recipients", "0003_at_scale")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="recipient",
            name="address_hash",
            field=pochtar.base.fields.AddressHashField(editable=False),
        ),
    ]
