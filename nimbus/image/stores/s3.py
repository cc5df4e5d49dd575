"""An image store that speaks S3: data is spooled in a folder, inspected there, and then uploaded as a whole."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.common import errors, failpoints, ids
from nimbus.image.stores import base
from nimbus.image.stores.file import FileDraft, FileStore

PART = 64 << 20  # bytes of one part of an upload
MISSING = ('NoSuchKey', '404', 'NotFound')


class S3Store(base.Store):
    """Images as objects of a bucket, each by its id; drafts in the folder `spool`."""

    kind = 's3'

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str, spool: str) -> None:
        self._url, self._bucket, self._keys = url, bucket, (access_key, secret_key)
        self._spool = FileStore(spool)

    @functools.cached_property
    def _client(self) -> Any:
        import boto3  # takes long to import, and is not there where no store speaks S3
        import botocore.config

        # A checksum that nobody asked for makes newer clients send chunks that older servers refuse.
        config = botocore.config.Config(
            request_checksum_calculation='when_required',
            response_checksum_validation='when_required',
            s3={'addressing_style': 'path'},
            connect_timeout=10,
            read_timeout=60,
            retries={'max_attempts': 3},
        )
        access, secret = self._keys
        words = {'endpoint_url': self._url, 'aws_access_key_id': access, 'aws_secret_access_key': secret}
        return boto3.session.Session().client('s3', region_name='us-east-1', config=config, **words)

    def _ask(self, verb: Callable[[Any], Any]) -> Any:
        """What the server answers.  Raises NotFound, Unavailable."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return verb(self._client)
        except ClientError as why:
            if str(why.response.get('Error', {}).get('Code')) in MISSING:
                raise errors.NotFound('The image has no data.') from why
            raise errors.Unavailable('The image store refuses the request.', inside=f'{self._url}: {why}') from why
        except (BotoCoreError, Boto3Error) as why:
            raise errors.Unavailable('The image store does not answer.', inside=f'{self._url}: {why}') from why

    def draft(self, image_id: str, upload_id: str) -> 'S3Draft':
        return S3Draft(self, image_id, self._spool.draft(image_id, upload_id))

    def busy(self, image_id: str, upload_id: str) -> bool:
        return self._spool.busy(image_id, upload_id)

    def drop_draft(self, image_id: str, upload_id: str) -> None:
        self._spool.drop_draft(image_id, upload_id)

    def put(self, image_id: str, path: str) -> None:
        """The object has the file's bytes, at once and as a whole."""
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2)
        self._ask(lambda client: client.upload_file(path, self._bucket, image_id, Config=config))

    def read(self, image_id: str, start: int, length: int) -> Iterator[bytes]:
        if not ids.is_uuid(image_id):
            raise errors.NotFound(f'Image {image_id} has no data.')
        if length <= 0:
            self._ask(lambda client: client.head_object(Bucket=self._bucket, Key=image_id))
            return iter(())
        part = f'bytes={start}-{start + length - 1}'
        answer = self._ask(lambda client: client.get_object(Bucket=self._bucket, Key=image_id, Range=part))
        return _pieces(answer['Body'], length)

    def delete(self, image_id: str) -> None:
        if ids.is_uuid(image_id):
            self._ask(lambda client: client.delete_object(Bucket=self._bucket, Key=image_id))

    def present(self) -> list[str]:
        def listed(client: Any) -> list[str]:
            pages = client.get_paginator('list_objects_v2').paginate(Bucket=self._bucket)
            return [found['Key'] for page in pages for found in page.get('Contents', ())]

        return sorted(filter(ids.is_uuid, self._ask(listed)))

    def url(self, image_id: str) -> str:
        return f's3://{self._bucket}/{image_id}'

    def about(self) -> dict[str, object]:
        return {'s3_store_large_object_size': PART >> 20, 's3_store_large_object_chunk_size': PART >> 20}


class S3Draft(base.Draft):
    """A draft in the spool, which is uploaded when it is published."""

    def __init__(self, store: S3Store, image_id: str, spooled: FileDraft) -> None:
        self._store, self._id, self._spooled = store, image_id, spooled
        self.path = spooled.path

    def write(self, piece: bytes) -> None:
        self._spooled.write(piece)

    def settle(self) -> None:
        self._spooled.settle()

    def publish(self) -> None:
        failpoints.hit('image.publish')
        self._store.put(self._id, self.path)

    def drop(self) -> None:
        self._spooled.drop()


def _pieces(body: Any, length: int) -> Iterator[bytes]:
    """The bytes of an object.  Raises OSError when they break off."""
    from botocore.exceptions import BotoCoreError

    try:
        for piece in body.iter_chunks(base.PIECE):
            length -= len(piece)
            yield piece
    except BotoCoreError as why:
        raise OSError(f'An image broke off in its store: {why}') from why
    finally:
        body.close()
    if length:
        raise OSError('An image in its store is shorter than its image says')


def folder(path: str, name: str) -> str:
    """Where the drafts of the store of that name lie."""
    return f'{path}-spool-{name}'
