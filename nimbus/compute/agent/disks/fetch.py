"""Download images over HTTP with a service token; a broken download is resumed where it stopped.

keystoneauth and requests, 7 MiB, are imported with the first download: most of what is on a host needs none.
"""

import dataclasses
import functools
import http.client
import json
import logging
import os
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from nimbus.common import errors

LOG = logging.getLogger(__name__)
CHUNK = 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds before identity is asked for the first time, and again
TIMEOUT = 60.0  # seconds that identity may take to answer a login ahead
BREAKS = 5  # connections that may end too early before the download is given up


@dataclasses.dataclass
class ServiceUser:
    """The user as which an agent asks the REST APIs, and where it logs in."""

    auth_url: str
    username: str
    password: str = dataclasses.field(repr=False)
    project: str
    _state: str | None = dataclasses.field(default=None, init=False, repr=False)

    def log_in(self) -> None:
        """The session, if it is not in use yet, begins with a token that is fetched here, without keystoneauth.

        Raises urllib.error.HTTPError when identity refuses, OSError, HTTPException or ValueError without an answer.
        """
        url = self.auth_url.rstrip('/')
        request = urllib.request.Request(
            f'{url if url.endswith("/v3") else f"{url}/v3"}/auth/tokens',
            json.dumps({'auth': self._auth()}).encode(),
            {'Content-Type': 'application/json', 'Accept': 'application/json'},
        )
        # The same file as requests has for the session; without one, the certificates that the system trusts.
        secure = url.startswith('https:')
        context = ssl.create_default_context(cafile=os.environ.get('REQUESTS_CA_BUNDLE')) if secure else None
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as answer:
            token, body = answer.headers['X-Subject-Token'], json.load(answer)
        if not token or not isinstance(body, dict) or 'token' not in body:
            raise ValueError(f'{url} answered a login without a token.')
        self._state = json.dumps({'auth_token': token, 'body': body})

    def _auth(self) -> dict[str, Any]:
        default = {'domain': {'id': 'default'}}
        user = {'name': self.username, 'password': self.password, **default}
        return {
            'identity': {'methods': ['password'], 'password': {'user': user}},
            'scope': {'project': {'name': self.project, **default}},
        }

    def plain_session(self) -> Any:
        """A session whose requests carry the service user's token alone, replaced when it expires."""
        from keystoneauth1 import session

        return session.Session(auth=self._plugin())

    @functools.cached_property
    def session(self) -> Any:
        """The session whose requests carry the service user's token and, beside it, the service token."""
        from keystoneauth1 import service_token, session

        own = self._plugin()
        own.set_auth_state(self._state)
        both = service_token.ServiceTokenAuthWrapper(user_auth=own, service_auth=own)
        return session.Session(auth=both)

    def _plugin(self) -> Any:
        from keystoneauth1.identity import v3

        return v3.Password(
            auth_url=self.auth_url,
            username=self.username,
            password=self.password,
            project_name=self.project,
            user_domain_id='default',
            project_domain_id='default',
        )


class Fetch:
    """`fetch(image_id)` yields an image's bytes."""

    def __init__(self, user: ServiceUser, endpoint: str | None = None) -> None:
        """`endpoint` is the image service's URL where the catalog is not to be asked."""
        self._user, self._endpoint = user, endpoint

    def __call__(self, image_id: str) -> Iterator[bytes]:
        """The image from its first byte to its last.  Raises NotFound, Unavailable."""
        from keystoneauth1 import exceptions

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
        from keystoneauth1 import exceptions

        headers = {'Accept': 'application/octet-stream'} | ({'Range': f'bytes={start}-'} if start else {})
        where = {'endpoint_override': self._endpoint} if self._endpoint else {}
        try:
            answer = self._user.session.get(
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

    def __init__(self, user: ServiceUser) -> None:
        self._user, self._stop = user, threading.Event()
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
                self._user.log_in()
                return
            except urllib.error.HTTPError as why:
                # Whoever fetches an image says so to somebody; a wrong password tried again and again locks its user.
                LOG.warning('The service user could not log in before the first download: HTTP %s', why.code)
                why.close()
                return
            except (OSError, http.client.HTTPException, ValueError):
                pause = min(2 * pause, LONGEST_PAUSE)
