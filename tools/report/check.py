"""Opens reports in headless Chromium and checks them: tools/report/test calls this.

check.py FOLDER: FOLDER/ground-* hold what `plumb ground --report` wrote, FOLDER/eval-* what `plumb
eval --report` did; screenshots go to FOLDER/screenshots."""

import sys
from pathlib import Path

from chrome import Browser
from eval import EvalPage
from ground import GroundPage
from judge import Judge


def main() -> int:
    folder = Path(sys.argv[1])
    shots = folder / "screenshots"
    shots.mkdir(exist_ok=True)
    browser = Browser()
    judge = Judge(browser)
    pages = sorted(entry.parent for entry in folder.glob("*/report.html"))
    try:
        for page in pages:
            if page.name.startswith("ground-"):
                GroundPage(browser, judge, page, shots).check()
            elif page.name.startswith("eval-"):
                EvalPage(browser, judge, page, shots).check()
    finally:
        browser.close()
    for fault in judge.faults:
        print(f"report: {fault}", file=sys.stderr)
    print(f"report: {len(pages)} pages, {judge.checked} checks, {len(judge.faults)} faults")
    return 1 if judge.faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
