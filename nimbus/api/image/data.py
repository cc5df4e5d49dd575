"""Upload, staging, import and download of image data, streamed in pieces."""

import re
from typing import Any

from nimbus.api.image import access, info, stores
from nimbus.api.kit.bodies import AT_LEAST
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors, numbers

PIECE = 1 << 20  # bytes read at once; hashing and format checks have a cost for each piece
OCTETS = 'application/octet-stream'
RANGE = re.compile(r'bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*\Z')
CONTENT_RANGE = re.compile(r'bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)\Z')


def upload(call: Call, id: str) -> None:
    """PUT /v2/images/{id}/file."""
    announced = _announced(call)
    with call.db.read() as tx:
        image = access.seen(call, tx, id, 'upload_image')
    _check_chunk(call)
    call.parts.extra['image'].upload(image, call.read(PIECE), announced, stores.of_upload(call))


def stage(call: Call, id: str) -> None:
    """PUT /v2/images/{id}/stage."""
    announced = _announced(call)
    with call.db.read() as tx:
        image = access.seen(call, tx, id, 'modify_image')
    _check_chunk(call)
    call.parts.extra['image'].stage(image, call.read(PIECE), announced)


def _announced(call: Call) -> int | None:
    """The size of the upload as the client announces it.  Raises WrongMedia, Invalid."""
    media = (call.header('Content-Type') or '').split(';')[0].strip().lower()
    if media != OCTETS:
        raise errors.WrongMedia(f'Invalid content type {media[:80]}; image data is {OCTETS}.')
    text = call.header('X-Openstack-Image-Size') or call.header('Content-Length') or ''
    if not text:
        return None
    size = numbers.read(text)
    if size is None or size < 0:
        raise errors.Invalid('Invalid or missing image size in request headers.')
    return size or None


def _check_chunk(call: Call) -> None:
    """Raises TooLarge when a chunk of the body says that it is larger than an image may be."""
    call.parts.extra['image'].check_size(call.environ.get(AT_LEAST, 0))


def import_(call: Call, id: str) -> None:
    """POST /v2/images/{id}/import: a task brings data into the image."""
    _check_method(call, call.body)
    names, copies = stores.of_import(call, call.body), call.body['method']['name'] == 'copy-image'
    with call.db.write() as tx:
        image = access.seen(call, tx, id, 'copy_image' if copies else 'modify_image')
        if copies and image.status == 'active':
            names = stores.to_copy(call, image, names, call.body.get('all_stores', False))
        if names:
            call.parts.extra['image imports'].ask(tx, call.context, image, call.body, names)


def _check_method(call: Call, body: Any) -> None:
    """Nothing, when the body asks for an import there is.  Raises Invalid."""
    method = body.get('method') if isinstance(body, dict) else None
    if not isinstance(method, dict):
        raise errors.Invalid("Import request requires a 'method' field.")
    if 'name' not in method:
        raise errors.Invalid("Import request requires a 'name' field.")
    if method['name'] not in info.methods(call):
        raise errors.Invalid(f"Unknown import method name '{method['name']}'.")
    for name in ('all_stores_must_succeed', 'all_stores'):
        if not isinstance(body.get(name, False), bool):
            raise errors.Invalid(f"'{name}' must be boolean value only")


def download(call: Call, id: str) -> Any:
    """GET /v2/images/{id}/file: all of it, one range of it, or 204 where there is nothing yet."""
    with call.db.read() as tx:
        image = access.seen(call, tx, id)
        if image.status == 'deactivated' and not call.context.is_admin:
            raise errors.Forbidden('The requested image has been deactivated. Image data download is forbidden.')
        access.check(call, 'download_image', image)
    if image.status not in ('active', 'deactivated'):
        return Reply(status=204)
    start, stop, partial = _range(call, image.size)
    pieces = call.parts.extra['image'].download(image, start, stop - start)
    headers = [('Content-Type', OCTETS), ('Content-Length', str(stop - start)), ('Content-MD5', image.checksum)]
    if partial:
        headers.append(('Content-Range', f'bytes {start}-{stop - 1}/{image.size}'))
    return Reply(status=206 if partial else 200, headers=headers, stream=pieces)


def _range(call: Call, size: int) -> tuple[int, int, bool]:
    """First byte, byte after the last, and whether a part was asked for.  Raises Invalid and a 416."""
    text = call.header('Range')
    if text is None:
        return _content_range(call, size)
    if ',' in text:
        raise errors.Invalid(
            'Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests '
            'instead.'
        )
    start, last = _ends(RANGE.match(text.strip()))
    if start is None:
        if not last or not size:  # the last none of the bytes, or some of none, or what is no range at all
            raise _unsatisfiable('Invalid Range header.', size)
        return max(size - last, 0), size, True
    if last is not None and last < start:
        raise _unsatisfiable('Invalid Range header.', size)
    if start >= size:
        raise _unsatisfiable(
            f'Invalid start position in Range header. Start position MUST be in the inclusive range [0, {size - 1}].',
            size,
        )
    return start, size if last is None else min(last + 1, size), True


def _ends(match: re.Match[str] | None) -> tuple[int | None, int | None]:
    """The two numbers of a range, each None where it is missing; both None where one of them cannot be read."""
    if not match:
        return None, None
    found = [numbers.read(text) for text in (match[1], match[2])]
    unread = any(number is None and text for number, text in zip(found, (match[1], match[2]), strict=True))
    return (None, None) if unread else (found[0], found[1])


def _content_range(call: Call, size: int) -> tuple[int, int, bool]:
    """The part that an old client asks for by Content-Range, a response's header.  Raises Invalid."""
    text = call.header('Content-Range')
    if text is None:
        return 0, size, False
    start, last = _ends(CONTENT_RANGE.match(text.strip()))
    if start is None or last is None or last < start:
        raise _unsatisfiable('Invalid Content-Range header.', size)
    if start >= size or last >= size:
        raise _unsatisfiable(f'Invalid position in Content-Range header: the image has {size} bytes.', size)
    return start, last + 1, True


def _unsatisfiable(sentence: str, size: int) -> errors.Invalid:
    return errors.Invalid(sentence, status=416, headers=[('Content-Range', f'bytes */{size}')])
