"""The states of an image, and which verb leads from which state to which."""

from nimbus.common.states import ANY, Machine, rule

QUEUED, SAVING, ACTIVE, KILLED, DELETED = 'queued', 'saving', 'active', 'killed', 'deleted'
PENDING_DELETE, DEACTIVATED, UPLOADING, IMPORTING = 'pending_delete', 'deactivated', 'uploading', 'importing'
ALL = (QUEUED, SAVING, ACTIVE, KILLED, DELETED, UPLOADING, IMPORTING, PENDING_DELETE, DEACTIVATED)
HIDDEN = (DELETED, PENDING_DELETE)  # no user finds these
LIVING = frozenset(ALL) - {*HIDDEN}

MACHINE = Machine(
    rule('upload', {QUEUED}, SAVING, done=ACTIVE, failed=QUEUED),
    rule('stage', {QUEUED}, UPLOADING, failed=QUEUED),
    rule('fetch', {QUEUED}, IMPORTING, done=ACTIVE, failed=QUEUED),
    rule('import', {UPLOADING}, IMPORTING, done=ACTIVE, failed=QUEUED),
    rule('deactivate', {ACTIVE, DEACTIVATED}, None, done=DEACTIVATED),
    rule('reactivate', {ACTIVE, DEACTIVATED}, None, done=ACTIVE),
    rule('delete', LIVING, None, done=DELETED),
    rule('delay', {ACTIVE, DEACTIVATED}, None, done=PENDING_DELETE),
    rule('restore', {PENDING_DELETE}, None, done=ACTIVE),
    rule('scrub', {PENDING_DELETE}, None, done=DELETED),
    rule('heal', ANY, None, done=QUEUED),
    noun='image',
    state='status',
)
