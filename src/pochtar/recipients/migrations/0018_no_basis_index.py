from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0017_sorted_texts"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="recipient",
            index=models.Index(
                condition=models.Q(("basis", "")),
                fields=["workspace", "id"],
                name="recipients_recipient_no_basis",
            ),
        ),
    ]
