"""Takes a picture of the upper part of a report: shoot.py PAGE light|dark HEIGHT OUT.png

The window is 1180 pixels wide; docs/make-pictures calls this."""

import base64
import sys
from pathlib import Path

from chrome import Browser
from page import READY

WIDTH = 1180


def main() -> None:
    page, scheme, height, out = sys.argv[1:]
    browser = Browser(WIDTH, int(height))
    try:
        browser.scheme(scheme)
        browser.open(Path(page), READY)
        browser.settle()
        picture = browser.send("Page.captureScreenshot", format="png")
        Path(out).write_bytes(base64.b64decode(picture["data"]))
    finally:
        browser.close()


if __name__ == "__main__":
    main()
