"""Download images over HTTP with a service token; a broken download is resumed where it stopped."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

from keystoneauth1 import exceptions, service_token, session
from keystoneauth1.identity import v3

from nimbus.common import errors

LOG = logging.getLogger(__name__)
CHUNK = 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds before identity is asked for the first time, and again
BREAKS = 5  # connections that may end too early before the download is given up


def service_session(auth_url: str, username: str, password: str, project: str, cafile: str | None = None) -> Any:
    """A session of the service user; a token that ran out is replaced by itself."""
    return session.Session(auth=_password(auth_url, username, password, project), verify=cafile or True)


def _password(auth_url: str, username: str, password: str, project: str) -> Any:
    return v3.Password(
        auth_url=auth_url,
        username=username,
        password=password,
        project_name=project,
        user_domain_id='default',
        project_domain_id='default',
    )


def speaking(auth_url: str, username: str, password: str, project: str, cafile: str | None = None) -> Any:
    """A session whose requests carry the service user's token and, beside it, the service token."""
    own = _password(auth_url, username, password, project)
    both = service_token.ServiceTokenAuthWrapper(user_auth=own, service_auth=own)
    return session.Session(auth=both, verify=cafile or True)


class Fetch:
    """`fetch(image_id)` yields an image's bytes."""

    def __init__(self, session: Any, endpoint: str | None = None) -> None:
        """`endpoint` is the image service's URL where the catalog is not to be asked."""
        self._session, self._endpoint = session, endpoint

    def __call__(self, image_id: str) -> Iterator[bytes]:
        """The image from its first byte to its last.  Raises NotFound, Unavailable."""
        done, breaks = 0, 0
        while True:
            before = done
            try:
                answer = self._ask(image_id, done)
                for chunk in answer.iter_content(CHUNK):
                    done += len(chunk)
                    yield chunk
                return
            except (exceptions.ConnectFailure, OSError) as why:  # requests' own errors are OSErrors
                breaks = 0 if done > before else breaks + 1
                if breaks >= BREAKS:
                    raise errors.Unavailable(f'Image {image_id} cannot be fetched: {type(why).__name__}.') from why
                LOG.warning('The download of image %s broke off after %s bytes and is resumed there', image_id, done)

    def _ask(self, image_id: str, start: int) -> Any:
        """The streamed answer from byte `start` on; the session asks again with a new token after a 401."""
        headers = {'Accept': 'application/octet-stream'} | ({'Range': f'bytes={start}-'} if start else {})
        where = {'endpoint_override': self._endpoint} if self._endpoint else {}
        try:
            answer = self._session.get(
                f'/v2/images/{image_id}/file',
                endpoint_filter={'service_type': 'image', 'interface': 'internal'},
                headers=headers,
                stream=True,
                connect_retries=3,
                **where,
            )
        except exceptions.NotFound as why:
            raise errors.NotFound(f'Image {image_id} could not be found.') from why
        except exceptions.HttpError as why:
            raise errors.Unavailable(f'Image {image_id} cannot be fetched: HTTP {why.http_status}.') from why
        if answer.status_code == 204:
            raise errors.NotFound(f'Image {image_id} has no data.')
        if start and answer.status_code != 206:
            raise errors.Unavailable(f'The download of image {image_id} broke off and cannot be resumed.')
        return answer


class Ahead:
    """Logs the service user in before the first image is fetched, which need not wait then for a password's hash."""

    def __init__(self, session: Any) -> None:
        self._session, self._stop = session, threading.Event()
        self._thread = threading.Thread(target=self._run, name='log-in-ahead', daemon=True)

    def start(self) -> None:
        """The login is on its way, and tried again for as long as identity does not answer."""
        self._thread.start()

    def stop(self) -> None:
        """It is tried no more."""
        self._stop.set()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.wait(pause):
            try:
                self._session.get_auth_headers()
                return
            except exceptions.HttpError as why:
                # Whoever fetches an image says so to somebody; a wrong password tried again and again locks its user.
                LOG.warning('The service user could not log in before the first download: HTTP %s', why.http_status)
                return
            except (exceptions.ClientException, OSError):
                pause = min(2 * pause, LONGEST_PAUSE)
