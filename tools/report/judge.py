"""What every page has to keep to: no complaint, no network, names, contrast, no sideways scrolling."""

import json

from chrome import Browser

# Roles that take the keyboard and need a name (WAI-ARIA 1.2).
INTERACTIVE = {
    "application", "button", "checkbox", "combobox", "link", "listbox", "menuitem", "radio",
    "searchbox", "slider", "spinbutton", "switch", "tab", "textbox",
}

# WCAG 2.2, 1.4.3: the ratio of the luminances of text and ground. The ground is the nearest
# ancestor's that is not see-through.
CONTRAST = """
(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((part) => {
      const p = part / 255;
      return p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) =>
      node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!hasText || !box.width || !element.checkVisibility() || element.disabled) continue;
    if (element.closest("script, style, noscript, option, .skip")) continue;
    let ground = element;
    while (ground && rgba(getComputedStyle(ground).backgroundColor)[3] < 255) {
      ground = ground.parentElement;
    }
    const [text, back] = [getComputedStyle(element).color,
      ground ? getComputedStyle(ground).backgroundColor : "white"].map(rgba).map(luminance);
    const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)}: ${element.textContent.trim().slice(0, 60)}`);
  }
  return poor;
})()
"""

# Elements whose content is wider than they are, the page's own root first.
SIDEWAYS = """
[...document.querySelectorAll("html, body *")].filter((element) => {
  if (element === document.documentElement) return element.scrollWidth > element.clientWidth;
  const box = element.getBoundingClientRect();
  const scrolls = element.closest("[tabindex='0'].scrolls");
  return box.width && !scrolls && element.checkVisibility() && !element.closest(".skip")
    && box.right > document.documentElement.clientWidth + 0.5;
}).map((element) => element.tagName + "." + element.className + " " + element.id)
"""


class Judge:
    """Collects what is wrong with a page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.place = ""
        self.checked = 0
        self.faults: list[str] = []

    def expect(self, condition: object, what: str) -> None:
        """Notes `what` when the condition is false."""
        self.checked += 1
        if not condition:
            self.faults.append(f"{self.place}: {what}")

    def quiet(self) -> None:
        """No error, no warning, no dialogue, and nothing asked of a network."""
        self.checked += 1
        for event in self.browser.events:
            method, parameters = event["method"], event["params"]
            if method == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith(("file:", "data:")):
                    self.faults.append(f"{self.place}: asks for {url}")
                continue
            entry = parameters.get("entry", {})
            isBad = (
                method in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening")
                or method == "Runtime.consoleAPICalled"
                and parameters["type"] in ("error", "warning", "assert")
                or method == "Log.entryAdded"
                and entry["level"] in ("error", "warning")
            )
            if isBad:
                self.faults.append(f"{self.place}: {json.dumps(parameters)[:400]}")

    def contrast(self) -> None:
        """Text can be read on its ground."""
        poor = self.browser.evaluate(CONTRAST)
        self.expect(not poor, f"too little contrast: {poor}")

    def fits(self) -> None:
        """Nothing lies beyond the right edge."""
        wide = self.browser.evaluate(SIDEWAYS)
        self.expect(not wide, f"reaches beyond the edge: {wide[:6]}")

    def names(self) -> list[tuple[str, str]]:
        """Everything that takes the keyboard, and every picture, has a name; there are landmarks,
        and headings in order. Returns (role, name) of all."""
        found = []
        levels = []
        for node in self.browser.send("Accessibility.getFullAXTree")["nodes"]:
            if node.get("ignored"):
                continue
            role = node.get("role", {}).get("value", "")
            name = node.get("name", {}).get("value", "").strip()
            properties = {entry["name"]: entry["value"] for entry in node.get("properties", [])}
            isFocusable = properties.get("focusable", {}).get("value") and role != "RootWebArea"
            if role in INTERACTIVE or role in ("image", "img") or isFocusable:
                self.expect(name, f"a {role} has no name")
            if role == "heading":
                levels.append(properties["level"]["value"])
            found.append((role, name))
        roles = {role for role, _ in found}
        for role in ("main", "banner", "contentinfo", "heading"):
            self.expect(role in roles, f"there is no {role}")
        self.expect(levels[:1] == [1] and levels.count(1) == 1, f"headings are {levels}")
        steps = zip(levels, levels[1:])
        self.expect(all(b <= a + 1 for a, b in steps), f"headings skip a level: {levels}")
        return found

    def tab_stops(self) -> list[str]:
        """What the Tab key reaches from the page's start, by id, name and value."""
        browser = self.browser
        browser.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        stops: list[str] = []
        for _ in range(400):
            browser.press("Tab")
            stop = browser.evaluate(
                "(({activeElement: a}) => a === document.body ? '' : a.id"
                " || (a.name ? `${a.name}=${a.value}` : a.dataset.map || a.className"
                " || a.textContent.trim()))(document)"
            )
            if not stop or stops[:1] == [stop]:
                break
            stops.append(str(stop))
        self.expect(len(stops) < 400, "the Tab key does not come round")
        return stops
