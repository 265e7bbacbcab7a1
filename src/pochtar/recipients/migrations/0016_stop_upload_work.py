import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0015_added_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="stopupload",
            name="added",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="done",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="error",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="finished_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="lease_token",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="lease_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="marked",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
        # Those that lie there wait for a person's word, not for a worker.
        migrations.AddField(
            model_name="stopupload",
            name="state",
            field=models.CharField(
                choices=[
                    ("idle", "waits for you"),
                    ("waiting", "waits for its turn"),
                    ("running", "running"),
                    ("done", "done"),
                    ("failed", "failed"),
                    ("cancelled", "cancelled"),
                ],
                default="idle",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="stopupload",
            name="state",
            field=models.CharField(
                choices=[
                    ("idle", "waits for you"),
                    ("waiting", "waits for its turn"),
                    ("running", "running"),
                    ("done", "done"),
                    ("failed", "failed"),
                    ("cancelled", "cancelled"),
                ],
                default="waiting",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="stopupload",
            name="total",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="stopupload",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="accounts.workspace",
            ),
        ),
    ]
