"""Identity providers and the users they know."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0011'
down_revision = '0010'


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'expiring_memberships',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('group_id', sa.String(length=64), nullable=False),
        sa.Column('identity_provider_id', sa.String(length=64), nullable=False),
        sa.Column(
            'last_verified',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=False,
        ),
        sa.Column(
            'expires_at',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('user_id', 'group_id', 'identity_provider_id', name='expiring_memberships_once'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('expiring_memberships', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_expiring_memberships_group_id'), ['group_id'], unique=False)
        batch_op.create_index(
            batch_op.f('ix_expiring_memberships_identity_provider_id'), ['identity_provider_id'], unique=False
        )

    op.create_table(
        'federated_users',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('identity_provider_id', sa.String(length=64), nullable=False),
        sa.Column('protocol_id', sa.String(length=64), nullable=False),
        sa.Column('unique_id', sa.String(length=255), nullable=False),
        sa.Column('display_name', sa.String(length=255), nullable=True),
        sa.Column('is_origin', sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('identity_provider_id', 'protocol_id', 'unique_id', name='federated_users_once'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('federated_users', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_federated_users_user_id'), ['user_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_federated_users_unique_id'), ['unique_id'], unique=False)

    op.create_table(
        'federation_mappings',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('rules', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('schema_version', sa.String(length=5), nullable=False),
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
        'federation_protocols',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('identity_provider_id', sa.String(length=64), nullable=False),
        sa.Column('mapping_id', sa.String(length=64), nullable=False),
        sa.Column('remote_id_attribute', sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('identity_provider_id', 'id', name='federation_protocols_once'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('federation_protocols', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_federation_protocols_mapping_id'), ['mapping_id'], unique=False)

    op.create_table(
        'identity_provider_remote_ids',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('identity_provider_id', sa.String(length=64), nullable=False),
        sa.Column('remote_id', sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('remote_id'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('identity_provider_remote_ids', schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f('ix_identity_provider_remote_ids_identity_provider_id'), ['identity_provider_id'], unique=False
        )

    op.create_table(
        'identity_providers',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('domain_id', sa.String(length=64), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('authorization_ttl', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('identity_providers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_identity_providers_domain_id'), ['domain_id'], unique=False)

    op.create_table(
        'service_providers',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('auth_url', sa.String(length=255), nullable=False),
        sa.Column('sp_url', sa.String(length=255), nullable=False),
        sa.Column('relay_state_prefix', sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
