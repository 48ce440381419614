"""waitress, for systems without fork: one process with threads."""

from __future__ import annotations

from waitress.server import create_server

from tumorscope.serving.http_api.app import close_app, create_app
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.listening import SPARE_THREADS, Announce, address


def run_waitress(config: ServerConfig, *, port: int, announce: Announce) -> None:
    """Serve until the process is interrupted."""
    app = create_app(config)
    # Bodies stay in memory up to the largest that is taken: waitress' files would lie in the
    # machine's temporary folder.
    in_memory = max(config.max_upload_bytes, config.max_job_bytes) * 2
    server = create_server(
        app,
        host=config.host,
        port=port,
        threads=config.max_in_flight + SPARE_THREADS,
        inbuf_overflow=in_memory,
        outbuf_overflow=in_memory,
        max_request_body_size=in_memory,
        channel_timeout=int(config.upload_timeout_s),
        ident=None,
    )
    try:
        announce(f"http://{address(config.host, port)}")
        server.run()
    finally:
        server.close()
        close_app(app)
