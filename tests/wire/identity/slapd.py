"""A real LDAP server of a test's own: started on a free port of the loopback, in a directory of its own."""

import importlib.util
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from tests.wire.identity import pki

SLAPD = shutil.which('slapd') or ('/usr/sbin/slapd' if pathlib.Path('/usr/sbin/slapd').exists() else None)
SUFFIX = 'dc=example,dc=org'
ROOT, ROOT_PASSWORD = f'cn=root,{SUFFIX}', 'root-secret'
SCHEMAS = pathlib.Path('/etc/ldap/schema')
CONFIGURATION = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
include {schemas}/nis.schema
pidfile {place}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit 500
{tls}
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{root}"
rootpw {password}
directory {place}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""
ENTRIES = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: ou=Users,{SUFFIX}
objectClass: organizationalUnit
ou: Users

dn: ou=Groups,{SUFFIX}
objectClass: organizationalUnit
ou: Groups
"""


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def why_not() -> str | None:
    """Why no server can be started here, None when one can."""
    if SLAPD is None:
        return 'slapd is not installed'
    if shutil.which('ldapadd') is None:
        return 'ldapadd, of the package ldap-utils, is not installed'
    if importlib.util.find_spec('ldap3') is None:
        return 'the ldap3 library is not installed'
    return None if SCHEMAS.is_dir() else f'{SCHEMAS} with the schemas of slapd is not there'


class Slapd:
    """A server with two empty trees."""

    def __init__(self, place: pathlib.Path, identity: pki.Identity | None = None) -> None:
        """With an identity it speaks TLS too: by StartTLS, and on `secure_url`."""
        self.place = place
        (place / 'data').mkdir(parents=True)
        self.port, self.secure_port = free_port(), free_port()
        self.url = f'ldap://127.0.0.1:{self.port}'
        self.secure_url = f'ldaps://127.0.0.1:{self.secure_port}' if identity else ''
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(identity)
        self.start()
        try:
            self.add(ENTRIES)
        except BaseException:
            self.stop()
            raise

    def configure(self, identity: pki.Identity | None) -> None:
        """From its next start the server proves to be this, or speaks no TLS."""
        lines = f'TLSCertificateFile {identity.certificate}\nTLSCertificateKeyFile {identity.key}' if identity else ''
        known = {'schemas': SCHEMAS, 'place': self.place, 'suffix': SUFFIX, 'root': ROOT, 'password': ROOT_PASSWORD}
        (self.place / 'slapd.conf').write_text(CONFIGURATION.format(**known, tls=lines))
        self._listens = f'{self.url} {self.secure_url}'.strip() if identity else self.url

    def start(self) -> None:
        """The server answers."""
        assert SLAPD is not None
        command = [SLAPD, '-h', self._listens, '-f', str(self.place / 'slapd.conf'), '-d', '0']
        with (self.place / 'log').open('ab') as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', self.port)) == 0:
                    return
            assert self._process.poll() is None, (self.place / 'log').read_text()
            time.sleep(0.05)
        raise AssertionError((self.place / 'log').read_text())

    def stop(self) -> None:
        """The server is gone; what it held stays."""
        if self._process is not None:
            self.resume()
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
            self._process = None

    def pause(self) -> None:
        """The server takes connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """The server goes on where it was."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def add(self, entries: str) -> None:
        """The entries, written as LDIF, are there."""
        self._run('ldapadd', entries)

    def change(self, changes: str) -> None:
        """The changes, written as LDIF, are made."""
        self._run('ldapmodify', changes)

    def _run(self, tool: str, text: str) -> None:
        command = [tool, '-x', '-H', self.url, '-D', ROOT, '-y', str(self._secret())]
        subprocess.run(command, input=text.encode(), check=True, capture_output=True, timeout=20)

    def _secret(self) -> pathlib.Path:
        path = self.place / 'secret'
        path.write_text(ROOT_PASSWORD)
        return path

    def user(self, uid: str, password: str, **more: str) -> str:
        """There is one more user; returns the DN."""
        dn = f'uid={uid},ou=Users,{SUFFIX}'
        values = {'cn': uid, 'sn': uid, 'mail': f'{uid}@example.org', 'userPassword': password} | more
        lines = ''.join(f'{name}: {value}\n' for name, value in values.items())
        self.add(f'dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\n{lines}')
        return dn

    def group(self, name: str, *members: str) -> None:
        """There is one more group."""
        lines = ''.join(f'member: {member}\n' for member in members)
        self.add(f'dn: cn={name},ou=Groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {name}\n{lines}')
