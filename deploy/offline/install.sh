#!/bin/sh
# Install from the folder that make-wheelhouse.sh made, without a network.
#
#   sh install.sh /opt/tumorscope
#
# Made anew if it is there: an upgrade is the same command. What it replaced is in TARGET.before.
set -eu
target=$1
folder=$(cd "$(dirname "$0")" && pwd)
PYTHON=${PYTHON:-python3}

(cd "$folder" && sha256sum --check --quiet SHA256SUMS)
# A virtual environment has its own path inside, so it is made where it will be.
rm -rf "$target.before"
if [ -e "$target" ]; then mv "$target" "$target.before"; fi
restore() {
    rm -rf "$target"
    if [ -e "$target.before" ]; then mv "$target.before" "$target"; fi
    echo "The install failed; what was there is back." >&2
}
trap restore EXIT
"$PYTHON" -m venv "$target"
pip="$target/bin/python -m pip --isolated install --quiet --no-cache-dir --no-index"
$pip --find-links "$folder/wheels" --require-hashes --requirement "$folder/requirements.txt"
$pip --no-deps "$folder"/wheels/tumorscope-*.whl
"$target/bin/tumorscope" --version
trap - EXIT
