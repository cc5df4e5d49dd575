"""Memory of a cloud at rest, and the CPU it spends doing nothing."""

import time

from bench import measure


def main() -> None:
    """Print one line: PSS of every process, and the share of a core over ten seconds."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--seconds', type=float, default=10)
    options = parser.parse_args()
    cloud = measure.Processes(options)
    before = cloud.cpu_ms()
    time.sleep(options.seconds)
    idle = (cloud.cpu_ms() - before) / options.seconds / 10
    measure.report(
        test='idle', processes=len(cloud.pids), pss_mib=round(cloud.pss_mib(), 1), cpu_percent=round(idle, 2)
    )


if __name__ == '__main__':
    main()
