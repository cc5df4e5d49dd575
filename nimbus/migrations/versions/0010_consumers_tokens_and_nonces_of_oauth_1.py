"""Consumers, tokens and nonces of OAuth 1."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'oauth_access_tokens',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('consumer_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('secret', sa.Text(), nullable=False),
        sa.Column('key_name', sa.String(length=64), nullable=False),
        sa.Column('role_ids', sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            'expires_at',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('oauth_access_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oauth_access_tokens_consumer_id'), ['consumer_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_oauth_access_tokens_project_id'), ['project_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_oauth_access_tokens_user_id'), ['user_id'], unique=False)

    op.create_table(
        'oauth_consumers',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('secret', sa.Text(), nullable=False),
        sa.Column('key_name', sa.String(length=64), nullable=False),
        sa.Column('extra', sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            'created_at',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    op.create_table(
        'oauth_nonces',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column(
            'ends_at',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint('digest'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('oauth_nonces', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oauth_nonces_ends_at'), ['ends_at'], unique=False)

    op.create_table(
        'oauth_request_tokens',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('consumer_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('secret', sa.Text(), nullable=False),
        sa.Column('key_name', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('role_ids', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('verifier', sa.String(length=16), nullable=True),
        sa.Column(
            'expires_at',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('oauth_request_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_oauth_request_tokens_consumer_id'), ['consumer_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_oauth_request_tokens_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_oauth_request_tokens_project_id'), ['project_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_oauth_request_tokens_user_id'), ['user_id'], unique=False)
