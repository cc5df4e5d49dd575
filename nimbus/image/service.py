"""Builds the parts of the image service from its options."""

import os
import socket
from typing import Any

from nimbus.common.database import db
from nimbus.image import quotas
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.stores import settings
from nimbus.image.tasks.imports import Imports


def build(conf: Any, database: db.Database, process: int = 0) -> Transfers:
    """The transfers of this host, wired as the `image` options say, in that process of the daemon."""
    said = conf.image
    limits = Limits(
        disk_formats=tuple(said.disk_formats),
        container_formats=tuple(said.container_formats),
        size_cap=said.size_cap,
        virtual_size_cap=said.virtual_size_cap,
        properties=said.property_quota,
        tags=said.tag_quota,
        members=said.member_quota,
        keep_deleted=said.keep_deleted,
        certificates=said.certificates_path or os.path.join(conf.state_path, 'certificates'),
        import_methods=tuple(said.import_methods),
    )
    host = conf.host or socket.gethostname()
    return Transfers(database, settings.stores(conf), limits, quotas.of(conf), host, process)


def imports(conf: Any, transfers: Transfers) -> Imports:
    """The imports of this process, wired as the `image` options say."""
    return Imports(transfers, settings.rules(conf), conf.image.import_tasks)
