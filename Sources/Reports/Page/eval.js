"use strict";

/* The page of plumb eval: scores of many pairs. */

(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const { scores, variants, pairs, cases } = data;
  const judged = pairs.filter((pair) => pair.scores.length);
  const classes = [...new Set(pairs.map((pair) => pair.category))].sort();
  const pairOf = new Map(pairs.map((pair) => [pair.number, pair]));

  const node = (name, content = [], attributes = {}) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...[content].flat());
    return made;
  };
  const cell = (name, text, scope) => node(name, text, scope ? { scope } : {});
  const shown = (value, score) =>
    value === null || value === undefined ? "–" : value.toFixed(scores[score].digits);
  const options = (select, entries) =>
    select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const seriesColour = (place) => colour(place === 0 ? "first" : "second");
  const seriesName = (place) => (place === 0 ? "first" : "second");

  /* Distributions. */

  options(element("score"), scores.map((score, place) => [place, score.title]));
  options(element("class"), [["", "All"], ...classes.map((name) => [name, name])]);
  element("legend").replaceChildren(...variants.map((variant, place) =>
    node("li", [node("i", [], { class: `key ${seriesName(place)}` }), variant.title])));

  const valuesOf = (variant, score, category) => judged
    .filter((pair) => !category || pair.category === category)
    .map((pair) => pair.scores[variant][score]).filter((value) => value !== null);

  function quantile(sorted, share) {
    const place = (sorted.length - 1) * share, first = Math.floor(place);
    const next = sorted[Math.min(first + 1, sorted.length - 1)];
    return sorted[first] + (next - sorted[first]) * (place - first);
  }

  /** Twenty bins, or two for what is either 0 or 1. */
  function histogram(score, category) {
    const series = variants.map((_, variant) => valuesOf(variant, score, category));
    const all = series.flat();
    const isBinary = all.every((value) => value === 0 || value === 1);
    let low = scores[score].isShare ? 0 : Infinity, high = scores[score].isShare ? 1 : -Infinity;
    for (const value of all) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (!(high > low)) [low, high] = [Number.isFinite(low) ? low : 0, (low || 0) + 1];
    const count = isBinary ? 2 : 20;
    const bins = series.map((values) => {
      const counts = new Array(count).fill(0);
      for (const value of values) {
        counts[Math.min(Math.floor(((value - low) / (high - low)) * count), count - 1)]++;
      }
      return counts;
    });
    return { series, bins, low, high, count, isBinary };
  }

  function prepared(canvas) {
    if (!fit(canvas)) return undefined;
    const context = canvas.getContext("2d"), unit = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.font = `${12 * unit}px system-ui, sans-serif`;
    context.lineWidth = unit;
    return { context, unit, width: canvas.width, height: canvas.height };
  }

  function drawHistogram(score, category) {
    const { series, bins, low, high, count, isBinary } = histogram(score, category);
    const sentences = variants.map((variant, place) => {
      const sorted = [...series[place]].sort((a, b) => a - b);
      if (!sorted.length) return `${variant.title}: no pair has it.`;
      const [lower, middle, upper] = [0.25, 0.5, 0.75].map((share) =>
        shown(quantile(sorted, share), score));
      return `${variant.title}: ${sorted.length} pairs, median ${middle}, the middle half from `
        + `${lower} to ${upper}.`;
    });
    element("distribution").textContent = sentences.join(" ");
    element("histogram").setAttribute("aria-label",
      `Histogram of ${scores[score].title}. ${sentences.join(" ")}`);
    const edge = (place) => (low + ((high - low) * place) / count).toFixed(scores[score].digits);
    const name = (bin) => (isBinary ? String(bin) : `${edge(bin)} to ${edge(bin + 1)}`);
    element("bins").replaceChildren(
      node("thead", node("tr", [cell("th", scores[score].title, "col"),
        ...variants.map((variant) => cell("th", variant.title, "col"))])),
      node("tbody", Array.from({ length: count }, (_, bin) => node("tr", [
        cell("th", name(bin), "row"), ...bins.map((counts) => cell("td", String(counts[bin])))]))));

    const surface = prepared(element("histogram"));
    if (!surface) return;
    const { context, unit, width, height } = surface;
    const top = Math.max(1, ...bins.flat());
    const left = 40 * unit, right = width - 8 * unit, head = 8 * unit, bottom = height - 24 * unit;
    context.fillStyle = colour("faint");
    context.strokeStyle = colour("line");
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const tick of ticks(top).filter(Number.isInteger)) {
      const y = bottom - ((bottom - head) * tick) / top;
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.stroke();
      context.fillText(String(tick), left - 6 * unit, y);
    }
    const slot = (right - left) / count;
    bins.forEach((counts, place) => {
      context.fillStyle = seriesColour(place);
      const bar = (slot * 0.86) / bins.length;
      counts.forEach((number, bin) => {
        const tall = ((bottom - head) * number) / top;
        context.fillRect(left + slot * (bin + 0.07) + bar * place, bottom - tall,
          Math.max(bar - unit, unit), tall);
      });
    });
    context.fillStyle = colour("faint");
    context.textBaseline = "top";
    context.textAlign = "center";
    const labels = isBinary ? [0, 1] : [0, 0.25, 0.5, 0.75, 1];
    for (const label of labels) {
      const x = isBinary ? left + slot * (label + 0.5) : left + (right - left) * label;
      context.textAlign = label === 1 && !isBinary ? "right" : "center";
      context.fillText(isBinary ? String(label)
        : (low + (high - low) * label).toFixed(scores[score].isShare ? 2 : scores[score].digits),
      x, bottom + 6 * unit);
    }
  }

  function drawIntervals(score) {
    const canvas = element("intervals");
    const rows = variants[0].rows;
    canvas.style.height = `${Math.max(12, 2.4 * rows.length + 2)}rem`;
    const means = variants.map((variant) => variant.rows.map((row) => row.means[score]));
    canvas.setAttribute("aria-label", `Means of ${scores[score].title}: ` + rows.map((row, place) =>
      `${row.title} ` + means.map((list) => (list[place] ? shown(list[place][0], score) : "none"))
        .join(" and ")).join("; "));
    const surface = prepared(canvas);
    if (!surface) return;
    const { context, unit, width, height } = surface;
    const known = means.flat().filter(Boolean).flat();
    let [low, high] = scores[score].isShare ? [0, 1] : [Math.min(0, ...known), Math.max(...known)];
    if (!(high > low)) high = low + 1;
    const names = rows.map((row) => row.title);
    const left = Math.min(Math.max(...names.map((name) => context.measureText(name).width))
      + 12 * unit, width * 0.42);
    const right = width - 14 * unit, head = 6 * unit, bottom = height - 24 * unit;
    const x = (value) => left + ((right - left) * (value - low)) / (high - low);
    context.strokeStyle = colour("line");
    context.textBaseline = "top";
    context.textAlign = "center";
    context.fillStyle = colour("faint");
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const value = low + (high - low) * share;
      context.beginPath();
      context.moveTo(x(value), head);
      context.lineTo(x(value), bottom);
      context.stroke();
      context.fillText(value.toFixed(scores[score].isShare ? 2 : scores[score].digits), x(value),
        bottom + 6 * unit);
    }
    const slot = (bottom - head) / rows.length;
    rows.forEach((row, place) => {
      const y = head + slot * (place + 0.5);
      context.fillStyle = colour(place === 0 ? "ink" : "faint");
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.fillText(row.title, 0, y, left - 8 * unit);
      means.forEach((list, variant) => {
        if (!list[place]) return;
        const [mean, lower, upper] = list[place];
        const line = y + (variant - (variants.length - 1) / 2) * Math.min(slot * 0.36, 12 * unit);
        context.strokeStyle = context.fillStyle = seriesColour(variant);
        context.lineWidth = 2 * unit;
        context.beginPath();
        context.moveTo(x(lower), line);
        context.lineTo(x(upper), line);
        context.stroke();
        context.beginPath();
        context.arc(x(mean), line, 4 * unit, 0, 2 * Math.PI);
        context.fill();
      });
      context.lineWidth = unit;
    });
  }

  const redrawCharts = onceAFrame(() => {
    const score = Number(element("score").value);
    drawHistogram(score, element("class").value);
    drawIntervals(score);
  });
  element("distribution-controls").addEventListener("submit", (event) => event.preventDefault());
  element("distribution-controls").addEventListener("input", redrawCharts);

  /* Cases. */

  let redrawCase = () => {}, redrawSmall = () => {}, showCase;
  if (cases.length) {
    for (const entry of cases) {
      entry.picture = await loadPicture(entry.picture);
      for (const map of entry.maps) map.values &&= readMap(map.values);
      entry.pair = pairOf.get(entry.number);
    }
    let current = cases[0];
    const name = (entry) => `${entry.pair.phrase} (${entry.pair.image})`;
    options(element("case-choice"), cases.map((entry, place) =>
      [place, `${name(entry)}: ${entry.groups.join(", ").toLowerCase()}`]));
    element("case-maps").append(...variants.map((variant, place) => {
      const input = node("input", [], { type: "radio", name: "case-map", value: place });
      input.checked = place === 0;
      return node("label", [input, variant.title]);
    }));
    const chosenMap = () => Number(document.querySelector("[name=case-map]:checked").value);

    const groups = [...new Set(cases.flatMap((entry) => entry.groups))];
    element("case-groups").replaceChildren(...groups.flatMap((group) => [
      node("h3", group),
      node("ul", cases.filter((entry) => entry.groups.includes(group)).map((entry) => {
        const first = entry.pair.scores[0][0];
        const button = node("button", [
          node("canvas", [], { "aria-hidden": "true" }), node("b", entry.pair.phrase),
          node("span", `${entry.pair.category}, ${scores[0].title} ${shown(first, 0)}`),
        ], { type: "button", "data-case": cases.indexOf(entry) });
        button.addEventListener("click", () => {
          showCase(entry);
          element("cases").scrollIntoView({ block: "start" });
        });
        return node("li", button);
      }), { class: "figures" }),
    ]));

    showCase = (entry) => {
      current = entry;
      element("case-choice").value = String(cases.indexOf(entry));
      element("case-facts").replaceChildren(
        node("p", [node("b", entry.pair.phrase)]),
        node("p", `${entry.pair.category}; ${entry.pair.image}`, { class: "hint" }),
        node("table", [
          node("thead", node("tr", [cell("th", "score", "col"),
            ...variants.map((variant) => cell("th", variant.title, "col"))])),
          node("tbody", scores.map((score, place) => node("tr", [cell("th", score.title, "row"),
            ...variants.map((_, variant) =>
              cell("td", shown(entry.pair.scores[variant][place], place)))]))),
        ], { class: "facts" }));
      redrawCase();
    };

    const view = (entry, place) => {
      const map = entry.maps[place];
      return { map: map.values, polygons: map.outline, box: map.box, truth: entry.truth };
    };
    redrawCase = onceAFrame(() => {
      const place = chosenMap(), { map, polygons, box, truth } = view(current, place);
      element("strength-value").textContent = `${element("strength").value} %`;
      draw(element("case"), current.picture, {
        map, polygons, strength: Number(element("strength").value) / 100,
        outline: element("show-outline").checked, showCrop: true,
        box: element("show-box").checked ? box : undefined,
        truth: element("show-truth").checked ? truth : [],
      });
      drawScale(element("scale"));
      element("low").textContent = map ? shortNumber(map.low, map.high - map.low) : "flat";
      element("high").textContent = map ? shortNumber(map.high) : "";
      const peak = map && map.values.indexOf(Math.max(...map.values));
      element("case").setAttribute("aria-label", `${name(current)}; ${variants[place].title}; `
        + (map ? positionText(current.picture, map, peak) : "the map points nowhere"));
      for (const button of document.querySelectorAll("[data-case]")) {
        button.setAttribute("aria-pressed", String(cases[button.dataset.case] === current));
      }
    });
    redrawSmall = onceAFrame(() => {
      for (const button of document.querySelectorAll("[data-case]")) {
        const entry = cases[button.dataset.case];
        draw(button.querySelector("canvas"), entry.picture,
          { ...view(entry, chosenMap()), strength: 0.8, outline: false });
      }
    });
    element("case-controls").addEventListener("submit", (event) => event.preventDefault());
    element("case-controls").addEventListener("input", (event) => {
      if (event.target.id === "case-choice") showCase(cases[event.target.value]);
      if (event.target.name === "case-map") redrawSmall();
      redrawCase();
    });
    showCase(current);
  }

  /* All pairs. */

  const order = { column: -1, isRising: true };
  let limit = 25;
  options(element("pair-map"), variants.map((variant, place) => [place, variant.title]));
  options(element("pair-class"), [["", "All"], ...classes.map((name) => [name, name])]);

  function head(title, column) {
    const state = order.column !== column ? "none" : order.isRising ? "ascending" : "descending";
    const mark = { none: "", ascending: " ▲", descending: " ▼" }[state];
    const button = node("button", title + mark, { type: "button", "data-column": column });
    button.addEventListener("click", () => {
      order.isRising = order.column === column ? !order.isRising : true;
      order.column = column;
      listPairs();
      document.querySelector(`[data-column="${column}"]`).focus();
    });
    return node("th", button, { scope: "col", "aria-sort": state });
  }

  function listPairs() {
    const variant = Number(element("pair-map").value || 0), category = element("pair-class").value;
    const text = element("pair-text").value.toLowerCase();
    const key = (pair) => [pair.phrase, pair.category, pair.image][order.column + 4]
      ?? (order.column < 0 ? pair.number : pair.scores[variant]?.[order.column] ?? null);
    const rows = pairs.filter((pair) => (!category || pair.category === category)
      && `${pair.phrase}\n${pair.image}`.toLowerCase().includes(text));
    rows.sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      // Pairs without the score come last either way.
      if (x === null || y === null) return (x === null) - (y === null);
      return (x < y ? -1 : x > y ? 1 : 0) * (order.isRising ? 1 : -1);
    });
    const table = element("pairs");
    table.tHead.replaceChildren(node("tr", [head("phrase", -4), head("class", -3),
      head("picture", -2), ...scores.map((score, place) => head(score.title, place))]));
    table.tBodies[0].replaceChildren(...rows.slice(0, limit).map((pair) => {
      const entry = cases.find((other) => other.number === pair.number);
      let phrase = pair.phrase;
      if (entry) {
        phrase = node("button", pair.phrase, { type: "button", class: "link" });
        phrase.addEventListener("click", () => {
          showCase(entry);
          element("cases").scrollIntoView({ block: "start" });
        });
      }
      return node("tr", [cell("th", phrase, "row"), cell("td", pair.category),
        cell("td", pair.image), ...scores.map((_, place) =>
          cell("td", pair.scores.length ? shown(pair.scores[variant][place], place) : "left out"))]);
    }));
    element("pair-count").textContent =
      `${Math.min(limit, rows.length)} of ${rows.length} pairs are listed.`;
    element("more").hidden = rows.length <= limit;
  }
  element("pair-controls").addEventListener("submit", (event) => event.preventDefault());
  element("pair-controls").addEventListener("input", listPairs);
  element("more").addEventListener("click", () => {
    limit += 100;
    listPairs();
  });

  const everything = () => {
    redrawCharts();
    redrawCase();
    redrawSmall();
  };
  addEventListener("resize", everything);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", everything);
  listPairs();
  everything();
  document.documentElement.dataset.ready = "true";
})();
