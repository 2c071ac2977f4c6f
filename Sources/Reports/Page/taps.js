"use strict";

/* Maps per step and layer. */

/** Reads a layer's maps when they are first looked at. */
function layerReader(layer, tokenCount) {
  let bytes, lows, highs;
  const area = layer.width * layer.height;
  return (step, token, sum) => {
    bytes ??= decoded(layer.bytes);
    lows ??= decodedFloats(layer.lows);
    highs ??= decodedFloats(layer.highs);
    const index = step * tokenCount + token;
    const low = lows[index], unit = (highs[index] - low) / 255;
    for (let i = 0; i < area; i++) sum[i] += low + bytes[index * area + i] * unit;
  };
}

/** The part of the page that shows a pass's maps. `picture` is loaded; `outline` goes over them. */
class TapViewer {
  constructor(picture) {
    this.picture = picture;
    this.elements = {};
    for (const id of ["tap", "tap-scale", "tap-low", "tap-high", "tap-controls", "passes", "token",
      "layer", "step", "step-value", "all-steps", "one-scale", "tap-outline", "play", "strip",
      "strip-title", "chart", "chart-figure"]) {
      this.elements[id] = document.getElementById(id);
    }
    this.redraw = onceAFrame(() => this.draw());
    this.elements["tap-controls"].addEventListener("input", (event) => this.changed(event));
    this.elements["tap-controls"].addEventListener("submit", (event) => event.preventDefault());
    this.elements.play.addEventListener("click", () => this.play());
  }

  /** Shows another phrase. */
  show(phrase) {
    this.stop();
    this.phrase = phrase;
    const { passes } = this.elements;
    passes.querySelectorAll("label").forEach((label) => label.remove());
    phrase.passes.forEach((pass, index) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      input.type = "radio";
      input.name = "pass";
      input.value = String(index);
      input.checked = index === 0;
      label.append(input, pass.title);
      passes.append(label);
    });
    this.choosePass(0);
  }

  choosePass(index) {
    const pass = this.phrase.passes[index];
    this.pass = pass;
    if (!pass) return;
    pass.readers ??= pass.layers.map((layer) => layerReader(layer, pass.tokens.length));
    const kept = pass.kept.length > 1 ? [["kept", "All that count (mean)"]] : [];
    this.fill("token", [...kept, ...pass.tokens.map((name, token) => [String(token), name])]);
    if (!kept.length) this.elements.token.value = String(pass.kept[0] ?? 0);
    this.fill("layer", [["all", `All ${pass.layers.length} (mean)`],
      ...pass.layers.map((layer, place) =>
        [String(place), `${layer.name} (${layer.width} × ${layer.height})`])]);
    const { step } = this.elements;
    step.max = String(pass.steps.length - 1);
    step.value = String(Math.min(this.step ?? Infinity, pass.steps.length - 1));
    this.makeStrip();
    this.redraw();
  }

  /** Puts options into a select; what was chosen stays chosen where it can. */
  fill(id, options) {
    const select = this.elements[id], before = select.value;
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    if (options.some(([value]) => value === before)) select.value = before;
  }

  /** A button with a small map for each layer. */
  makeStrip() {
    const { strip, layer } = this.elements;
    const names = shortNames(this.pass.layers.map((entry) => entry.name));
    strip.replaceChildren(...names.map((name, place) => {
      const item = document.createElement("li"), button = document.createElement("button");
      const canvas = document.createElement("canvas"), text = document.createElement("span");
      button.type = "button";
      canvas.setAttribute("aria-hidden", "true");
      text.append(...breakable(name));
      button.title = this.pass.layers[place].name;
      button.append(canvas, text);
      button.addEventListener("click", () => {
        layer.value = layer.value === String(place) ? "all" : String(place);
        this.redraw();
      });
      item.append(button);
      return item;
    }));
  }

  changed(event) {
    if (event.target.name === "pass") this.choosePass(Number(event.target.value));
    if (event.target.id === "step") this.elements["all-steps"].checked = false;
    this.step = Number(this.elements.step.value);
    this.redraw();
  }

  play() {
    if (this.timer) return this.stop();
    const { step, play } = this.elements;
    if (Number(step.value) >= Number(step.max)) step.value = "0";
    this.elements["all-steps"].checked = false;
    play.textContent = "Stop";
    play.setAttribute("aria-pressed", "true");
    this.timer = setInterval(() => {
      if (Number(step.value) >= Number(step.max)) return this.stop();
      step.value = String(Number(step.value) + 1);
      this.step = Number(step.value);
      this.redraw();
    }, 120);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.elements.play.textContent = "Play";
    this.elements.play.setAttribute("aria-pressed", "false");
  }

  /** The mean over steps, layers and tokens as a map; layers are brought to one size by repetition. */
  map(steps, layers, tokens) {
    const { pass } = this;
    const width = Math.max(...layers.map((place) => pass.layers[place].width));
    const height = Math.max(...layers.map((place) => pass.layers[place].height));
    const values = new Float32Array(width * height);
    for (const place of layers) {
      const layer = pass.layers[place];
      const sum = new Float32Array(layer.width * layer.height);
      for (const step of steps) for (const token of tokens) pass.readers[place](step, token, sum);
      const count = steps.length * tokens.length * layers.length;
      for (let y = 0; y < height; y++) {
        const row = Math.floor((y * layer.height) / height) * layer.width;
        for (let x = 0; x < width; x++) {
          values[y * width + x] += sum[row + Math.floor((x * layer.width) / width)] / count;
        }
      }
    }
    let from = Infinity, to = -Infinity;
    for (const value of values) {
      from = Math.min(from, value);
      to = Math.max(to, value);
    }
    return { width, height, values, from, to };
  }

  draw() {
    const { pass, elements, picture } = this;
    if (!pass) return;
    const every = pass.steps.map((_, index) => index);
    const step = Number(elements.step.value);
    const steps = elements["all-steps"].checked ? every : [step];
    const token = elements.token.value;
    const tokens = token === "kept" ? pass.kept : [Number(token)];
    const layer = elements.layer.value;
    const layers = layer === "all" ? pass.layers.map((_, place) => place) : [Number(layer)];
    const map = this.map(steps, layers, tokens);
    if (elements["one-scale"].checked) {
      for (const index of every) {
        const other = this.map([index], layers, tokens);
        map.from = Math.min(map.from, other.from);
        map.to = Math.max(map.to, other.to);
      }
    }
    const time = pass.timesteps.length ? `, t = ${pass.timesteps[step]}` : "";
    const stepText = elements["all-steps"].checked
      ? `mean of ${every.length}` : `${pass.steps[step]} of ${pass.stepCount}${time}`;
    elements["step-value"].textContent = stepText;
    elements.step.setAttribute("aria-valuetext", stepText);
    elements["tap-low"].textContent = shortNumber(map.from, map.to - map.from);
    elements["tap-high"].textContent = shortNumber(map.to);
    const look = {
      strength: 0.8, polygons: this.phrase.outline, outline: elements["tap-outline"].checked,
    };
    draw(elements.tap, picture, { ...look, map, showCrop: true });
    drawScale(elements["tap-scale"]);
    const peak = map.values.indexOf(Math.max(...map.values));
    elements.tap.setAttribute("aria-label",
      `Attention of ${elements.token.selectedOptions[0].text}, ${pass.title}, layer `
      + `${elements.layer.selectedOptions[0].text}, step ${stepText}; from `
      + `${shortNumber(map.from, map.to - map.from)} `
      + `to ${shortNumber(map.to)}, ${positionText(picture, map, peak)}`);
    elements["strip-title"].textContent = elements["all-steps"].checked
      ? "Every layer, mean of all steps" : "Every layer at this step";
    elements.strip.querySelectorAll("button").forEach((button, place) => {
      button.setAttribute("aria-pressed", String(layer === String(place)));
      draw(button.querySelector("canvas"), picture, {
        ...look, map: this.map(steps, [place], tokens),
      });
    });
    this.drawChart(every, layers, tokens, step);
  }

  /** Attention inside of the mask over attention outside, step by step. */
  drawChart(every, layers, tokens, current) {
    const { chart, "chart-figure": figure } = this.elements;
    const ratios = every.map((step) => this.ratio(this.map([step], layers, tokens)));
    figure.hidden = every.length < 2 || ratios.some((ratio) => !Number.isFinite(ratio));
    if (figure.hidden || !fit(chart)) return;
    const context = chart.getContext("2d");
    const unit = window.devicePixelRatio || 1, { width, height } = chart;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    context.clearRect(0, 0, width, height);
    const top = Math.max(...ratios, 1) * 1.1;
    const left = 30 * unit, right = width - 8 * unit, bottom = height - 20 * unit, head = 6 * unit;
    const x = (index) => left + ((right - left) * index) / (every.length - 1);
    const y = (ratio) => bottom - ((bottom - head) * ratio) / top;
    context.font = `${12 * unit}px system-ui, sans-serif`;
    context.fillStyle = colour("faint");
    context.strokeStyle = colour("line");
    context.lineWidth = unit;
    for (const tick of ticks(top)) {
      context.beginPath();
      context.moveTo(left, y(tick));
      context.lineTo(right, y(tick));
      context.stroke();
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(`${shortNumber(tick)}×`, left - 4 * unit, y(tick));
    }
    context.textBaseline = "top";
    context.textAlign = "left";
    context.fillText(`step ${this.pass.steps[0]}`, left, bottom + 5 * unit);
    context.textAlign = "right";
    context.fillText(String(this.pass.steps[every.length - 1]), right, bottom + 5 * unit);
    context.strokeStyle = context.fillStyle = colour("accent");
    context.lineWidth = 2 * unit;
    context.beginPath();
    ratios.forEach((ratio, index) => context.lineTo(x(index), y(ratio)));
    context.stroke();
    context.beginPath();
    context.arc(x(current), y(ratios[current]), 4.5 * unit, 0, 2 * Math.PI);
    context.fill();
    chart.setAttribute("aria-label",
      `From ${shortNumber(ratios[0])} at the first step to ${shortNumber(ratios.at(-1))} at the `
      + `last; ${shortNumber(ratios[current])} at step ${this.pass.steps[current]}`);
  }

  /** Mean of a map inside of the mask over its mean outside; NaN without either. */
  ratio(map) {
    const inside = this.inside(map.width, map.height);
    let [sumIn, sumOut, countIn] = [0, 0, 0];
    map.values.forEach((value, place) => {
      countIn += inside[place];
      sumIn += value * inside[place];
      sumOut += value * (1 - inside[place]);
    });
    return (sumIn / countIn) / (sumOut / (map.values.length - countIn));
  }

  /** How much of each cell lies in the mask, 0…1. */
  inside(width, height) {
    const kept = (this.phrase.inside ??= new Map());
    const key = `${width}x${height}`;
    if (!kept.has(key)) {
      const canvas = document.createElement("canvas"), fine = 8;
      canvas.width = width * fine;
      canvas.height = height * fine;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      const [x0, y0, x1, y1] = this.picture.crop;
      context.beginPath();
      for (const polygon of this.phrase.outline) {
        for (let i = 0; i < polygon.length; i += 2) {
          context.lineTo(((polygon[i] - x0) / (x1 - x0)) * canvas.width,
            ((polygon[i + 1] - y0) / (y1 - y0)) * canvas.height);
        }
        context.closePath();
      }
      context.fill("evenodd");
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const shares = new Float32Array(width * height);
      for (let y = 0; y < canvas.height; y++) {
        for (let x = 0; x < canvas.width; x++) {
          shares[Math.floor(y / fine) * width + Math.floor(x / fine)] +=
            data[4 * (y * canvas.width + x) + 3] / 255 / (fine * fine);
        }
      }
      kept.set(key, shares);
    }
    return kept.get(key);
  }
}

/** Names without the ending that all have. */
function shortNames(names) {
  const parts = names.map((name) => name.split("."));
  let common = 0;
  while (parts.every((name) => name.length > common + 1
    && name.at(-1 - common) === parts[0].at(-1 - common))) common++;
  return parts.map((name) => name.slice(0, name.length - common).join("."));
}
