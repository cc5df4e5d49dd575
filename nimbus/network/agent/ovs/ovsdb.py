"""Open vSwitch's database: a connection with a live copy of it, and changes that are in force when they return."""

import socket
import time
from collections.abc import Collection
from typing import Any

from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.schema.open_vswitch.impl_idl import OvsdbIdl

TABLES = ('Open_vSwitch', 'Bridge', 'Port', 'Interface')


class _Api(OvsdbIdl):
    # The library keeps one connection per class for the whole process; here each database has its own.
    ovsdb_connection = None


class Database:
    """One Open vSwitch's database."""

    def __init__(self, address: str, timeout: float) -> None:
        self.address = address  # 'unix:/path/db.sock'
        self.timeout = timeout
        self._connection: Any = None
        self._api: Any = None

    @property
    def api(self) -> Any:
        """What makes commands for `commit`.  Raises OSError before `open`."""
        if self._api is None:
            raise OSError(f'The switch at {self.address} is not open.')
        return self._api

    def open(self) -> None:
        """The database is connected.  Raises OSError when it does not answer."""
        if self._connection is not None:
            return
        path = self.address.removeprefix('unix:')
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(self.timeout)
                probe.connect(path)
            idl = connection.OvsdbIdl.from_server(self.address, 'Open_vSwitch', helper_tables=TABLES)
            self._connection = connection.Connection(idl, self.timeout)
            self._api = _Api(self._connection)
        except Exception as why:
            self._connection = self._api = None
            raise OSError(f'Open vSwitch does not answer at {self.address}: {why}') from why

    def close(self) -> None:
        """The connection and its thread are gone."""
        if self._connection is not None:
            self._connection.stop(timeout=self.timeout)
            self._connection = self._api = None

    def row(self, table: str, name: str) -> Any:
        """The row of that name, from the live copy; None where there is none."""
        api = self.api
        with self._connection.lock:
            for row in api.tables[table].rows.values():
                if row.name == name:
                    return row
        return None

    def number(self, name: str) -> int | None:
        """The OpenFlow port of the interface; None while it has none."""
        row = self.row('Interface', name)
        number = row.ofport[0] if row is not None and row.ofport else None
        return number if number and number > 0 else None

    def await_numbers(self, names: Collection[str]) -> None:
        """The switch has given each interface a number, or the time is over."""
        until = time.monotonic() + self.timeout
        while not all(self.number(name) for name in names) and time.monotonic() < until:
            time.sleep(0.005)

    def commit(self, *commands: Any) -> None:
        """The commands are done, all or none.  Raises OSError."""
        try:
            with self.api.transaction(check_error=True) as transaction:
                for command in commands:
                    transaction.add(command)
        except Exception as why:
            raise OSError(f'Open vSwitch at {self.address} refused a change: {why}') from why
