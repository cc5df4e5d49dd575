"""Run one host command and report a failure in a sentence."""

import subprocess
from collections.abc import Collection


def run(*argv: str, stdin: str | None = None, timeout: float = 30, fine: Collection[int] = (0,)) -> str:
    """What the command printed.  Raises OSError with its own error output when its exit code is not a fine one."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL if stdin is None else None,
        )
    except subprocess.TimeoutExpired as why:
        raise OSError(f'{argv[0]} did not finish within {timeout:g} seconds.') from why
    if done.returncode not in fine:
        words = ' '.join((done.stderr or done.stdout).split())[:400]
        raise OSError(f'{" ".join(argv[:4])} failed with code {done.returncode}: {words}')
    return done.stdout
