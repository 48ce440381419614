#!/bin/sh
# Write the CycloneDX SBOM of Python and page: OUTPUT/tumorscope.cdx.json and OUTPUT/page.cdx.json.
#
#   deploy/supply/sbom.sh PYTHON OUTPUT NPM...     (make sbom)
set -eu
python=$1
output=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$output"
output=$(cd "$output" && pwd)
cd "$root"
"$python" -m cyclonedx_py requirements --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON \
    --output-file "$output/tumorscope.cdx.json" deploy/locks/dicom.txt
"$@" sbom --sbom-format cyclonedx --package-lock-only --omit dev > "$output/page.cdx.json"
echo "$output: $(grep -c '"purl"' "$output/tumorscope.cdx.json") Python packages, $(grep -c '"purl"' "$output/page.cdx.json") of the page"
