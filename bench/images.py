"""Lists images, makes them and moves their bytes: CPU and memory of the whole cloud for each."""

import argparse
import time
from collections.abc import Iterator
from typing import Any

from bench import measure

MIB = 2**20


def main() -> None:
    """Print a line each for creating with 1 MiB, listing, showing, and a large image up and down."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=20, help='images of 1 MiB made')
    parser.add_argument('--large', type=int, default=1024, help='MiB of the large image')
    options = parser.parse_args()
    bench = Bench(options)
    try:
        bench.small(options.count)
        bench.lists()
        bench.large(options.large)
    finally:
        bench.sweep()


class Bench:
    """Images of bytes that do not compress to nothing on the way."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.cloud, self.login = measure.Processes(options), measure.Login(options)
        self.image = self.login.to('image')
        self.made: list[str] = []

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer.  Raises SystemExit when it is an error."""
        status, _, found = self.image.ask(method, path, body)
        if status >= 300:
            raise SystemExit(f'{method} {path}: {status} {found}')
        return found

    def create(self) -> str:
        """The id of a new image without bytes."""
        body = {'name': 'bench', 'disk_format': 'raw', 'container_format': 'bare'}
        self.made.append(self.ask('POST', '/v2/images', body)['id'])
        return self.made[-1]

    def upload(self, image: str, pieces: Iterator[bytes]) -> None:
        """The image has the bytes.  Raises SystemExit when they are refused."""
        headers = {**self.image.headers, 'Content-Type': 'application/octet-stream'}
        line = self.image._connection
        line.request('PUT', f'{self.image.base}/v2/images/{image}/file', pieces, headers, encode_chunked=True)
        answer = line.getresponse()
        said = answer.read()
        if answer.status != 204:
            raise SystemExit(f'PUT of the bytes: {answer.status} {said!r}')

    def download(self, image: str) -> int:
        """How many bytes the image has."""
        line = self.image._connection
        line.request('GET', f'{self.image.base}/v2/images/{image}/file', headers=self.image.headers)
        answer, size = line.getresponse(), 0
        while piece := answer.read(MIB):
            size += len(piece)
        return size

    def small(self, count: int) -> None:
        """Create images and upload 1 MiB to each."""
        data = bytes(range(256)) * (MIB // 256)
        measure.timed(self.cloud, 'create and upload 1 MiB', count, lambda: self.upload(self.create(), iter([data])))

    def lists(self) -> None:
        """List and show."""
        first = self.made[0]
        measure.timed(self.cloud, 'GET /v2/images', 100, lambda: self.ask('GET', '/v2/images'), rows=len(self.made))
        measure.timed(self.cloud, 'GET /v2/images/ID', 200, lambda: self.ask('GET', f'/v2/images/{first}'))

    def large(self, size: int) -> None:
        """A large image up and down again."""
        image, piece = self.create(), bytes(range(256)) * (MIB // 256)
        self.moved('upload', size, lambda: self.upload(image, (piece for _ in range(size))))
        self.moved('download', size, lambda: self.download(image))

    def moved(self, name: str, size: int, work: Any) -> None:
        """Report how fast the work moved the MiB, and what it cost."""
        before, began = self.cloud.cpu_ms(), time.perf_counter()
        work()
        took = time.perf_counter() - began
        measure.report(
            test=f'{name} {size} MiB',
            mib_a_second=round(size / took, 1),
            cpu_ms=round(self.cloud.cpu_ms() - before),
            pss_mib=round(self.cloud.pss_mib(), 1),
        )

    def sweep(self) -> None:
        """Every image that was made is deleted."""
        before = self.cloud.cpu_ms()
        for image in self.made:
            self.image.ask('DELETE', f'/v2/images/{image}')
        spent = (self.cloud.cpu_ms() - before) / max(1, len(self.made))
        measure.report(test='delete image', count=len(self.made), cpu_ms=round(spent, 2))


if __name__ == '__main__':
    main()
