"""What ``pip install`` of this checkout brings into an empty environment.

    python benchmarks/install_size.py

Makes the environment in a temporary folder, installs the checkout without extras, and prints as
Markdown: size of site-packages with its largest parts, packages that must not come along, and the
processor time of ``import tumorscope``. Exits with 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[1]
MEGABYTE: Final = 1_000_000
MAX_MEGABYTES: Final = 350
MAX_IMPORT_SECONDS: Final = 0.3
FORBIDDEN: Final = ("tensorflow", "keras", "sklearn", "pandas", "scipy", "torch", "matplotlib")
SHOWN: Final = 8
IMPORTS: Final = 5


def main() -> int:
    """Install, measure and print; return the exit code."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(CHECKOUT)], check=True)
        packages = Path(_output(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
        total = _size(packages) / MEGABYTE
        found = [name for name in FORBIDDEN if (packages / name).exists()]
        seconds = _import_seconds(python)
        print(f"Python {sys.version.split()[0]} on {sys.platform}\n")
        print(f"- site-packages: {total:.0f} MB (bound {MAX_MEGABYTES} MB)")
        print(f"- must not come along: {', '.join(found) or 'none of ' + ', '.join(FORBIDDEN)}")
        print(
            f"- `import tumorscope`: {seconds:.3f} s of processor time, least of {IMPORTS} "
            f"(bound {MAX_IMPORT_SECONDS} s)\n"
        )
        _print_largest(packages)
    return int(total > MAX_MEGABYTES or bool(found) or seconds > MAX_IMPORT_SECONDS)


def _print_largest(packages: Path) -> None:
    sizes = {path.name: _size(path) / MEGABYTE for path in packages.iterdir()}
    print("| in site-packages | MB |\n|---|---|")
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True)[:SHOWN]:
        print(f"| {name} | {sizes[name]:.0f} |")


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(one.stat().st_size for one in files if one.is_file() and not one.is_symlink())


def _import_seconds(python: Path) -> float:
    clock = "time.process_time()"
    program = f"import time; start = {clock}; import tumorscope; print({clock} - start)"
    return min(float(_output(python, program)) for _ in range(IMPORTS))


def _output(python: Path, program: str) -> str:
    done = subprocess.run(
        [python, "-I", "-c", program], check=True, capture_output=True, text=True, cwd="/"
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
