import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tumorscope.audit.duplicates.report import write_pair_report

CHROMIUM = shutil.which("chromium")
ROWS = 20_000
LIMIT_MS = 3000


def _pair(number: int) -> dict[str, object]:
    return {
        "verdict": "same picture" if number % 2 else "relative",
        "score": 1 - number / 200_000,
        "change": "mirrored, turned by 37 degrees",
        "first_set": "a",
        "first": f"a/{number:05}.png",
        "second_set": "b",
        "second": f"b/{number:05}</script><b>.png",
        "first_tumor": 1,
        "second_tumor": number % 3 or None,
        "is_contradiction": number % 7 == 0,
    }


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_twenty_thousand_rows_open_in_a_browser_in_three_seconds(tmp_path: Path, record_property):
    page = tmp_path / "report.html"
    write_pair_report(page, [_pair(number) for number in range(ROWS)], title="Copies")
    # Runs after the first page of pairs was built; counts from the start of the navigation.
    clock = "<script>document.title = `${performance.now()} ms`</script></body>"
    page.write_text(page.read_text().replace("</body>", clock))

    # The fastest of three, for the processor may be busy with something else.
    times = []
    while len(times) < 3 and min(times, default=LIMIT_MS) >= LIMIT_MS:
        shown = _open(page, tmp_path / f"profile{len(times)}")
        times.append(float(re.search(r"<title>([\d.]+) ms</title>", shown)[1]))

    assert "page 1 of 800, 20000 of 20000 pairs" in shown
    assert shown.count("<figure>") == 50
    assert shown.count("<option>same picture</option>") == 1
    assert "<b>" not in re.sub(r"<script.*?</script>", "", shown, flags=re.DOTALL)
    record_property("report_of_20000_rows_ms", min(times))
    assert min(times) < LIMIT_MS


def _open(page: Path, profile: Path) -> str:
    return subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-background-networking", f"--user-data-dir={profile}"),
            *("--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
