"""What the HTTP service may be told, and the bounds it keeps."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tumorscope.errors import UsageError
from tumorscope.imaging.limits import MEBIBYTE, Limits
from tumorscope.serving.http_api.base.api_keys import read_keys
from tumorscope.serving.http_api.base.under_path import check_path, check_proxies
from tumorscope.serving.loopback import is_loopback

SERVER_LIMITS: Final = Limits(
    max_bytes=256 * MEBIBYTE,
    max_pixels=32_000_000,
    max_frames=4_000,
    max_voxels=128_000_000,
    max_files=20_000,
    max_archive_bytes=4 * 1024 * MEBIBYTE,
)
"""Tighter than on the command line, for strangers share the memory: 128 million voxels, a volume of
512 x 512 x 488, take 512 MB as float32."""

LOCAL_PROXIES: Final = ("127.0.0.0/8", "::1/128")
"""As gunicorn and others do: what a program of this machine says of the path shapes but the
addresses in its own answer."""

STATIC_FOLDER: Final = Path(__file__).parents[2] / "static"
"""Where the build of ``web/`` puts the page."""


def default_spool() -> Path:
    """Return the folder that keeps jobs over a restart, in the user's state folder."""
    return _state_folder() / "spool"


def default_api_keys() -> Path:
    """Return the file of key hashes in the user's state folder."""
    return _state_folder() / "keys"


def _state_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "tumorscope"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Configuration of one service.

    Parameters
    ----------
    host
        Address that is listened on; without keys it must be a loopback address.
    model
        Artifact; ``None`` for the one inside the package.
    salt
        File of the key of :class:`~tumorscope.serving.pseudonyms.Pseudonyms`; ``None`` for ``salt``
        in the spool.
    spool
        Folder of jobs, mode 0700: uploads until they are answered, answers until they expire.
    static
        Folder of the built page.
    api_keys
        File of the keys that are let in, as ``tumorscope keys`` writes it; read at each request.
    audit_log
        File of :class:`~tumorscope.serving.audit_log.AuditLog`; ``None`` for none. What cannot be
        written into it is refused.
    rate_limit
        Image requests and jobs of one key in a minute; more are refused. ``None`` for no bound.
    root_path
        Path under which a proxy shows the service, such as ``/tumorscope``.
    proxies
        Addresses of proxies whose ``X-Forwarded-Prefix`` is believed, by default this machine's.
    limits
        Of each file, see :class:`~tumorscope.imaging.limits.Limits`.
    max_upload_bytes, max_job_bytes
        Of the body of one image request, held in memory, and of one job, held in the spool.
    max_upload_files, max_job_files
        Files in one image request and in one job.
    max_slices, max_job_slices
        Slices that one image request and one job may hold. A request of 256 takes some 15 s on two
        cores, within what browsers and proxies wait for.
    max_in_flight
        Image requests in each process that upload, wait or are computed; more are refused.
    max_computing
        Slices computed at once in each process: one decodes while the other is in the network.
    max_jobs
        Jobs that wait or run; more are refused.
    max_spool_bytes
        Uploads, answers and pictures of all jobs together; more are refused.
    upload_timeout_s
        For a whole body to arrive.
    idle_timeout_s
        For the next bytes of a body to arrive, and of an answer to be taken.
    keep_results_s
        For which the answers of a finished job can be fetched, as often as one likes. 0: they are
        deleted when they have been sent.
    keep_bytes
        Answers of finished jobs that are kept at most; the oldest go first, those that are held to
        be looked at do not count.
    expiry_s
        A finished job is deleted after this time if it is held but nobody looks at it, or if its
        answers are deleted when sent but nobody fetches them.
    max_hold_s
        Longest time for which a client may ask that a finished job be kept to look at.
    lease_s
        A job whose process has not been heard of for this time is taken over by another.
    threads
        Processor threads of the network in each process; ``None`` for all cores.
    """

    host: str = "127.0.0.1"
    model: Path | None = None
    spool: Path = field(default_factory=default_spool)
    salt: Path | None = None
    static: Path = STATIC_FOLDER
    api_keys: Path | None = None
    audit_log: Path | None = None
    rate_limit: int | None = None
    root_path: str = ""
    proxies: tuple[str, ...] = LOCAL_PROXIES
    limits: Limits = SERVER_LIMITS
    max_upload_bytes: int = 64 * MEBIBYTE
    max_job_bytes: int = 1024 * MEBIBYTE
    max_upload_files: int = 64
    max_job_files: int = 5_000
    max_slices: int = 256
    max_job_slices: int = 20_000
    max_in_flight: int = 16
    max_computing: int = 2
    max_jobs: int = 16
    max_spool_bytes: int = 8 * 1024 * MEBIBYTE
    upload_timeout_s: float = 120.0
    idle_timeout_s: float = 20.0
    keep_results_s: float = 3600.0
    keep_bytes: int = 8 * 1024 * MEBIBYTE
    expiry_s: float = 3600.0
    max_hold_s: int = 3600
    lease_s: float = 5.0
    threads: int | None = None

    @property
    def salt_file(self) -> Path:
        """Where the key of the hashes is."""
        return self.salt or self.spool / "salt"

    @property
    def rates_file(self) -> Path:
        """Where the processes of the service count what each key has asked for."""
        return self.spool / "rates"

    def check(self) -> None:
        """Raise UsageError if all of a network would be let in, or a path is none."""
        check_path(self.root_path)
        check_proxies(self.proxies)
        if self.api_keys is None and not is_loopback(self.host):
            raise UsageError(
                f"The address {self.host} can be reached from other machines, so an API key is "
                "needed: make one with 'tumorscope keys add NAME', or bind to 127.0.0.1."
            )

    def check_keys(self) -> None:
        """Raise UsageError if nobody could be let in.

        At the start of a service, and not of each of its processes: one that starts again after the
        last key was revoked lets nobody in.
        """
        if self.api_keys is not None and not read_keys(self.api_keys):
            raise UsageError(
                f"The key file {self.api_keys} holds no key; add one: tumorscope keys add NAME "
                f"--api-keys {self.api_keys}"
            )


def service_limits(config: ServerConfig) -> dict[str, int | float]:
    """Return the bounds that ``GET /api/v1/model`` tells."""
    return {
        "upload_bytes": config.max_upload_bytes,
        "upload_files": config.max_upload_files,
        "upload_slices": config.max_slices,
        "job_bytes": config.max_job_bytes,
        "job_files": config.max_job_files,
        "job_slices": config.max_job_slices,
        "file_bytes": config.limits.max_bytes,
        "image_pixels": config.limits.max_pixels,
        "volume_voxels": config.limits.max_voxels,
        "hold_seconds": config.max_hold_s,
        "keep_seconds": int(config.keep_results_s),
        "jobs": config.max_jobs,
    }
