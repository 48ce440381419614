#!/bin/sh
# Make a folder with everything that an install without a network needs.
#
#   deploy/offline/make-wheelhouse.sh FOLDER [runtime|dicom]
#
# Run it on a machine with a network and the Python version and processor of the target. Every wheel is
# checked against the SHA-256 of the lock file. Then carry FOLDER over and run its install.sh.
set -eu
folder=$1
lock=${2:-dicom}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PYTHON=${PYTHON:-python3}

mkdir -p "$folder/wheels"
cp "$root/deploy/locks/$lock.txt" "$folder/requirements.txt"
"$PYTHON" -m pip download --quiet --only-binary :all: --require-hashes --dest "$folder/wheels" \
    --requirement "$folder/requirements.txt"
if [ -n "${WHEEL:-}" ]; then
    cp "$WHEEL" "$folder/wheels/"
else
    "$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$folder/wheels" "$root"
fi
cp "$here/install.sh" "$folder/"
cp "$root/deploy/tumorscope.toml" "$folder/"
cp -R "$root/deploy/systemd" "$root/deploy/nginx" "$root/deploy/logrotate" "$root/deploy/prometheus" \
    "$root/deploy/grafana" "$folder/"
(cd "$folder" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum > SHA256SUMS)
echo "$folder: $(find "$folder/wheels" -name '*.whl' | wc -l) wheels. On the target: sh install.sh /opt/tumorscope"
