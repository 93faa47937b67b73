"""Artifacts: types, collections, versions, what they hold, who made and who uses them.

Rows that name a run or a user outlive both: those columns become null by themselves. What a run
used goes with the run.
"""

from typing import Any

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata


def _run(name: str = "run_id", **options: Any) -> sa.Column[Any]:
    key = sa.ForeignKey("runs.id", ondelete="SET NULL")
    return sa.Column(name, sa.BigInteger, key, index=True, **options)


def _user(name: str = "user_id") -> sa.Column[Any]:
    key = sa.ForeignKey("users.id", ondelete="SET NULL")
    return sa.Column(name, sa.BigInteger, key, index=True)


artifact_types = sa.Table(
    "artifact_types",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("project_id", sa.BigInteger, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("project_id", "name"),
)

artifact_collections = sa.Table(
    "artifact_collections",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("project_id", sa.BigInteger, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column(
        "type_id", sa.BigInteger, sa.ForeignKey("artifact_types.id"), nullable=False, index=True
    ),
    sa.Column("kind", sa.Text, nullable=False),  # sequence | portfolio
    sa.Column("name", sa.Text, nullable=False),
    # 0, or the collection's own id once it is in the trash: its name is free again then.
    sa.Column("deleted_mark", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("description", sa.Text),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    _run("created_by_run_id"),
    _user("created_by_user_id"),
    sa.Column("next_index", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("version_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("content_bytes", sa.BigInteger, nullable=False, server_default="0"),  # distinct
    # Since when it holds contents of versions that are gone, for the sweep.
    sa.Column("dirty_since_us", sa.BigInteger, index=True),
    sa.UniqueConstraint("project_id", "name", "deleted_mark"),
    sa.Index("ix_artifact_collections_updated", "project_id", "deleted_mark", "updated_at_us"),
)

artifact_collection_tags = sa.Table(
    "artifact_collection_tags",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column(
        "collection_id", sa.BigInteger, sa.ForeignKey("artifact_collections.id"), nullable=False
    ),
    sa.Column("tag", sa.Text, nullable=False),
    sa.UniqueConstraint("collection_id", "tag"),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("project_id", sa.BigInteger, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column(
        "collection_id", sa.BigInteger, sa.ForeignKey("artifact_collections.id"), nullable=False
    ),
    sa.Column("version_index", sa.BigInteger),  # null until it is committed
    sa.Column("state", sa.Text, nullable=False),  # PENDING | COMMITTED | PENDING_DELETION | DELETED
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("digest_algorithm", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("metadata", sa.Text, nullable=False, server_default="{}"),  # JSON
    sa.Column("ttl_s", sa.BigInteger),  # null: inherited; 0: never
    sa.Column("expires_at_us", sa.BigInteger, index=True),
    sa.Column("history_step", sa.BigInteger),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("file_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("page_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    sa.Column("committed_at_us", sa.BigInteger),
    _run("created_by_run_id"),
    _user("created_by_user_id"),
    sa.Column("client_id", sa.Text),
    sa.Column("sequence_client_id", sa.Text, index=True),
    sa.Column("distributed_id", sa.Text),
    sa.Column("manifest_sha256", sa.LargeBinary, index=True),
    sa.Column("manifest_bytes", sa.BigInteger),
    sa.Column("base_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), index=True),
    # A draft whose content turned out to be that of this version.
    sa.Column("same_as_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), index=True),
    sa.Column("draft", sa.Text),  # JSON: aliases and tags to set at commit
    sa.Column("trashed_at_us", sa.BigInteger),
    sa.Column("purge_at_us", sa.BigInteger, index=True),
    sa.Column("freed_bytes", sa.BigInteger),  # what its end frees, as of its deletion
    sa.Column("trash", sa.Text),  # JSON: its aliases, for a restore
    _user("trashed_by_user_id"),
    sa.UniqueConstraint("client_id", "project_id"),
    sa.Index("ix_artifacts_collection_digest", "collection_id", "digest"),
    sa.Index("ix_artifacts_collection_distributed", "collection_id", "distributed_id"),
    sa.Index("ix_artifacts_project_state", "project_id", "state", "id"),
    sa.Index("ix_artifacts_state_updated", "state", "updated_at_us"),
)

#: A version in a collection: its own, or a link from a portfolio.
artifact_members = sa.Table(
    "artifact_members",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column(
        "collection_id", sa.BigInteger, sa.ForeignKey("artifact_collections.id"), nullable=False
    ),
    sa.Column("version_index", sa.BigInteger, nullable=False),
    sa.Column(
        "artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), nullable=False, index=True
    ),
    sa.Column("is_link", sa.Boolean, nullable=False),
    # Of a version in the trash: kept for a restore, shown nowhere.
    sa.Column("is_hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    _user("created_by_user_id"),
    sa.UniqueConstraint("collection_id", "version_index"),
    sa.UniqueConstraint("collection_id", "artifact_id"),
)

artifact_aliases = sa.Table(
    "artifact_aliases",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column(
        "collection_id", sa.BigInteger, sa.ForeignKey("artifact_collections.id"), nullable=False
    ),
    sa.Column("alias", sa.Text, nullable=False),
    sa.Column(
        "member_id", sa.BigInteger, sa.ForeignKey("artifact_members.id"), nullable=False, index=True
    ),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("collection_id", "alias"),
)

artifact_tags = sa.Table(
    "artifact_tags",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), nullable=False),
    sa.Column("tag", sa.Text, nullable=False),
    sa.UniqueConstraint("artifact_id", "tag"),
)

#: Distinct contents of a collection. Who asks whether content is here is told of its project only.
artifact_contents = sa.Table(
    "artifact_contents",
    metadata,
    sa.Column(
        "collection_id", sa.BigInteger, sa.ForeignKey("artifact_collections.id"), primary_key=True
    ),
    sa.Column("md5", sa.LargeBinary, primary_key=True),
    sa.Column("project_id", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False, index=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    # The first artifact of the collection with this content. Not a key: that one may be gone.
    sa.Column("birth_artifact_id", sa.BigInteger, nullable=False, index=True),
    # When a draft last counted on it: the sweep leaves alone what a draft of today may name.
    sa.Column("touched_at_us", sa.BigInteger, nullable=False),
    sa.Index("ix_artifact_contents_project_md5", "project_id", "md5"),
)

#: Entries of a manifest in the order of their paths, 1,000 a row. `entries_before` and
#: `bytes_before` sum up all earlier rows, so that whole directories are counted by subtraction.
artifact_manifest_pages = sa.Table(
    "artifact_manifest_pages",
    metadata,
    sa.Column("artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), primary_key=True),
    sa.Column("page", sa.BigInteger, primary_key=True),
    # Bytes, because PostgreSQL compares texts by the rules of a language.
    sa.Column("first_path", sa.LargeBinary, nullable=False),
    sa.Column("entry_count", sa.BigInteger, nullable=False),
    sa.Column("entries_before", sa.BigInteger, nullable=False),
    sa.Column("bytes_before", sa.BigInteger, nullable=False),
    sa.Column("digests", sa.LargeBinary, nullable=False),  # MD5 of each stored content, in order
    sa.Column("data", sa.LargeBinary, nullable=False),  # zstd of msgpack, see pages.py
    sa.Index("ix_artifact_manifest_pages_path", "artifact_id", "first_path"),
)

#: Manifests as clients send them: one for most drafts, one per writer of a distributed artifact.
artifact_manifests = sa.Table(
    "artifact_manifests",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column(
        "artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), nullable=False, index=True
    ),
    sa.Column("kind", sa.Text, nullable=False),  # full | incremental | patch
    sa.Column("base_id", sa.BigInteger),  # the version it is to be merged with
    sa.Column("digest", sa.Text, nullable=False),  # base64 MD5 as announced; "" when it was not
    sa.Column("sha256", sa.LargeBinary, index=True),  # null until it was uploaded
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

artifact_uploads = sa.Table(
    "artifact_uploads",
    metadata,
    sa.Column("upload_id", sa.Text, primary_key=True),
    sa.Column("artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), nullable=False),
    sa.Column("md5", sa.LargeBinary, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("part_bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("artifact_id", "md5"),
)

artifact_uses = sa.Table(
    "artifact_uses",
    metadata,
    sa.Column("artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), primary_key=True),
    sa.Column(
        "run_id",
        sa.BigInteger,
        sa.ForeignKey("runs.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    sa.Column("use_as", sa.Text),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

#: Every run that logged the version: the first made it, others had the same content.
artifact_outputs = sa.Table(
    "artifact_outputs",
    metadata,
    sa.Column("artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id"), primary_key=True),
    sa.Column(
        "run_id",
        sa.BigInteger,
        sa.ForeignKey("runs.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

#: What happened, only ever added to.
artifact_events = sa.Table(
    "artifact_events",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column(
        "collection_id", sa.BigInteger, sa.ForeignKey("artifact_collections.id"), nullable=False
    ),
    sa.Column("artifact_id", sa.BigInteger, sa.ForeignKey("artifacts.id", ondelete="SET NULL")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    _user(),
    _run(),
    sa.Column("version_index", sa.BigInteger),
    sa.Column("from_index", sa.BigInteger),
    sa.Column("alias", sa.Text),
    sa.Column("note", sa.Text),
    sa.Index("ix_artifact_events_collection", "collection_id", "id"),
    sa.Index("ix_artifact_events_artifact", "artifact_id", "id"),
)
