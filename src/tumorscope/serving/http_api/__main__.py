"""``python -m tumorscope.serving.http_api`` prints the OpenAPI document."""

import json
import sys

from tumorscope.serving.http_api.app import create_documented_app
from tumorscope.serving.http_api.schemas.openapi import document

if __name__ == "__main__":
    json.dump(document(create_documented_app()), sys.stdout, indent=1)
    sys.stdout.write("\n")
