"""A real nginx: in front of a service, with TLS and under a path, or with files of its own."""

import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
OPENSSL = shutil.which("openssl")
START_S = 30
CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    location {path}/ {{
      proxy_pass {target};
      proxy_request_buffering off;
      {header}
    }}
  }}
}}
"""


PLAIN = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {servers}
}}
"""


class RunningNginx:
    """An nginx with a configuration, until it is stopped."""

    def __init__(self, folder: Path, configuration: str, port: int) -> None:
        self.folder = folder
        path = folder / "nginx.conf"
        path.write_text(configuration)
        command = [str(NGINX), "-p", str(folder), "-c", str(path), "-e", "error.log"]
        with (folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        self._wait(port)

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "output.log").read_text())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


class PageNginx(RunningNginx):
    """An nginx that serves a folder as a recipe of the documents has it.

    Parameters
    ----------
    folder
        For its configuration and logs.
    recipe
        Servers and maps, of which the place of listening and of the files is replaced.
    page
        Folder of the files.
    """

    def __init__(self, folder: Path, recipe: str, page: Path) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder.chmod(0o755)
        servers = recipe.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};").replace(
            "/srv/tumorscope;", f"{page};"
        )
        assert str(port) in servers
        assert str(page) in servers
        super().__init__(folder, PLAIN.format(folder=folder, servers=servers), port)


class Nginx(RunningNginx):
    """A running nginx.

    Parameters
    ----------
    folder
        For its configuration, certificate and logs.
    service
        Where it asks.
    path
        Under which it shows the service, such as ``/tumorscope``.
    strips
        Whether it takes the path off before it asks.
    says
        Whether it says the path in ``X-Forwarded-Prefix``.

    Attributes
    ----------
    url
        Of the service as outsiders see it, without a slash at its end.
    """

    def __init__(
        self, folder: Path, service: str, *, path: str, strips: bool = True, says: bool = True
    ) -> None:
        port = _free_port()
        self.url = f"https://127.0.0.1:{port}{path}"
        make_certificate(folder)
        configuration = CONFIGURATION.format(
            folder=folder,
            port=port,
            path=path,
            target=f"{service}/" if strips else service,
            header=f"proxy_set_header X-Forwarded-Prefix {path};" if says else "",
        )
        super().__init__(folder, configuration, port)


def unverified() -> ssl.SSLContext:
    """For the certificate that nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make_certificate(folder: Path) -> None:
    command = f"{OPENSSL} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
