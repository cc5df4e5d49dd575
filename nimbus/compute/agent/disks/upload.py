"""Fill images over HTTP with a service token, from files of this host."""

import os
from typing import Any

from nimbus.common import errors
from nimbus.compute.agent.disks.fetch import ServiceUser
from nimbus.compute.agent.driver import Refused

IMAGES = {'service_type': 'image', 'interface': 'internal'}


class Upload:
    """`upload(image_id, path)` makes the image active with the file's bytes."""

    def __init__(self, user: ServiceUser, endpoint: str | None = None) -> None:
        """`endpoint` is the image service's URL where the catalog is not to be asked."""
        self._user = user
        self._where: dict[str, Any] = {'endpoint_override': endpoint} if endpoint else {}

    def __call__(self, image_id: str, path: str) -> None:
        """The image is active; one that is already was filled by an earlier try.

        Raises NotFound when it was deleted, Refused when it may not be filled so, Unavailable when it is to be tried
        again.
        """
        from keystoneauth1 import exceptions

        try:
            # Asked first: only a request without a body is sent anew with another token.
            status = self._ask('GET', f'/v2/images/{image_id}').json()['status']
            if status == 'active':
                return
            if status != 'queued':
                raise errors.Unavailable(f'Image {image_id} is {status}.')
            self._send(image_id, path)
        except (exceptions.NotFound, exceptions.Gone) as why:
            raise errors.NotFound(f'Image {image_id} could not be found.') from why
        except exceptions.HttpError as why:
            told = f'Image {image_id} cannot be filled: HTTP {why.http_status}'
            if why.http_status >= 500 or isinstance(why, exceptions.Conflict):
                raise errors.Unavailable(f'{told}.') from why
            raise Refused(f'{told}: {why.message}') from why
        except (exceptions.ClientException, OSError) as why:  # requests' own errors are OSErrors
            raise errors.Unavailable(f'Image {image_id} cannot be filled: {type(why).__name__}.') from why

    def _send(self, image_id: str, path: str) -> None:
        with open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            headers = {'Content-Type': 'application/octet-stream', 'X-Openstack-Image-Size': str(size)}
            self._ask('PUT', f'/v2/images/{image_id}/file', headers=headers, data=file)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        return self._user.session.request(path, method, endpoint_filter=IMAGES, **self._where, **more)
