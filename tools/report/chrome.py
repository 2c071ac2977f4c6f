"""Drives a headless Chromium over pipes by the DevTools protocol; the standard library is enough.

Messages are JSON, each followed by a zero byte: Chromium reads them from its file descriptor 3 and
writes to 4 (--remote-debugging-pipe)."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 120.0


class Browser:
    """A running Chromium with one page."""

    def __init__(self, width: int = 1280, height: int = 900) -> None:
        self.folder = tempfile.mkdtemp(prefix="plumb-report-")
        to_read, self.output = os.pipe()
        self.input, to_write = os.pipe()
        # Above 4, so that they are not closed when they become 3 and 4.
        high = [os.dup2(end, 60 + place) for place, end in enumerate((to_read, to_write))]

        def connect() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        arguments = [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--force-color-profile=srgb", "--mute-audio",
            "--remote-debugging-pipe", f"--user-data-dir={self.folder}",
            f"--window-size={width},{height}", "about:blank",
        ]
        self.process = subprocess.Popen(
            arguments, preexec_fn=connect, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for end in {to_read, to_write, *high}:
            os.close(end)
        self.buffer = b""
        self.number = 0
        self.events: list[dict] = []
        self.session: str | None = None
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(entry["targetId"] for entry in targets if entry["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.send(f"{domain}.enable")
        self.resize(width, height)

    def close(self) -> None:
        """Ends the browser."""
        try:
            self.session = None
            self.send("Browser.close")
            self.process.wait(20)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.input)
        os.close(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, method: str, **parameters: object) -> dict:
        """Calls a method and waits for its result; events that come before are kept."""
        self.number += 1
        message: dict = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._message(end)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _message(self, end: float) -> dict:
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.input], [], [], left)[0]:
                raise TimeoutError("Chromium does not answer")
            piece = os.read(self.input, 1 << 20)
            if not piece:
                raise TimeoutError("Chromium has ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression; promises are waited for."""
        result = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, path: Path, ready: str | None) -> None:
        """Opens a file and waits until an expression is true of it; None for a page without script."""
        self.events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + PATIENCE
        condition = "document.readyState === 'complete'"
        while not self.evaluate(f"{condition} && ({ready or 'true'})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{path} does not become ready")
            time.sleep(0.05)
        if ready:
            self.settle()

    def settle(self) -> None:
        """Waits until what was asked for is drawn."""
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>"
            " setTimeout(done))))"
        )

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Sets the window's size in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=scale, mobile=width < 600,
        )

    def scheme(self, name: str) -> None:
        """Light or dark."""
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": name}],
        )
        self.settle()

    def move(self, x: float, y: float) -> None:
        """Moves the mouse."""
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def click(self, x: float, y: float) -> None:
        """Clicks with the left button."""
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )
        self.settle()

    def press(self, key: str, shift: bool = False) -> None:
        """Presses and releases a key."""
        codes = {
            "Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37,
            "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
        }
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {
            "key": key, "code": "Space" if key == " " else key, "modifiers": 8 if shift else 0,
            "windowsVirtualKeyCode": codes[key],
        }
        self.send(
            "Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common
        )
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)
        self.settle()

    def screenshot(self, path: Path) -> None:
        """Saves a picture of the whole page."""
        height = self.evaluate("document.documentElement.scrollHeight")
        width = self.evaluate("innerWidth")
        picture = self.send(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
        )
        path.write_bytes(base64.b64decode(picture["data"]))
