"""Checks of the page of `plumb eval --report`."""

import json
from pathlib import Path

from chrome import Browser
from judge import Judge
from page import READY, Page, by_id


class EvalPage(Page):
    """A page and what `plumb eval` wrote beside it."""

    def check(self) -> None:
        self.open()
        self.scores()
        self.looks()
        self.distributions()
        if self.data["cases"]:
            self.cases()
        self.pairs()
        self.judge.quiet()
        self.reach()
        self.narrow()
        self.without_script("mIoU", "not a medical device")

    def scores(self) -> None:
        """The tables say what scores.json says."""
        results = json.loads((self.folder / "scores.json").read_text())["results"]
        tables = self.browser.evaluate(
            "[...document.querySelectorAll('#scores ~ .scrolls table')].map((t) => [...t.tBodies[0]"
            ".rows].map((r) => [...r.cells].map((c) => (c.querySelector('b') ?? c).textContent)))"
        )
        self.judge.expect(len(tables) == len(results), f"{len(tables)} tables")
        names = ["miou", "iou", "box_miou", "box_iou", "cnr", "auc_roc", "pointing"]
        for table, (kind, result) in zip(tables, results.items()):
            rows = [("all", result["all"])]
            rows += [(entry["category"], entry["scores"]) for entry in result["classes"]]
            for row, (title, scores) in zip(table, rows):
                self.judge.expect(row[:2] == [title, str(scores["pairs"])], f"{kind}: {row[:2]}")
                for text, name in zip(row[2:], names):
                    known = scores[name]
                    said = text.replace("\u2212", "-")
                    isSame = said == "–" if known is None else (
                        abs(float(said) - known["mean"]) <= 0.00051)
                    self.judge.expect(isSame, f"{kind}, {title}, {name}: {text}, not {known}")

    def distributions(self) -> None:
        """The charts follow the lists, by keyboard and by mouse's way of choosing."""
        for name in ("score", "class"):
            self.changes(
                f"another {name}", lambda: self.keys(by_id(name), "ArrowDown"), "histogram"
            )
        self.changes("another score", lambda: self.keys(by_id("score"), "ArrowDown"), "intervals")
        said = self.browser.evaluate(f"{by_id('distribution')}.textContent")
        self.judge.expect("median" in str(said), f"the distribution is told as {said}")
        self.keys(by_id("class"), "Home")
        self.keys(by_id("score"), "Home")
        counts = self.browser.evaluate(
            f"[...{by_id('bins')}.tBodies[0].rows].map((r) => Number(r.cells[1].textContent))"
        )
        judged = sum(1 for pair in self.data["pairs"] if pair["scores"])
        self.judge.expect(sum(counts) == judged, f"the histogram has {sum(counts)} pairs")
        self.browser.evaluate("document.querySelector('details').open = false")
        self.click("document.querySelector('summary')")
        self.judge.expect(
            self.browser.evaluate("document.querySelector('details').open"), "no numbers by mouse"
        )
        self.keys("document.querySelector('summary')", "Enter")

    def cases(self) -> None:
        """Pictures of the best and the worst."""
        buttons = "document.querySelectorAll('[data-case]')"
        scores = [pair["scores"][0][0] for pair in self.data["pairs"] if pair["scores"]]
        for group, extreme in (("Worst", min(scores)), ("Best", max(scores))):
            found = [
                pair["scores"][0][0] for case in self.data["cases"] if group in case["groups"]
                for pair in self.data["pairs"] if pair["number"] == case["number"]
            ]
            self.judge.expect(extreme in found, f"{group}: {extreme} is not among {found}")
        if len(self.data["cases"]) > 1:
            self.changes("a case by mouse", lambda: self.click(f"{buttons}[1]"), "case")
            self.changes("a case by keyboard", lambda: self.keys(f"{buttons}[0]", "Enter"), "case")
            self.changes("the list of cases", lambda: self.keys(by_id("case-choice"), "ArrowDown"),
                         "case")
        self.changes("strength", lambda: self.keys(by_id("strength"), "Home"), "case")
        self.changes("strength by mouse", lambda: self.click(by_id("strength"), 0.9), "case")
        for name in ("show-truth", "show-outline", "show-box"):
            self.changes(f"{name} by mouse", lambda: self.click(by_id(name)), "case")
            self.changes(f"{name} by keyboard", lambda: self.keys(by_id(name), " "), "case")
        radios = "document.querySelectorAll('[name=case-map]')"
        if self.browser.evaluate(f"{radios}.length") > 1:
            self.changes("the map by mouse", lambda: self.click(f"{radios}[1]"), "case")
            self.changes("the map by keyboard", lambda: self.keys(f"{radios}[1]", "ArrowUp"),
                         "case")

    def pairs(self) -> None:
        """The list of pairs: sorted, filtered, longer."""
        rows = "[...document.querySelectorAll('#pairs tbody tr')]"
        column = "document.querySelector('[data-column=\"0\"]')"
        numbers = f"{rows}.map((r) => Number(r.cells[3].textContent)).filter((n) => !isNaN(n))"
        self.click(column)
        rising = self.browser.evaluate(numbers)
        self.judge.expect(rising == sorted(rising), f"not sorted: {rising[:9]}")
        self.keys(column, "Enter")
        falling = self.browser.evaluate(numbers)
        self.judge.expect(falling == sorted(falling, reverse=True), f"not sorted: {falling[:9]}")
        sort = self.browser.evaluate(f"{column}.closest('th').ariaSort")
        self.judge.expect(sort == "descending", f"aria-sort is {sort}")
        phrase = self.data["pairs"][-1]["phrase"]
        self.focus(by_id("pair-text"))
        self.browser.send("Input.insertText", text=phrase)
        self.browser.settle()
        left = self.browser.evaluate(f"{rows}.map((r) => r.cells[0].textContent)")
        self.judge.expect(left and set(left) == {phrase}, f"{phrase!r} finds {left}")
        self.browser.evaluate(f"{by_id('pair-text')}.value = ''")
        self.keys(by_id("pair-class"), "ArrowDown")
        category = self.browser.evaluate(f"{by_id('pair-class')}.value")
        left = self.browser.evaluate(f"{rows}.map((r) => r.cells[1].textContent)")
        self.judge.expect(left and set(left) == {category}, f"{category} finds {left}")
        self.keys(by_id("pair-class"), "ArrowUp")
        total = len(self.data["pairs"])
        if total > 25:
            before = self.browser.evaluate(f"{rows}.length")
            self.click(by_id("more"))
            after = self.browser.evaluate(f"{rows}.length")
            self.judge.expect(before == 25 and after == min(total, 125), f"{before}, then {after}")

    def reach(self) -> None:
        """Everything has a name and can be reached by Tab."""
        self.browser.open(self.folder / "report.html", READY)
        self.judge.names()
        stops = self.judge.tab_stops()
        wanted = ["score", "class", "pair-map", "pair-class", "pair-text"]
        if self.data["cases"]:
            wanted += ["case-choice", "strength", "show-truth", "show-outline", "show-box"]
        for name in wanted:
            self.judge.expect(name in stops, f"Tab does not reach {name}: {stops}")
