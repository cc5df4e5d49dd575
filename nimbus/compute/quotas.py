"""Quotas of the compute service: servers, vCPUs, memory, key pairs and the rest."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.quotas import Quotas, Recount
from nimbus.compute.models import Server, ServerGroup

DEFAULTS = {
    'instances': 10,
    'cores': 20,
    'ram': 51200,  # MiB
    'metadata_items': 128,  # of one server
    'injected_files': 5,  # of one server
    'injected_file_content_bytes': 10240,
    'injected_file_path_bytes': 255,
    'key_pairs': 100,  # of one user
    'server_groups': 10,
    'server_group_members': 10,  # of one group
}


def _rows(tx: db.Tx, project_id: str | None) -> dict[str, dict[str, int]]:
    where: list[Any] = [Server.deleted_at.is_(None)]
    where += [Server.project_id == project_id] if project_id is not None else []
    found: dict[str, dict[str, int]] = {}
    for owner, flavor in tx.execute(sa.select(Server.project_id, Server.flavor).where(*where)):
        held = found.setdefault(owner, {'instances': 0, 'cores': 0, 'ram': 0})
        held['instances'] += 1
        held['cores'] += flavor['vcpus']
        held['ram'] += flavor['ram']
    groups = sa.select(ServerGroup.project_id, sa.func.count()).group_by(ServerGroup.project_id)
    for owner, count in tx.execute(
        groups if project_id is None else groups.where(ServerGroup.project_id == project_id)
    ):
        found.setdefault(owner, {'instances': 0, 'cores': 0, 'ram': 0})['server_groups'] = count
    return found


QUOTAS = Quotas('compute', DEFAULTS, _rows)
RECOUNT = Recount(QUOTAS, ('instances', 'cores', 'ram', 'server_groups'), _rows)
