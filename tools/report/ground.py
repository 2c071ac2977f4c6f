"""Checks of the page of `plumb ground --report`."""

import json
import struct
import time

from page import READY, Page, by_id, pixels


class GroundPage(Page):
    """A page and what `plumb ground` wrote beside it."""

    def check(self) -> None:
        self.open()
        judge, browser = self.judge, self.browser
        for canvas in browser.evaluate("[...document.querySelectorAll('canvas')].map((c) => c.id)"):
            if canvas and canvas != "chart":
                colours = browser.evaluate(
                    f"new Set(new Uint32Array({pixels(by_id(canvas))}.buffer)).size"
                )
                judge.expect(colours > 8, f"the canvas {canvas} is empty")
        self.looks()
        self.box()
        self.values()
        self.mouse()
        self.keyboard()
        if self.data["phrases"][0]["passes"]:
            self.taps()
        if len(self.data["phrases"]) > 1:
            self.phrases()
        judge.quiet()
        self.reach()
        self.narrow()
        self.without_script(
            "not a medical device", *(phrase["text"] for phrase in self.data["phrases"])
        )

    def box(self) -> None:
        """The box is drawn where result.json has it."""
        path = self.folder / ("result.json" if len(self.data["phrases"]) == 1 else "1/result.json")
        result = json.loads(path.read_text())
        box = result["box"]["original"]
        shown = self.data["phrases"][0]["box"]
        self.judge.expect(shown == box, f"the box is {shown}, not {box}")
        if not box:
            return
        edges = [
            (box[0], (box[1] + box[3]) / 2), (box[2], (box[1] + box[3]) / 2),
            ((box[0] + box[2]) / 2, box[1]), ((box[0] + box[2]) / 2, box[3]),
        ]
        for x, y in edges:
            scale = f"c.width / {result['image']['width']}"
            column, row = (
                f"Math.min(Math.max(Math.round({value} * {scale}), 2), c.{end} - 3)"
                for value, end in ((x, "width"), (y, "height"))
            )
            around = self.browser.evaluate(
                f"[...{pixels(by_id('picture'), f'{column} - 2', f'{row} - 2', '5', '5')}]"
            )
            colours = [around[place : place + 3] for place in range(0, len(around), 4)]
            self.judge.expect(
                any(red < 110 and green > 150 and blue > 180 for red, green, blue in colours),
                f"no line of the box at {x}, {y}: {colours}",
            )

    def values(self) -> None:
        """Where the mouse points, the page says what map.npy has there."""
        name = "map.npy" if len(self.data["phrases"]) == 1 else "1/map.npy"
        content = (self.folder / name).read_bytes()
        start = 10 + struct.unpack("<H", content[8:10])[0]
        values = [value for (value,) in struct.iter_unpack("<f", content[start:])]
        side = round(len(values) ** 0.5)
        x0, y0, x1, y1 = self.data["picture"]["crop"]
        pixels = (self.data["picture"]["width"], self.data["picture"]["height"])
        self.centre(by_id("picture"))
        left, top, width, height = self.browser.evaluate(
            f"(({{x, y, width, height}}) => [x, y, width, height])"
            f"({by_id('picture')}.getBoundingClientRect())"
        )
        for place in (0, side + 1, len(values) // 2 + side // 2, len(values) - 1):
            row, column = divmod(place, side)
            x = x0 + (column + 0.5) / side * (x1 - x0)
            y = y0 + (row + 0.5) / side * (y1 - y0)
            self.browser.move(left + x / pixels[0] * width, top + y / pixels[1] * height)
            said = str(self.browser.evaluate(f"{by_id('probe')}.textContent"))
            number = float(said.split(": ")[1].split(",")[0])
            # A pixel of the window is a part of a cell; three digits are shown.
            self.judge.expect(
                abs(number - values[place]) < 0.03, f"{said!r} where map.npy has {values[place]}"
            )
        self.browser.move(2, 2)
        said = str(self.browser.evaluate(f"{by_id('probe')}.textContent"))
        self.judge.expect(not said.strip(), f"the probe stays: {said}")

    def mouse(self) -> None:
        """Every control beside the picture, by mouse."""
        self.changes("strength by mouse", lambda: self.click(by_id("strength"), 0.2))
        self.changes("floor by mouse", lambda: self.click(by_id("floor"), 0.5))
        self.changes("level by mouse", lambda: self.click(by_id("level"), 0.5))
        for name in ("show-outline", "show-fill", "show-box", "smooth"):
            self.changes(f"{name} by mouse", lambda: self.click(by_id(name)))
        changed = self.picture()
        self.click(by_id("reset"))
        self.judge.expect(self.picture() != changed, "the reset changes nothing")
        first = self.picture()
        for index in range(self.browser.evaluate("document.querySelectorAll('[data-map]').length")):
            button = f"document.querySelectorAll('[data-map]')[{index}]"
            if not self.browser.evaluate(f"{button}.checkVisibility()"):
                continue
            self.click(button)
            key = self.browser.evaluate(f"{button}.dataset.map")
            chosen = self.browser.evaluate(f"[{by_id('map')}.value, {button}.ariaPressed]")
            self.judge.expect(chosen == [key, "true"], f"{key}: {chosen}")
            isFirst = key == "map"
            self.judge.expect((self.picture() == first) == isFirst, f"the map {key}")
        self.click(by_id("reset"))
        self.judge.expect(self.picture() == first, "the reset does not bring all back")

    def keyboard(self) -> None:
        """The same by keyboard."""
        browser = self.browser
        for name, key in (("strength", "ArrowLeft"), ("floor", "End"), ("level", "ArrowRight")):
            self.changes(f"{name} by keyboard", lambda: self.keys(by_id(name), *[key] * 8))
        self.keys(by_id("floor"), "Home")
        for name in ("show-outline", "show-fill", "show-box", "smooth"):
            self.changes(f"{name} by keyboard", lambda: self.keys(by_id(name), " "))
        if browser.evaluate(f"{by_id('map')}.options.length") > 1:
            self.changes("another map by keyboard", lambda: self.keys(by_id("map"), "ArrowDown"))
        self.keys(by_id("reset"), "Enter")
        self.changes("the probe by keyboard", lambda: self.keys(by_id("stage"), "ArrowRight"))
        said = [browser.evaluate(f"{by_id('probe')}.textContent")]
        browser.press("ArrowDown", shift=True)
        said.append(browser.evaluate(f"{by_id('probe')}.textContent"))
        self.judge.expect(said[0] != said[1] and "x " in str(said[1]), f"the probe says {said}")
        browser.press("Escape")
        said.append(browser.evaluate(f"{by_id('probe')}.textContent"))
        self.judge.expect(not str(said[2]).strip(), "Escape does not end the probe")
        button = "document.querySelectorAll('[data-map]')"
        count = browser.evaluate(f"{button}.length")
        if count:
            self.changes("a small map by keyboard", lambda: self.keys(f"{button}[0]", " "))
            self.keys(by_id("reset"), "Enter")

    def taps(self) -> None:
        """Steps, layers, words and passes, by mouse and keyboard."""
        browser = self.browser
        passes = self.data["phrases"][0]["passes"]
        chosen = passes[0]
        self.changes("a step by mouse", lambda: self.click(by_id("step"), 0.3), "tap")
        self.changes("a step by keyboard", lambda: self.keys(by_id("step"), "End"), "tap")
        said = browser.evaluate(f"{by_id('step-value')}.textContent")
        last = f"{chosen['steps'][-1]} of {chosen['stepCount']}"
        self.judge.expect(str(said).startswith(last), f"the last step is called {said}")
        self.changes("a layer by keyboard", lambda: self.keys(by_id("layer"), "ArrowDown"), "tap")
        strip = f"{by_id('strip')}.querySelectorAll('button')"
        if len(chosen["layers"]) > 1:
            self.changes("a layer by mouse", lambda: self.click(f"{strip}[1]"), "tap")
            pressed = browser.evaluate(f"[...{strip}].map((b) => b.ariaPressed).indexOf('true')")
            self.judge.expect(pressed == 1, f"the layer that is chosen is {pressed}")
            value = browser.evaluate(f"{by_id('layer')}.value")
            self.judge.expect(value == "1", f"the layer's list says {value}")
            self.changes("a layer again", lambda: self.keys(f"{strip}[1]", "Enter"), "tap")
        self.changes("a word by keyboard", lambda: self.keys(by_id("token"), "ArrowDown"), "tap")
        for name in ("all-steps", "tap-outline"):
            self.changes(f"{name} by mouse", lambda: self.click(by_id(name)), "tap")
            self.changes(f"{name} by keyboard", lambda: self.keys(by_id(name), " "), "tap")
        self.changes("one-scale by mouse", lambda: self.click(by_id("one-scale")), "tap")
        self.click(by_id("one-scale"))
        if len(passes) > 1:
            radios = "document.querySelectorAll('[name=pass]')"
            self.changes("the pass by mouse", lambda: self.click(f"{radios}[1]"), "tap")
            self.changes("the pass by keyboard", lambda: self.keys(f"{radios}[1]", "ArrowUp"), "tap")
        self.keys(by_id("step"), "Home")

        def play() -> None:
            self.keys(by_id("play"), "Enter")
            browser.evaluate("new Promise((done) => setTimeout(done, 500))")

        self.changes("playing", play, "tap")
        # It ends at the last step, or when it is told to.
        ended = f"{by_id('play')}.ariaPressed === 'false'"
        if len(chosen["steps"]) > 20 and not browser.evaluate(ended):
            self.click(by_id("play"))
        for _ in range(100):
            if browser.evaluate(ended):
                break
            time.sleep(0.1)
        self.judge.expect(browser.evaluate(ended), "playing does not stop")

    def phrases(self) -> None:
        """Another phrase, by mouse and keyboard; its text is text."""
        browser = self.browser
        radios = "document.querySelectorAll('[name=phrase]')"
        for index, phrase in enumerate(self.data["phrases"]):
            label = browser.evaluate(f"{radios}[{index}].labels[0].textContent.trim()")
            self.judge.expect(label == phrase["text"], f"phrase {index} is called {label!r}")
        self.changes("another phrase by mouse", lambda: self.click(f"{radios}[1]"))
        shown = browser.evaluate(
            "[...document.querySelectorAll('article')].filter((a) => a.checkVisibility())"
            ".map((a) => a.querySelector('h3').textContent)"
        )
        self.judge.expect(
            shown == [self.data["phrases"][1]["text"]], f"the facts shown are of {shown}"
        )
        self.judge.contrast()
        self.browser.screenshot(self.shots / f"{self.folder.name}-second.png")
        self.changes("another phrase by keyboard", lambda: self.keys(f"{radios}[1]", "ArrowUp"))

    def reach(self) -> None:
        """Everything has a name and can be reached by Tab."""
        self.browser.open(self.folder / "report.html", READY)
        found = self.judge.names()
        roles = [role for role, _ in found]
        for role, least in (("slider", 3), ("checkbox", 5), ("application", 1), ("combobox", 1)):
            self.judge.expect(roles.count(role) >= least, f"{roles.count(role)} × {role}")
        stops = self.judge.tab_stops()
        wanted = ["stage", "map", "strength", "floor", "level", "show-outline", "show-fill",
                  "show-box", "show-crop", "smooth", "reset"]
        if self.data["phrases"][0]["passes"]:
            wanted += ["token", "layer", "step", "play", "all-steps", "one-scale", "tap-outline"]
        for name in wanted:
            self.judge.expect(name in stops, f"Tab does not reach {name}: {stops}")
        order = [stops.index(name) for name in wanted if name in stops]
        self.judge.expect(order == sorted(order), f"Tab goes another way: {stops}")
