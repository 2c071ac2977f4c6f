"use strict";

/* The page of plumb ground: one picture, some phrases. */

(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const picture = await loadPicture(data.picture);
  const phrases = data.phrases;
  for (const phrase of phrases) phrase.maps = phrase.maps.map(readMap);
  const element = (id) => document.getElementById(id);
  const [stage, canvas, mapChoice, controls] =
    ["stage", "picture", "map", "controls"].map(element);
  const taps = element("tap") ? new TapViewer(picture) : undefined;
  const state = { phrase: phrases[0], key: "map", probe: undefined };

  const map = () => state.phrase.maps.find((entry) => entry.key === state.key)
    ?? state.phrase.maps[0];
  const share = (id) => Number(element(id).value) / 100;

  function showPhrase(index) {
    state.phrase = phrases[index];
    for (const part of document.querySelectorAll("[data-phrase]")) {
      part.hidden = part.dataset.phrase !== String(index);
    }
    const groups = Map.groupBy
      ? Map.groupBy(state.phrase.maps, (entry) => entry.group)
      : state.phrase.maps.reduce((all, entry) =>
        all.set(entry.group, [...(all.get(entry.group) ?? []), entry]), new Map());
    mapChoice.replaceChildren(...[...groups].map(([name, entries]) => {
      const group = document.createElement("optgroup");
      group.label = name;
      group.append(...entries.map((entry) => new Option(entry.title, entry.key)));
      return group;
    }));
    state.key = map().key;
    mapChoice.value = state.key;
    taps?.show(state.phrase);
    redraw();
    redrawSmall();
  }

  function chooseMap(key) {
    state.key = key;
    mapChoice.value = map().key;
    redraw();
  }

  function drawMain() {
    const shown = map();
    const { phrase, probe } = state;
    element("meaning").textContent = shown.meaning;
    for (const id of ["strength", "floor", "level"]) {
      const text = id === "level" && element(id).value === "0" ? "off" : `${element(id).value} %`;
      element(`${id}-value`).textContent = text;
      element(id).setAttribute("aria-valuetext", text);
    }
    draw(canvas, picture, {
      map: shown, strength: share("strength"), floor: share("floor"), level: share("level"),
      smooth: element("smooth").checked, polygons: phrase.outline,
      outline: element("show-outline").checked, fill: element("show-fill").checked,
      box: element("show-box").checked ? phrase.box : undefined,
      showCrop: element("show-crop").checked, probe,
    });
    drawScale(element("scale"));
    element("low").textContent = shortNumber(shown.low, shown.high - shown.low);
    element("high").textContent = shortNumber(shown.high);
    const box = phrase.box
      ? `box from x ${Math.round(phrase.box[0])}, y ${Math.round(phrase.box[1])} to `
        + `x ${Math.round(phrase.box[2])}, y ${Math.round(phrase.box[3])}`
      : "no box";
    const peak = shown.values.indexOf(Math.max(...shown.values));
    canvas.setAttribute("aria-label",
      `${picture.name}; phrase: ${phrase.text}; map: ${shown.title}, `
      + `${positionText(picture, shown, peak)}; ${box}`);
    for (const button of document.querySelectorAll("button[data-map]")) {
      button.setAttribute("aria-pressed", String(button.dataset.map === shown.key));
    }
    element("probe").textContent = probe ? probeText(shown, probe) : "\u00a0";
  }

  function probeText(shown, { x, y }) {
    const [x0, y0, x1, y1] = picture.crop;
    const [u, v] = [(x - x0) / (x1 - x0), (y - y0) / (y1 - y0)];
    const place = `x ${Math.floor(x)}, y ${Math.floor(y)}`;
    if (u < 0 || v < 0 || u > 1 || v > 1) return `${place}: outside of what the model saw`;
    const value = valueAt(shown, u, v, element("smooth").checked);
    const number = shortNumber(value, shown.high - shown.low);
    const box = state.phrase.box;
    const isInBox = box && x >= box[0] && x < box[2] + 1 && y >= box[1] && y < box[3] + 1;
    return `${place}: ${number}${isInBox ? ", in the box" : ""}`;
  }

  function drawSmall() {
    const look = { strength: 0.8 };
    for (const button of document.querySelectorAll("button[data-map]")) {
      const entry = state.phrase.maps.find((other) => other.key === button.dataset.map);
      button.closest("li").hidden = !entry;
      if (entry) draw(button.querySelector("canvas"), picture, { ...look, map: entry });
    }
    for (const small of document.querySelectorAll("canvas[data-thumbnail]")) {
      const phrase = phrases[Number(small.dataset.thumbnail)];
      draw(small, picture, {
        ...look, map: phrase.maps[0], polygons: phrase.outline, outline: true, box: phrase.box,
      });
    }
  }

  const redraw = onceAFrame(drawMain), redrawSmall = onceAFrame(drawSmall);

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", (event) => {
    if (event.target === mapChoice) state.key = mapChoice.value;
    redraw();
  });
  controls.addEventListener("reset", () => {
    // The form's values are those of before until the event is over.
    setTimeout(() => chooseMap(state.phrase.maps[0].key));
  });
  for (const button of document.querySelectorAll("button[data-map]")) {
    button.addEventListener("click", () => chooseMap(button.dataset.map));
  }
  for (const radio of document.querySelectorAll("input[name=phrase]")) {
    radio.addEventListener("change", () => showPhrase(Number(radio.value)));
  }

  stage.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const isInside = u >= 0 && v >= 0 && u < 1 && v < 1;
    state.probe = isInside ? { x: u * picture.width, y: v * picture.height } : undefined;
    redraw();
  });
  stage.addEventListener("pointerleave", () => {
    state.probe = undefined;
    redraw();
  });
  stage.addEventListener("keydown", (event) => {
    const move = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    }[event.key];
    if (event.key === "Escape") state.probe = undefined;
    if (move) {
      event.preventDefault();
      const length = Math.max(1, Math.round(picture.width / 256)) * (event.shiftKey ? 16 : 2);
      const [x0, y0, x1, y1] = picture.crop;
      const { x, y } = state.probe ?? { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
      state.probe = {
        x: Math.min(Math.max(x + length * move[0], 0), picture.width - 1),
        y: Math.min(Math.max(y + length * move[1], 0), picture.height - 1),
      };
    }
    if (move || event.key === "Escape") redraw();
  });

  const everything = () => {
    redraw();
    redrawSmall();
    taps?.redraw();
  };
  addEventListener("resize", everything);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);
  showPhrase(0);
  document.documentElement.dataset.ready = "true";
})();
