#!/bin/sh
# Try the offline install, and the steps of the Containerfile, in a clean Debian root without a network.
#
#   deploy/offline/try.sh WORK       (as root, with mmdebstrap, and a network for the first half)
#
# SOURCES may name a list of apt's for the Debian, WHEEL a wheel that is built already.
#
# WORK/root is a Debian with Python alone. The install, a prediction as a user without rights, on a file system
# that is read-only, and a start of the service are done with 'unshare --net': there is no network at all.
set -eu
work=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
[ -d "$work/debian/usr" ] || mmdebstrap --variant=minbase --include=python3,python3-venv \
    ${SUITE:-bookworm} "$work/debian" ${SOURCES:-} 2> "$work/mmdebstrap.log"
[ -f "$work/wheelhouse/SHA256SUMS" ] || sh "$here/make-wheelhouse.sh" "$work/wheelhouse" dicom
mkdir -p "$work/debian/wheelhouse"
export work
unshare --net --mount sh -eu <<'INNER'
ip link set lo up
mount --bind "$work/wheelhouse" "$work/debian/wheelhouse"
mount -t proc proc "$work/debian/proc"
chroot "$work/debian" sh -eu <<'ROOT'
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if python3 -c "import socket; socket.create_connection(('192.0.2.1', 80), 2)" 2> /dev/null; then
    echo "there is a network" >&2; exit 1
fi
sh /wheelhouse/install.sh /opt/tumorscope
id tumorscope > /dev/null 2>&1 || useradd --system --uid 10001 --home-dir /var/lib/tumorscope tumorscope
mkdir -p /var/lib/tumorscope /etc/tumorscope
chown tumorscope:tumorscope /var/lib/tumorscope
chmod 0700 /var/lib/tumorscope
cp /wheelhouse/tumorscope.toml /etc/tumorscope/
ROOT
# A read-only root, as the container and ProtectSystem=strict have it.
mount --bind "$work/debian" "$work/debian"
mount -o remount,bind,ro "$work/debian"
mount -t proc proc "$work/debian/proc"
mkdir -p "$work/state" "$work/tmp"
chown 10001 "$work/state" "$work/tmp"
mount --bind "$work/state" "$work/debian/var/lib/tumorscope"
mount --bind "$work/tmp" "$work/debian/tmp"
chroot --userspec=10001:10001 "$work/debian" /bin/sh -eu <<'USER'
export PATH=/opt/tumorscope/bin:/usr/bin:/bin XDG_STATE_HOME=/var/lib HOME=/nonexistent
if touch /etc/x 2> /dev/null; then echo "the root can be written" >&2; exit 1; fi
rm -rf /tmp/samples; tumorscope samples /tmp/samples
tumorscope predict /tmp/samples
tumorscope config check
tumorscope keys add "try-$$" > /tmp/key
tumorscope serve 2> /tmp/serve.log & service=$!
trap 'kill $service' EXIT
/opt/tumorscope/bin/python - <<'PYTHON'
import json, time, urllib.error, urllib.request as request
from pathlib import Path
URL = "http://127.0.0.1:8000"
for _ in range(120):
    try:
        request.urlopen(URL + "/readyz").close()
        break
    except urllib.error.URLError:
        time.sleep(1)
KEY = {"Authorization": "Bearer " + Path("/tmp/key").read_text().strip()}
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
scan = Path("/tmp/samples/phantom_with_lesion.png").read_bytes()
kind = {"Content-Type": "multipart/form-data; boundary=x"}
job = request.Request(URL + "/api/v1/jobs", PART + scan + b"\r\n--x--\r\n", KEY | kind)
place = URL + request.urlopen(job).headers["Location"]
while (body := json.load(request.urlopen(request.Request(place, headers=KEY))))["state"] != "finished":
    time.sleep(0.2)
print("a job of the service:", body["predictions"][0]["outcome"])
PYTHON
tumorscope backup "/tmp/backup-$$.tar"
tumorscope audit verify
USER
INNER
echo "The offline install works."
