"""Make the store of backups that a host is configured with."""

from typing import Any


def store(conf: Any, path: str) -> Any:
    """Where the host's backups are kept, `path` where it names no folder; None where it keeps none.

    Raises LookupError naming what is not set.
    """
    if not conf.backup.driver:
        return None
    if conf.volume.driver == 'fake':
        from nimbus.volume.agent.fake.store import MemoryStore

        return MemoryStore()
    if conf.backup.driver == 's3':
        return _bucket(conf.backup)
    from nimbus.volume.agent.backups.folder import FolderStore

    return FolderStore(conf.backup.path or path, conf.backup.shared)


def _bucket(options: Any) -> Any:
    for name in ('s3_bucket', 's3_key_id', 's3_secret'):
        if not options[name]:
            raise LookupError(f'[backup] driver is s3, and [backup] {name} is not set.')
    try:
        from nimbus.volume.agent.backups.s3 import S3Store
    except ImportError as why:
        raise LookupError('[backup] driver is s3, and boto3 is not installed; it comes with nimbus[s3].') from why
    return S3Store(
        options.s3_bucket,
        endpoint=options.s3_endpoint or None,
        region=options.s3_region,
        key=(options.s3_key_id, options.s3_secret),
    )
