from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0014_unchecked_keys"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="recipient",
            index=models.Index(
                fields=["workspace", "created_at"], name="recipients_recipient_added"
            ),
        ),
    ]
