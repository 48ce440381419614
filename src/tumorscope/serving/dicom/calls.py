"""Associations that we ask for, with connections that are closed whatever becomes of them.

pynetdicom shuts a connection down before it closes the socket, and forgets to close it where the
first fails: where the connection was refused, or the peer has reset it. The descriptor is then lost
until the garbage collector comes by.
"""

from __future__ import annotations

from typing import Any

from pynetdicom import AE
from pynetdicom.transport import AssociationSocket


class ClosingSocket(AssociationSocket):
    """The socket of an association; closed even if it cannot be shut down."""

    def _shutdown_socket(self) -> None:
        raw = self.socket
        super()._shutdown_socket()
        if raw is not None:
            raw.close()


class Caller(AE):
    """An application entity that asks for associations."""

    def _create_socket(self, assoc: Any, address: Any, tls_args: Any) -> AssociationSocket:
        made = ClosingSocket(assoc, address=address)
        made.tls_args = tls_args
        return made
