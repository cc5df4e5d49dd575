"""The endpoints of backups."""

from nimbus.api.kit.routes import Route
from nimbus.api.volume.backups import actions, backups
from nimbus.api.volume.backups.backups import ChangedBackup, NewBackup

ADMIN_ACTIONS = 'volume_extension:backup_admin_actions'
ROUTES = (
    Route('GET', '/backups', backups.index, 'backup:get_all'),
    Route('GET', '/backups/detail', backups.detail, 'backup:get_all'),
    Route('POST', '/backups', backups.create, 'backup:create', 202, noun=NewBackup),
    Route('POST', '/backups/import_record', actions.import_record, 'backup:backup-import', 201, shape=actions.IMPORT),
    Route('GET', '/backups/{id}', backups.show, 'backup:get'),
    Route('PUT', '/backups/{id}', backups.update, 'backup:update', since=(3, 9), noun=ChangedBackup),
    Route('DELETE', '/backups/{id}', backups.delete, 'backup:delete', 202),
    Route('POST', '/backups/{id}/restore', actions.restore, 'backup:restore', 202, shape=actions.RESTORE),
    Route('GET', '/backups/{id}/export_record', actions.export_record, 'backup:export-import'),
    Route(
        'POST',
        '/backups/{id}/action',
        actions.reset_status,
        f'{ADMIN_ACTIONS}:reset_status',
        202,
        action='os-reset_status',
        shape=actions.RESET,
    ),
    Route(
        'POST',
        '/backups/{id}/action',
        actions.force_delete,
        f'{ADMIN_ACTIONS}:force_delete',
        202,
        action='os-force_delete',
    ),
)
