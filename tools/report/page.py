"""A page in the browser: where things are, what is pressed, what changes."""

import json
from pathlib import Path
from typing import Callable

from chrome import Browser
from judge import Judge

READY = "document.documentElement.dataset.ready === 'true'"


def pixels(canvas: str, left: str = "0", top: str = "0", width: str = "c.width",
           height: str = "c.height") -> str:
    """JavaScript for the bytes of a part of the canvas c, read off a copy."""
    return f"""((c) => {{
      const copy = new OffscreenCanvas(c.width, c.height);
      const context = copy.getContext("2d", {{ willReadFrequently: true }});
      context.drawImage(c, 0, 0);
      return context.getImageData({left}, {top}, {width}, {height}).data;
    }})({canvas})"""


def digest(canvas: str) -> str:
    """JavaScript for a number that stands for what a canvas shows."""
    return f"""{pixels(canvas)}.reduce((sum, byte) => (sum * 31 + byte) % 2147483647, 17)"""


def by_id(name: str) -> str:
    return f"document.getElementById('{name}')"


class Page:
    """A report and what lies beside it."""

    def __init__(self, browser: Browser, judge: Judge, folder: Path, shots: Path) -> None:
        self.browser, self.judge, self.folder, self.shots = browser, judge, folder, shots

    def open(self) -> None:
        """Opens the page, light and wide."""
        self.judge.place = self.folder.name
        self.browser.scheme("light")
        self.browser.resize(1280, 900)
        self.browser.open(self.folder / "report.html", READY)
        text = self.browser.evaluate("document.getElementById('data').textContent")
        self.data = json.loads(str(text))

    def picture(self, canvas: str = "picture") -> object:
        """A number that stands for what a canvas shows."""
        return self.browser.evaluate(digest(by_id(canvas)))

    def changes(self, what: str, action: Callable[[], object], canvas: str = "picture") -> None:
        """The action changes what the canvas shows."""
        before = self.picture(canvas)
        action()
        self.judge.expect(self.picture(canvas) != before, f"{what} changes nothing")

    def centre(self, element: str) -> tuple[float, float]:
        """Scrolls an element into view; its middle in the window."""
        place = self.browser.evaluate(
            f"""(() => {{ const e = {element}; e.scrollIntoView({{block: "center"}});
            const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2,
            b.width]; }})()"""
        )
        self.width = place[2]
        return place[0], place[1]

    def click(self, element: str, share: float = 0.5) -> None:
        """Clicks an element, at a share of its width."""
        x, y = self.centre(element)
        self.browser.click(x + (share - 0.5) * self.width, y)

    def focus(self, element: str) -> None:
        """Gives an element the keyboard."""
        self.browser.evaluate(f"{element}.focus()")

    def keys(self, element: str, *keys: str) -> None:
        """Presses keys on an element."""
        self.focus(element)
        for key in keys:
            self.browser.press(key)

    def looks(self) -> None:
        """Light and dark: readable, and not the same."""
        grounds = []
        for scheme in ("light", "dark"):
            self.browser.scheme(scheme)
            self.judge.place = f"{self.folder.name}, {scheme}"
            self.judge.contrast()
            self.judge.fits()
            self.browser.screenshot(self.shots / f"{self.folder.name}-{scheme}.png")
            grounds.append(
                self.browser.evaluate("getComputedStyle(document.body).backgroundColor")
            )
        self.judge.expect(grounds[0] != grounds[1], "light and dark are the same")
        self.judge.place = self.folder.name
        self.browser.scheme("light")

    def narrow(self) -> None:
        """A telephone."""
        self.judge.place = f"{self.folder.name}, narrow"
        self.browser.resize(360, 740, 2)
        self.browser.settle()
        self.judge.fits()
        for scheme in ("light", "dark"):
            self.browser.scheme(scheme)
            self.browser.screenshot(self.shots / f"{self.folder.name}-narrow-{scheme}.png")
        self.browser.scheme("light")
        self.browser.resize(1280, 900)
        self.judge.place = self.folder.name

    def without_script(self, *texts: str) -> None:
        """Texts can be read without JavaScript."""
        self.browser.send("Emulation.setScriptExecutionDisabled", value=True)
        self.browser.open(self.folder / "report.html", None)
        self.browser.send("Emulation.setScriptExecutionDisabled", value=False)
        shown = str(self.browser.evaluate("document.body.innerText"))
        for text in texts:
            self.judge.expect(text in shown, f"without JavaScript there is no {text!r}")
