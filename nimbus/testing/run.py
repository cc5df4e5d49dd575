"""`nimbus run`: a command with a fake cloud of its own, which ends with it."""

import argparse
import os
import signal
import subprocess
import sys

from nimbus.testing.child import LOOK, ChildCloud, NotReady, without_cloud

NO_CLOUD, NOT_EXECUTABLE, NOT_FOUND, BY_SIGNAL = 125, 126, 127, 128  # exit codes, as a shell's and timeout's
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
SI_KERNEL = 128  # the terminal's own signals, which the command has got too
USAGE = 'nimbus run [--seed NAME|FILE] [--hosts N] [--least-time SECONDS] [--user USER] -- COMMAND ...'


def main(argv: list[str]) -> int:
    """The command's exit code, 128 and its signal's number, or 125 with a sentence where there is no cloud."""
    args = _arguments(argv)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    cloud = ChildCloud(*_words(args))
    try:
        cloud.start()
        if (number := _await(cloud)) is not None:
            return BY_SIGNAL + number
        entry = 'nimbus' if args.user == 'admin' else f'nimbus-{args.user}'
        if entry not in cloud.facts['users']:
            there = ', '.join(sorted(user['username'] for user in cloud.facts['users'].values()))
            return _say(NO_CLOUD, f'there is no user {args.user}; there are {there}')
        return _run(args.command, {**without_cloud(dict(os.environ)), **cloud.environment(entry)}, cloud)
    except NotReady as why:
        return _say(NO_CLOUD, f'the cloud did not start: {why}')
    finally:
        cloud.stop()


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='nimbus run', description=__doc__, usage=USAGE)
    parser.add_argument('--seed', help='what the cloud has from its beginning: see nimbus up')
    parser.add_argument('--hosts', help='number of simulated compute hosts')
    parser.add_argument('--least-time', metavar='SECONDS', help='how long each change takes at least')
    parser.add_argument('--user', default='admin', help='as whom OS_* and OS_CLOUD log in (admin)')
    if '--' not in argv:
        parser.parse_args(argv)  # for --help
        parser.error('the command stands behind --')
    at = argv.index('--')
    args = parser.parse_args(argv[:at])
    args.command = argv[at + 1 :]
    if not args.command:
        parser.error('there is no command behind --')
    return args


def _words(args: argparse.Namespace) -> list[str]:
    """What of the arguments is the cloud's own."""
    told = (('--seed', args.seed), ('--hosts', args.hosts), ('--least-time', args.least_time))
    return [word for name, value in told if value is not None for word in (name, value)]


def _say(code: int, sentence: str) -> int:
    print(f'nimbus run: {sentence.rstrip(".")}.', file=sys.stderr)
    return code


def _await(cloud: ChildCloud) -> int | None:
    """The cloud is ready: None; or the signal that came first.  Raises NotReady."""
    found: list[int] = []

    def pause(seconds: float) -> None:
        came = signal.sigtimedwait(PASSED_ON, seconds)
        if came:
            found.append(came.si_signo)
            raise _Stopped

    try:
        cloud.wait(pause)
    except _Stopped:
        return found[0]
    return None


class _Stopped(Exception):
    """A signal came before the cloud was ready."""


def _run(command: list[str], environment: dict[str, str], cloud: ChildCloud) -> int:
    """The command has run to its end; returns its exit code."""
    try:
        process = subprocess.Popen(
            command, env=environment, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ())
        )
    except FileNotFoundError:
        return _say(NOT_FOUND, f'{command[0]} is not found')
    except OSError as why:
        return _say(NOT_EXECUTABLE, f'{command[0]} cannot be run: {why.strerror}')
    told = False
    while process.poll() is None:
        came = signal.sigtimedwait({*PASSED_ON, signal.SIGCHLD}, 10 * LOOK)
        if came and came.si_signo != signal.SIGCHLD and came.si_code != SI_KERNEL:
            process.send_signal(came.si_signo)
        if not told and cloud.has_ended():
            told = bool(_say(1, f'the cloud has ended before the command. {cloud.said()}'))
    return process.returncode if process.returncode >= 0 else BY_SIGNAL - process.returncode
