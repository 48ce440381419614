"""How the software is cited: three files of the repository, from its one description.

``CITATION.cff`` (Citation File Format 1.2), ``codemeta.json`` (CodeMeta 2.0) and ``.zenodo.json``
say the same to different readers; version, description and keywords come from ``pyproject.toml``
and the package. ``make evidence`` writes them, ``make check`` compares them.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Final

import tumorscope

AUTHORS: Final = "The tumorscope contributors"
TITLE: Final = "tumorscope: a brain-tumor classifier for MR images that can be checked"
LICENCE: Final = "Apache-2.0"


def citing_files(root: Path) -> dict[str, str]:
    """Return the files by name."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    description, keywords = project["description"], project["keywords"]
    version = tumorscope.__version__
    cff = [
        "cff-version: 1.2.0",
        "message: If you use this software, please cite it as below.",
        "type: software",
        f"title: {json.dumps(TITLE)}",
        f"abstract: {json.dumps(description)}",
        "authors:",
        f"  - name: {json.dumps(AUTHORS)}",
        f"version: {version}",
        f"license: {LICENCE}",
        "keywords:",
        *(f"  - {json.dumps(word)}" for word in keywords),
    ]
    codemeta = {
        "@context": "https://doi.org/10.5063/schema/codemeta-2.0",
        "@type": "SoftwareSourceCode",
        "name": project["name"],
        "description": description,
        "version": version,
        "license": f"https://spdx.org/licenses/{LICENCE}",
        "author": [{"@type": "Organization", "name": AUTHORS}],
        "keywords": keywords,
        "programmingLanguage": ["Python", "TypeScript"],
        "runtimePlatform": f"Python {project['requires-python']}",
        "developmentStatus": "active",
    }
    zenodo = {
        "title": TITLE,
        "upload_type": "software",
        "description": description,
        "creators": [{"name": AUTHORS}],
        "version": version,
        "license": LICENCE,
        "access_right": "open",
        "keywords": keywords,
    }
    return {
        "CITATION.cff": "\n".join(cff) + "\n",
        "codemeta.json": json.dumps(codemeta, indent=2) + "\n",
        ".zenodo.json": json.dumps(zenodo, indent=2) + "\n",
    }
