"""A store of backups that is a bucket of an S3 service: an object `backup-ID/PIECE` for each piece."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from nimbus.common import errors, ids
from nimbus.volume.agent.backups.store import Store, checked

PREFIX = 'backup-'
CONNECT, READ, TRIES = 10, 60, 4  # seconds, seconds, times
MISSING = ('NoSuchKey', '404', 'NotFound')
FULL = ('QuotaExceeded', 'InsufficientStorage', '507')


class S3Store(Store):
    """Objects of one bucket, which every host reads."""

    name, shared = 'nimbus.s3', True

    def __init__(self, bucket: str, *, endpoint: str | None, region: str, key: tuple[str, str]) -> None:
        """`key` is the id of a key and its secret; without an endpoint it is Amazon's own."""
        self._bucket = bucket
        self._client: Any = boto3.client(
            's3',
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            config=botocore.config.Config(
                connect_timeout=CONNECT,
                read_timeout=READ,
                retries={'max_attempts': TRIES, 'mode': 'standard'},
                s3={'addressing_style': 'path'} if endpoint else None,
                # Older services know no checksums in trailers and refuse what has them; every chunk has its SHA-256 in
                # the manifest.
                request_checksum_calculation='when_required',
                response_checksum_validation='when_required',
            ),
        )

    def put(self, key: str, piece: str, data: bytes) -> None:
        with _told():
            self._client.put_object(Bucket=self._bucket, Key=f'{PREFIX}{checked(key)}/{piece}', Body=data)

    def publish(self, key: str, piece: str, data: bytes) -> None:
        self.put(key, piece, data)  # an object is whole and kept once it is acknowledged

    def get(self, key: str, piece: str) -> bytes:
        with _told(key, piece):
            found = self._client.get_object(Bucket=self._bucket, Key=f'{PREFIX}{checked(key)}/{piece}')
            data: bytes = found['Body'].read()
            return data

    def remove(self, key: str, first: str) -> None:
        folder = f'{PREFIX}{checked(key)}/'
        with _told():
            self._client.delete_object(Bucket=self._bucket, Key=folder + first)
            for name in list(self._names(Prefix=folder)):
                self._client.delete_object(Bucket=self._bucket, Key=name)

    def keys(self) -> set[str]:
        with _told():
            pages = self._client.get_paginator('list_objects_v2').paginate(
                Bucket=self._bucket, Prefix=PREFIX, Delimiter='/'
            )
            found = [one['Prefix'] for page in pages for one in page.get('CommonPrefixes', ())]
        return {id for name in found if ids.is_uuid(id := name.removeprefix(PREFIX).rstrip('/'))}

    def _names(self, **wanted: str) -> Iterator[str]:
        for page in self._client.get_paginator('list_objects_v2').paginate(Bucket=self._bucket, **wanted):
            yield from (one['Key'] for one in page.get('Contents', ()))


@contextlib.contextmanager
def _told(key: str = '', piece: str = '') -> Iterator[None]:
    """What goes wrong below is told as Unavailable, and a piece that is not there as NotFound."""
    try:
        yield
    except botocore.exceptions.ClientError as why:
        code = str(why.response.get('Error', {}).get('Code'))
        if piece and code in MISSING:
            raise errors.NotFound(f'Backup {key} has no piece {piece}.') from None
        sentence = 'The backup store is full.' if code in FULL else 'The backup store is failing.'
        raise errors.Unavailable(sentence, inside=f'{sentence[:-1]}: {code}.') from why
    except botocore.exceptions.BotoCoreError as why:
        inside = f'The backup store is failing: {why}'
        raise errors.Unavailable('The backup store is failing.', inside=inside) from why
