"""Artifacts: types, collections, versions, their contents, who logged and who used them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from steelyard.server.db.dialect import BIGID

revision = "0003"
down_revision = "0002"

#: Columns whose bytes do not compress: PostgreSQL should not try.
COMPRESSED = ("digests", "data")


def upgrade() -> None:
    op.create_table(
        "artifact_types",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_artifact_types_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_types")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_artifact_types_project_id_name")),
    )
    op.create_table(
        "artifact_collections",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("deleted_mark", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by_run_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by_user_id", sa.BigInteger(), nullable=True),
        sa.Column("next_index", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("content_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("dirty_since_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_run_id"],
            ["runs.id"],
            name=op.f("fk_artifact_collections_created_by_run_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"],
            ["users.id"],
            name=op.f("fk_artifact_collections_created_by_user_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_artifact_collections_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["type_id"], ["artifact_types.id"], name=op.f("fk_artifact_collections_type_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_collections")),
        sa.UniqueConstraint(
            "project_id",
            "name",
            "deleted_mark",
            name=op.f("uq_artifact_collections_project_id_name_deleted_mark"),
        ),
    )
    op.create_index(
        op.f("ix_artifact_collections_created_by_run_id"),
        "artifact_collections",
        ["created_by_run_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifact_collections_created_by_user_id"),
        "artifact_collections",
        ["created_by_user_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifact_collections_dirty_since_us"),
        "artifact_collections",
        ["dirty_since_us"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifact_collections_type_id"), "artifact_collections", ["type_id"], unique=False
    )
    op.create_index(
        "ix_artifact_collections_updated",
        "artifact_collections",
        ["project_id", "deleted_mark", "updated_at_us"],
        unique=False,
    )
    op.create_table(
        "artifact_collection_tags",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["artifact_collections.id"],
            name=op.f("fk_artifact_collection_tags_collection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_collection_tags")),
        sa.UniqueConstraint(
            "collection_id", "tag", name=op.f("uq_artifact_collection_tags_collection_id_tag")
        ),
    )
    op.create_table(
        "artifact_contents",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("md5", sa.LargeBinary(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("birth_artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("touched_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["artifact_collections.id"],
            name=op.f("fk_artifact_contents_collection_id"),
        ),
        sa.PrimaryKeyConstraint("collection_id", "md5", name=op.f("pk_artifact_contents")),
    )
    op.create_index(
        op.f("ix_artifact_contents_birth_artifact_id"),
        "artifact_contents",
        ["birth_artifact_id"],
        unique=False,
    )
    op.create_index(
        "ix_artifact_contents_project_md5", "artifact_contents", ["project_id", "md5"], unique=False
    )
    op.create_index(
        op.f("ix_artifact_contents_sha256"), "artifact_contents", ["sha256"], unique=False
    )
    op.create_table(
        "artifacts",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("version_index", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("digest_algorithm", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), server_default="{}", nullable=False),
        sa.Column("ttl_s", sa.BigInteger(), nullable=True),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=True),
        sa.Column("history_step", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("file_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("page_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("committed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("created_by_run_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by_user_id", sa.BigInteger(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("sequence_client_id", sa.Text(), nullable=True),
        sa.Column("distributed_id", sa.Text(), nullable=True),
        sa.Column("manifest_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("manifest_bytes", sa.BigInteger(), nullable=True),
        sa.Column("base_id", sa.BigInteger(), nullable=True),
        sa.Column("same_as_id", sa.BigInteger(), nullable=True),
        sa.Column("draft", sa.Text(), nullable=True),
        sa.Column("trashed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("purge_at_us", sa.BigInteger(), nullable=True),
        sa.Column("freed_bytes", sa.BigInteger(), nullable=True),
        sa.Column("trash", sa.Text(), nullable=True),
        sa.Column("trashed_by_user_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["base_id"], ["artifacts.id"], name=op.f("fk_artifacts_base_id")),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["artifact_collections.id"], name=op.f("fk_artifacts_collection_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_run_id"],
            ["runs.id"],
            name=op.f("fk_artifacts_created_by_run_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"],
            ["users.id"],
            name=op.f("fk_artifacts_created_by_user_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_artifacts_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["same_as_id"], ["artifacts.id"], name=op.f("fk_artifacts_same_as_id")
        ),
        sa.ForeignKeyConstraint(
            ["trashed_by_user_id"],
            ["users.id"],
            name=op.f("fk_artifacts_trashed_by_user_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint(
            "client_id", "project_id", name=op.f("uq_artifacts_client_id_project_id")
        ),
    )
    op.create_index(op.f("ix_artifacts_base_id"), "artifacts", ["base_id"], unique=False)
    op.create_index(
        "ix_artifacts_collection_digest", "artifacts", ["collection_id", "digest"], unique=False
    )
    op.create_index(
        "ix_artifacts_collection_distributed",
        "artifacts",
        ["collection_id", "distributed_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifacts_created_by_run_id"), "artifacts", ["created_by_run_id"], unique=False
    )
    op.create_index(
        op.f("ix_artifacts_created_by_user_id"), "artifacts", ["created_by_user_id"], unique=False
    )
    op.create_index(
        op.f("ix_artifacts_expires_at_us"), "artifacts", ["expires_at_us"], unique=False
    )
    op.create_index(
        op.f("ix_artifacts_manifest_sha256"), "artifacts", ["manifest_sha256"], unique=False
    )
    op.create_index(
        "ix_artifacts_project_state", "artifacts", ["project_id", "state", "id"], unique=False
    )
    op.create_index(op.f("ix_artifacts_purge_at_us"), "artifacts", ["purge_at_us"], unique=False)
    op.create_index(op.f("ix_artifacts_same_as_id"), "artifacts", ["same_as_id"], unique=False)
    op.create_index(
        op.f("ix_artifacts_sequence_client_id"), "artifacts", ["sequence_client_id"], unique=False
    )
    op.create_index(
        "ix_artifacts_state_updated", "artifacts", ["state", "updated_at_us"], unique=False
    )
    op.create_index(
        op.f("ix_artifacts_trashed_by_user_id"), "artifacts", ["trashed_by_user_id"], unique=False
    )
    op.create_table(
        "artifact_events",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("artifact_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("version_index", sa.BigInteger(), nullable=True),
        sa.Column("from_index", sa.BigInteger(), nullable=True),
        sa.Column("alias", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["artifact_id"],
            ["artifacts.id"],
            name=op.f("fk_artifact_events_artifact_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["artifact_collections.id"],
            name=op.f("fk_artifact_events_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_artifact_events_run_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_artifact_events_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_events")),
    )
    op.create_index(
        "ix_artifact_events_artifact", "artifact_events", ["artifact_id", "id"], unique=False
    )
    op.create_index(
        "ix_artifact_events_collection", "artifact_events", ["collection_id", "id"], unique=False
    )
    op.create_index(op.f("ix_artifact_events_run_id"), "artifact_events", ["run_id"], unique=False)
    op.create_index(
        op.f("ix_artifact_events_user_id"), "artifact_events", ["user_id"], unique=False
    )
    op.create_table(
        "artifact_manifest_pages",
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.BigInteger(), nullable=False),
        sa.Column("first_path", sa.LargeBinary(), nullable=False),
        sa.Column("entry_count", sa.BigInteger(), nullable=False),
        sa.Column("entries_before", sa.BigInteger(), nullable=False),
        sa.Column("bytes_before", sa.BigInteger(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_manifest_pages_artifact_id")
        ),
        sa.PrimaryKeyConstraint("artifact_id", "page", name=op.f("pk_artifact_manifest_pages")),
    )
    op.create_index(
        "ix_artifact_manifest_pages_path",
        "artifact_manifest_pages",
        ["artifact_id", "first_path"],
        unique=False,
    )
    op.create_table(
        "artifact_manifests",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("base_id", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_manifests_artifact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_manifests")),
    )
    op.create_index(
        op.f("ix_artifact_manifests_artifact_id"),
        "artifact_manifests",
        ["artifact_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifact_manifests_sha256"), "artifact_manifests", ["sha256"], unique=False
    )
    op.create_table(
        "artifact_members",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("version_index", sa.BigInteger(), nullable=False),
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("is_link", sa.Boolean(), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by_user_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_members_artifact_id")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["artifact_collections.id"],
            name=op.f("fk_artifact_members_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"],
            ["users.id"],
            name=op.f("fk_artifact_members_created_by_user_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_members")),
        sa.UniqueConstraint(
            "collection_id",
            "artifact_id",
            name=op.f("uq_artifact_members_collection_id_artifact_id"),
        ),
        sa.UniqueConstraint(
            "collection_id",
            "version_index",
            name=op.f("uq_artifact_members_collection_id_version_index"),
        ),
    )
    op.create_index(
        op.f("ix_artifact_members_artifact_id"), "artifact_members", ["artifact_id"], unique=False
    )
    op.create_index(
        op.f("ix_artifact_members_created_by_user_id"),
        "artifact_members",
        ["created_by_user_id"],
        unique=False,
    )
    op.create_table(
        "artifact_outputs",
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_outputs_artifact_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_artifact_outputs_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("artifact_id", "run_id", name=op.f("pk_artifact_outputs")),
    )
    op.create_index(
        op.f("ix_artifact_outputs_run_id"), "artifact_outputs", ["run_id"], unique=False
    )
    op.create_table(
        "artifact_tags",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_tags_artifact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_tags")),
        sa.UniqueConstraint("artifact_id", "tag", name=op.f("uq_artifact_tags_artifact_id_tag")),
    )
    op.create_table(
        "artifact_uploads",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("md5", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("part_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_uploads_artifact_id")
        ),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_artifact_uploads")),
        sa.UniqueConstraint("artifact_id", "md5", name=op.f("uq_artifact_uploads_artifact_id_md5")),
    )
    op.create_table(
        "artifact_uses",
        sa.Column("artifact_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("use_as", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_uses_artifact_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_artifact_uses_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("artifact_id", "run_id", name=op.f("pk_artifact_uses")),
    )
    op.create_index(op.f("ix_artifact_uses_run_id"), "artifact_uses", ["run_id"], unique=False)
    op.create_table(
        "artifact_aliases",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["artifact_collections.id"],
            name=op.f("fk_artifact_aliases_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["artifact_members.id"], name=op.f("fk_artifact_aliases_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_aliases")),
        sa.UniqueConstraint(
            "collection_id", "alias", name=op.f("uq_artifact_aliases_collection_id_alias")
        ),
    )
    op.create_index(
        op.f("ix_artifact_aliases_member_id"), "artifact_aliases", ["member_id"], unique=False
    )
    if op.get_context().dialect.name == "postgresql":
        for column in COMPRESSED:
            op.execute(
                f"ALTER TABLE artifact_manifest_pages ALTER COLUMN {column} SET STORAGE EXTERNAL"
            )
