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
[ -f /var/lib/tumorscope/keys ] || tumorscope keys add first > /tmp/key
tumorscope config check
tumorscope audit verify
tumorscope backup /tmp/backup-$$.tar
USER
INNER
echo "The offline install works."
