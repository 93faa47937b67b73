"""Who there is: users, entities (personal or team), organisations, keys and sessions."""

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata

entities = sa.Table(
    "entities",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),  # user | team | organization
    sa.Column("organization_id", sa.BigInteger, sa.ForeignKey("organizations.id"), index=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

organizations = sa.Table(
    "organizations",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("username", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, index=True),
    sa.Column("password_hash", sa.Text),  # argon2id; NULL: cannot sign in with a password
    sa.Column("is_admin", sa.Boolean, nullable=False),
    sa.Column("is_service", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("entity_id", sa.BigInteger, sa.ForeignKey("entities.id"), nullable=False, index=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

#: Role of a user in a team entity. The personal entity needs no row.
members = sa.Table(
    "members",
    metadata,
    sa.Column("entity_id", sa.BigInteger, sa.ForeignKey("entities.id"), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), primary_key=True, index=True),
    sa.Column("role", sa.Text, nullable=False),  # viewer | member | admin
)

organization_members = sa.Table(
    "organization_members",
    metadata,
    sa.Column(
        "organization_id", sa.BigInteger, sa.ForeignKey("organizations.id"), primary_key=True
    ),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), primary_key=True, index=True),
    sa.Column("role", sa.Text, nullable=False),
)

#: Keys are random (at least 160 bits), so one SHA-256 hides them; nothing slow is needed.
api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),  # the last four characters, to tell keys apart
    sa.Column("prefix", sa.Text, nullable=False),  # the first eight, by which W&B's clients name it
    sa.Column("key_sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("last_used_at_us", sa.BigInteger),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_sha256", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("expires_at_us", sa.BigInteger, nullable=False, index=True),
)

#: One-time links that `steelyard up` prints.
login_tokens = sa.Table(
    "login_tokens",
    metadata,
    sa.Column("token_sha256", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("expires_at_us", sa.BigInteger, nullable=False, index=True),
)

#: What all servers on this database share: the key that signs URLs and cookies.
server_secrets = sa.Table(
    "server_secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)
