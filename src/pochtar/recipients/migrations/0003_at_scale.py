import django.db.models.deletion
import django.utils.timezone
import pochtar.base.fields
import pochtar.base.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_unsubscribing"),
        ("recipients", "0002_unsubscribing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsentEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sequence", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("given", "basis stated"),
                            ("confirmed", "confirmed by letter"),
                            ("withdrawn", "withdrawn"),
                            ("objected", "objected"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("consent", "consent to mailings"),
                            ("customer", "customer, told that they may object"),
                            ("contract", "contract"),
                            ("earlier", "known from before"),
                        ],
                        max_length=12,
                    ),
                ),
                ("purpose", models.CharField(default="mailings", max_length=40)),
                ("channel", models.CharField(default="email", max_length=12)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("person", "entered by a participant"),
                            ("import", "import"),
                            ("bulk", "bulk action"),
                            ("letter", "link in a letter"),
                            ("api", "API"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reference", models.CharField(blank=True, max_length=200)),
                ("wording", models.TextField(blank=True)),
                ("language", models.CharField(blank=True, max_length=8)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=300)),
                ("recorded_by", models.UUIDField(null=True)),
                ("recipient_id", models.UUIDField(null=True)),
                ("address_hash", models.UUIDField(null=True)),
                ("number", models.PositiveIntegerField(default=1)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("previous_hash", models.CharField(blank=True, max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "verbose_name": "consent entry",
                "verbose_name_plural": "consent entries",
            },
        ),
        migrations.CreateModel(
            name="ConsentSubject",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("address_hash", models.UUIDField(db_index=True)),
                ("row", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name": "consent subject",
                "verbose_name_plural": "consent subjects",
            },
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=pochtar.base.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
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
                ("total", models.PositiveBigIntegerField(default=0)),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=40)),
                (
                    "file_name",
                    models.CharField(blank=True, max_length=200, verbose_name="file"),
                ),
                ("stored_as", models.CharField(editable=False, max_length=200)),
                ("size", models.PositiveBigIntegerField(default=0)),
                ("sha256", pochtar.base.fields.KeyField(blank=True, max_length=64)),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("uploaded", "uploaded"),
                            ("mapped", "columns chosen"),
                            ("checking", "being checked"),
                            ("checked", "checked"),
                            ("applying", "being imported"),
                            ("indexing", "being made searchable"),
                            ("finished", "imported"),
                            ("undoing", "being undone"),
                            ("undone", "undone"),
                        ],
                        default="uploaded",
                        max_length=10,
                    ),
                ),
                ("understood", models.JSONField(default=dict)),
                ("columns", models.JSONField(default=list)),
                ("update_existing", models.BooleanField(default=True)),
                (
                    "basis",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("consent", "consent to mailings"),
                            ("customer", "customer, told that they may object"),
                            ("contract", "contract"),
                            ("earlier", "known from before"),
                        ],
                        max_length=12,
                    ),
                ),
                ("wording", models.TextField(blank=True)),
                ("counts", models.JSONField(default=dict)),
                ("refusals", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "import",
                "verbose_name_plural": "imports",
            },
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=pochtar.base.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("address_hash", models.UUIDField(null=True)),
                (
                    "email",
                    models.CharField(blank=True, max_length=320, verbose_name="e-mail"),
                ),
                (
                    "domain",
                    pochtar.base.fields.KeyField(
                        blank=True, max_length=253, verbose_name="domain"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("manual", "by hand"),
                            ("unsubscribed", "unsubscribed"),
                            ("objected", "objected"),
                            ("bounced", "the mailbox does not exist"),
                            ("complained", "complained about spam"),
                            ("erased", "erased at their wish"),
                        ],
                        max_length=12,
                        verbose_name="reason",
                    ),
                ),
                (
                    "evidence",
                    models.TextField(
                        blank=True, max_length=1000, verbose_name="evidence"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
            ],
            options={
                "verbose_name": "stop list entry",
                "verbose_name_plural": "stop list entries",
            },
        ),
        migrations.AddField(
            model_name="recipient",
            name="address_hash",
            field=pochtar.base.fields.AddressHashField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="recipient",
            name="basis",
            field=models.CharField(
                blank=True,
                choices=[
                    ("consent", "consent to mailings"),
                    ("customer", "customer, told that they may object"),
                    ("contract", "contract"),
                    ("earlier", "known from before"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="recipient",
            name="suppressed",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name="recipient",
            index=models.Index(
                condition=models.Q(("suppressed", True)),
                fields=["workspace", "id"],
                name="recipients_recipient_stopped",
            ),
        ),
        migrations.AddField(
            model_name="consententry",
            name="workspace",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="consent_entries",
                to="accounts.workspace",
            ),
        ),
        migrations.AddField(
            model_name="consentsubject",
            name="entry",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="subjects",
                to="recipients.consententry",
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="created_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="lists",
            field=models.ManyToManyField(
                blank=True, related_name="imports", to="recipients.recipientlist"
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="accounts.workspace",
            ),
        ),
        migrations.AddField(
            model_name="suppression",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="suppression",
            name="workspace",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="suppressions",
                to="accounts.workspace",
            ),
        ),
        migrations.AddIndex(
            model_name="consententry",
            index=models.Index(
                condition=models.Q(("address_hash__isnull", False)),
                fields=["workspace", "address_hash", "id"],
                name="recipients_consent_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.UniqueConstraint(
                fields=("workspace", "sequence"), name="recipients_consent_in_order"
            ),
        ),
        migrations.AddIndex(
            model_name="import",
            index=models.Index(
                fields=["workspace", "-id"], name="recipients_import_page"
            ),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                fields=["workspace", "id"], name="recipients_suppression_page"
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(
                fields=("workspace", "address_hash"),
                name="recipients_suppression_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(
                condition=models.Q(("domain", ""), _negated=True),
                fields=("workspace", "domain"),
                name="recipients_suppression_domain",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("address_hash__isnull", False), ("domain", "")),
                    models.Q(
                        ("address_hash", None),
                        ("email", ""),
                        models.Q(("domain", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="recipients_suppression_of_one_kind",
            ),
        ),
    ]
