"""Run one host command and report a failure in a sentence."""

import subprocess


def run(*argv: str, stdin: str | None = None, timeout: float = 30) -> str:
    """What the command printed.  Raises OSError with the command's own error output when it fails."""
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
    if done.returncode:
        words = ' '.join((done.stderr or done.stdout).split())[:400]
        raise OSError(f'{" ".join(argv[:4])} failed with code {done.returncode}: {words}')
    return done.stdout
