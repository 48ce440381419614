"""What the DICOM node may be told, and the bounds it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tumorscope.errors import UsageError
from tumorscope.imaging.limits import MEBIBYTE
from tumorscope.serving.loopback import is_loopback

KIBIBYTE: Final = 1024

MAX_AE_TITLE: Final = 16
"""Characters of an application entity title, PS3.5 section 6.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Settings of one node.

    Attributes
    ----------
    host, port
        Address that is listened on; port 0 is any that is free.
    ae_title
        Title by which the node is called; associations that call another one are refused.
    accepted
        Titles of the senders that may associate; empty for all, which only a loopback address
        may do. A title is no proof of who sends: it keeps mistakes out, not strangers.
    series_after_s
        Seconds without a further slice after which a series is answered.
    max_associations
        Associations at a time. At the bound a further one takes the place of that which has been
        silent the longest, or is rejected for the moment where all are busy.
    max_per_peer
        Associations at a time of one network address.
    max_waiting
        Connections without an association, whether they have not asked for one yet or wait for a
        place; for a further one, the oldest of the address that has the most of them is closed.
    max_pdu
        Bytes of one protocol data unit.
    max_dataset
        Bytes of one data set.
    max_receiving
        Bytes of all data sets that are being received, on the disk.
    association_timeout_s
        Seconds from the connection to the complete request for an association.
    transfer_timeout_s
        Seconds that one data set may take.
    idle_timeout_s
        Seconds after which a silent sender is cut off.
    takes_reports
        Whether N-EVENT-REPORT is taken: reports on storage commitment.
    audit_log, salt
        Files of :class:`~tumorscope.serving.audit_log.AuditLog` and of the key of its hashes;
        without a salt of its own, ``salt`` beside the log.
    """

    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "TUMORSCOPE"
    accepted: tuple[str, ...] = ()
    series_after_s: float = 10.0
    max_associations: int = 32
    max_per_peer: int = 16
    max_waiting: int = 64
    max_pdu: int = 128 * KIBIBYTE
    max_dataset: int = 256 * MEBIBYTE
    max_receiving: int = 1024 * MEBIBYTE
    association_timeout_s: float = 10.0
    transfer_timeout_s: float = 300.0
    idle_timeout_s: float = 60.0
    takes_reports: bool = False
    audit_log: Path | None = None
    salt: Path | None = None

    def check(self) -> None:
        """Raise UsageError for a title that cannot be, or a node that is open to a network."""
        for title in (self.ae_title, *self.accepted):
            if not _is_ae_title(title):
                raise UsageError(
                    f"An application entity title has 1 to {MAX_AE_TITLE} ASCII characters without "
                    f"a backslash, not all of them spaces; received {title!r}."
                )
        if not self.accepted and not is_loopback(self.host):
            raise UsageError(
                f"The address {self.host} can be reached from other machines: name the senders "
                "with --accept AE_TITLE, once for each, or bind to 127.0.0.1."
            )


def _is_ae_title(title: str) -> bool:
    """Tell whether a text fits the value representation AE, PS3.5 section 6.2."""
    return (
        0 < len(title.strip()) <= len(title) <= MAX_AE_TITLE
        and title.isascii()
        and title.isprintable()
        and "\\" not in title
    )
