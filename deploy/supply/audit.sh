#!/bin/sh
# Known holes, unsafe code, licences. Exit code 1: a finding. What could not be asked is said and is no finding.
#
#   deploy/supply/audit.sh PYTHON NPM...     (make audit)
set -u
python=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2
found=0

say() { printf '\n== %s\n' "$1"; }

# B310: the schemes of addresses are checked before; ruff's S310 marks both places with the reason.
say "bandit: unsafe code in src"
"$python" -m bandit --skip B310 --quiet --recursive --severity-level medium --confidence-level medium src || found=1

say "licences of what is shipped"
"$python" deploy/supply/licenses.py deploy/locks/dicom.txt || [ $? -eq 2 ] || found=1

ask() { # NAME COMMAND...: findings are told from a network that is not there by what is printed
    name=$1
    shift
    say "$name"
    out=$("$@" 2>&1)
    code=$?
    skipped=$(printf '%s\n' "$out" | grep -c 'could not be audited')
    printf '%s\n' "$out" | grep -v 'could not be audited' | tail -n 40
    [ "$skipped" -eq 0 ] || echo "** $name: $skipped packages could not be checked: this index does not list vulnerabilities."
    [ $code -eq 0 ] && return
    if printf '%s' "$out" | grep -qiE 'found [0-9]+ known vulnerabilit|severity vulnerabilit|^severity:|do not match|mismatch'; then
        found=1
    else
        echo "** $name could not be asked (code $code): no network, or no list of holes there."
    fi
}
for lock in runtime dicom build; do
    ask "pip-audit: known holes of deploy/locks/$lock.txt" \
        "$python" -m pip_audit --require-hashes --disable-pip --progress-spinner off --requirement "deploy/locks/$lock.txt"
done
ask "npm audit: known holes of the page" "$@" audit --omit=dev
exit $found
