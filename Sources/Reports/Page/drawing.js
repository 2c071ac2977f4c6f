"use strict";

/* What pictures are drawn with: maps, their colours, lines. */

/** Base64 to bytes. */
function decoded(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Little-endian floats in base64. */
function decodedFloats(text) {
  const view = new DataView(decoded(text).buffer);
  const floats = new Float32Array(view.byteLength / 4);
  for (let i = 0; i < floats.length; i++) floats[i] = view.getFloat32(4 * i, true);
  return floats;
}

/** A map of the page's data with its values. */
function readMap(json) {
  const bytes = decoded(json.bytes);
  const values = Float32Array.from(bytes, (b) => json.low + (b / 255) * (json.high - json.low));
  return { ...json, values, from: json.low, to: json.high };
}

/**
 * The heat map's colours, three bytes for each of 256 levels: from dark violet over red and orange
 * to light yellow, lightness growing evenly; drawn in OKLCh (B. Ottosson, 2020) as overlay.png is.
 */
const heatColours = (() => {
  const bytes = new Uint8ClampedArray(768);
  for (let level = 0; level < 256; level++) {
    const v = level / 255;
    const lightness = 0.24 + 0.67 * v;
    const hue = ((292 + 168 * v) / 180) * Math.PI;
    const chroma = 0.124 + 0.09 * Math.exp(-(((v - 0.5) / 0.35) ** 2));
    const a = chroma * Math.cos(hue), b = chroma * Math.sin(hue);
    const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    const linear = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ];
    linear.forEach((part, channel) => {
      const p = Math.min(Math.max(part, 0), 1);
      bytes[3 * level + channel] =
        255 * (p <= 0.0031308 ? 12.92 * p : 1.055 * p ** (1 / 2.4) - 0.055);
    });
  }
  return bytes;
})();

/** The two cells around a position along an axis and the second one's share. */
function cells(position, count) {
  const place = Math.min(Math.max(position - 0.5, 0), count - 1);
  const first = Math.floor(place);
  return [first, Math.min(first + 1, count - 1), place - first];
}

/** The map's value at (u, v) in 0…1 of the crop, bilinear between the cells' centres. */
function valueAt(map, u, v, smooth = true) {
  if (!smooth) {
    const column = Math.min(Math.floor(u * map.width), map.width - 1);
    return map.values[Math.min(Math.floor(v * map.height), map.height - 1) * map.width + column];
  }
  const [x0, x1, fx] = cells(u * map.width, map.width);
  const [y0, y1, fy] = cells(v * map.height, map.height);
  const at = (x, y) => map.values[y * map.width + x];
  const upper = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * fx;
  const lower = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * fx;
  return upper + (lower - upper) * fy;
}

/**
 * The map as a picture of its own, see-through where it is low.
 * strength: opacity of the largest value; floor: what is below this share of the range is hidden.
 */
function heatPicture(map, { strength, floor, smooth }, pixels) {
  const width = smooth ? Math.max(pixels, map.width) : map.width;
  const height = smooth ? Math.max(pixels, map.height) : map.height;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const range = map.to - map.from || 1;
  const columns = Array.from({ length: width }, (_, x) =>
    cells(((x + 0.5) * map.width) / width, map.width));
  for (let y = 0; y < height; y++) {
    const [y0, y1, fy] = cells(((y + 0.5) * map.height) / height, map.height);
    const upperRow = y0 * map.width, lowerRow = y1 * map.width;
    for (let x = 0; x < width; x++) {
      const [x0, x1, fx] = columns[x];
      const a = map.values[upperRow + x0], b = map.values[lowerRow + x0];
      const upper = a + (map.values[upperRow + x1] - a) * fx;
      const lower = b + (map.values[lowerRow + x1] - b) * fx;
      const v = Math.min(Math.max((upper + (lower - upper) * fy - map.from) / range, 0), 1);
      const level = 3 * Math.round(v * 255), place = 4 * (y * width + x);
      image.data[place] = heatColours[level];
      image.data[place + 1] = heatColours[level + 1];
      image.data[place + 2] = heatColours[level + 2];
      image.data[place + 3] = v < floor ? 0 : 255 * strength * v ** 1.25;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The line where a map crosses a value, as segments in 0…1 of the crop (marching squares). */
function levelSegments(map, value) {
  const count = Math.min(4 * Math.max(map.width, map.height), 256);
  const row = (y) => Float32Array.from({ length: count + 1 }, (_, x) =>
    valueAt(map, x / count, y / count) - value);
  const segments = [];
  let upper = row(0);
  for (let y = 0; y < count; y++) {
    const lower = row(y + 1);
    for (let x = 0; x < count; x++) {
      const corners = [upper[x], upper[x + 1], lower[x + 1], lower[x]];
      const places = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]];
      const crossings = [];
      for (let edge = 0; edge < 4; edge++) {
        const a = corners[edge], b = corners[(edge + 1) % 4];
        if (a > 0 === b > 0) continue;
        const [p, q] = [places[edge], places[(edge + 1) % 4]], share = a / (a - b);
        crossings.push([p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share]);
      }
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        segments.push([...crossings[i], ...crossings[i + 1]].map((part) => part / count));
      }
    }
    upper = lower;
  }
  return segments;
}

/** Makes a canvas as fine as the screen; false while it is not shown. */
function fit(canvas, aspect) {
  if (aspect) canvas.style.aspectRatio = String(aspect);
  const box = canvas.getBoundingClientRect();
  if (box.width < 1 || box.height < 1) return false;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return true;
}

/** Strokes what `path` draws, with a dark rim so that it shows on any picture. */
function strokeWithRim(context, colour, width, path, dash = []) {
  context.beginPath();
  path();
  context.lineJoin = context.lineCap = "round";
  context.setLineDash([]);
  context.strokeStyle = "rgba(8, 10, 14, 0.65)";
  context.lineWidth = 2.2 * width;
  if (!dash.length) context.stroke();
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}

/**
 * Draws a picture with what was found in it.
 * picture: {image, width, height, crop}, lengths in the original's pixels; view: {map, strength,
 * floor, smooth, level, polygons (the mask's), outline, fill, box, truth (polygons), showCrop,
 * probe}, any of which may be missing.
 */
function draw(canvas, picture, view) {
  if (!fit(canvas, picture.width / picture.height)) return;
  const context = canvas.getContext("2d");
  const scale = canvas.width / picture.width;
  const line = Math.max(1.25, (window.devicePixelRatio || 1) * (canvas.clientWidth < 250 ? 1.25 : 2));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, 0, 0, canvas.width, canvas.height);
  const [x0, y0, x1, y1] = picture.crop.map((part) => part * scale);
  if (view.map && view.strength > 0) {
    const heat = heatPicture(
      view.map, { floor: 0, smooth: true, ...view }, Math.min(Math.ceil(x1 - x0), 640));
    context.imageSmoothingEnabled = view.smooth !== false;
    context.drawImage(heat, x0, y0, x1 - x0, y1 - y0);
  }
  const isCropped = picture.crop[0] > 0 || picture.crop[1] > 0
    || picture.crop[2] < picture.width || picture.crop[3] < picture.height;
  if (view.showCrop && isCropped) {
    context.beginPath();
    context.rect(0, 0, canvas.width, canvas.height);
    context.rect(x0, y0, x1 - x0, y1 - y0);
    context.fillStyle = "rgba(8, 10, 14, 0.55)";
    context.fill("evenodd");
    strokeWithRim(context, "#fff", 1, () => context.rect(x0, y0, x1 - x0, y1 - y0), [5, 5]);
  }
  const closed = (polygons) => {
    for (const polygon of polygons || []) {
      for (let i = 0; i < polygon.length; i += 2) {
        const [x, y] = [polygon[i] * scale, polygon[i + 1] * scale];
        if (i === 0) context.moveTo(x, y); else context.lineTo(x, y);
      }
      context.closePath();
    }
  };
  if (view.fill) {
    context.beginPath();
    closed(view.polygons);
    context.fillStyle = "rgba(255, 255, 255, 0.38)";
    context.fill("evenodd");
  }
  if (view.map && view.level > 0) {
    const value = view.map.from + view.level * (view.map.to - view.map.from);
    const segments = levelSegments(view.map, value);
    strokeWithRim(context, "#ffe066", 0.75 * line, () => {
      for (const [ax, ay, bx, by] of segments) {
        context.moveTo(x0 + ax * (x1 - x0), y0 + ay * (y1 - y0));
        context.lineTo(x0 + bx * (x1 - x0), y0 + by * (y1 - y0));
      }
    });
  }
  if (view.outline) strokeWithRim(context, "#fff", line, () => closed(view.polygons));
  const box = (edges) => {
    const [left, top, right, bottom] = edges.map((part) => part * scale);
    const rim = line;
    context.rect(
      Math.max(left, rim), Math.max(top, rim),
      Math.min(right, canvas.width - rim) - Math.max(left, rim),
      Math.min(bottom, canvas.height - rim) - Math.max(top, rim));
  };
  if (view.truth?.length) {
    strokeWithRim(context, "rgba(8, 10, 14, 0.65)", 2 * line, () => closed(view.truth));
    strokeWithRim(context, "#7dff8a", line, () => closed(view.truth), [4 * line, 2.5 * line]);
  }
  if (view.box) strokeWithRim(context, "#3ddcff", line, () => box(view.box));
  if (view.probe) {
    const [x, y] = [view.probe.x * scale, view.probe.y * scale], arm = 9 * line;
    strokeWithRim(context, "#fff", 0.75 * line, () => {
      context.moveTo(x - arm, y);
      context.lineTo(x - line, y);
      context.moveTo(x + line, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y - line);
      context.moveTo(x, y + line);
      context.lineTo(x, y + arm);
    });
  }
}

/** The colours from low to high. */
function drawScale(canvas) {
  if (!fit(canvas)) return;
  const context = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    const level = 3 * Math.round((255 * x) / Math.max(canvas.width - 1, 1));
    context.fillStyle = `rgb(${heatColours.slice(level, level + 3).join(" ")})`;
    context.fillRect(x, 0, 1, canvas.height);
  }
}

/** A number with three significant digits; 0 when it is nothing beside `range`. */
function shortNumber(value, range = 0) {
  if (value === 0 || Math.abs(value) < range / 1000) return "0";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** Two to five round numbers from 0 to `top`. */
function ticks(top) {
  const sizes = [-3, -2, -1, 0, 1, 2, 3, 4, 5].flatMap((power) =>
    [1, 2, 5].map((digit) => digit * 10 ** power));
  const step = sizes.find((size) => top / size <= 4) ?? top / 4;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, place) => place * step);
}

/** Where in the original a map's cell lies, in words. */
function positionText(picture, map, place) {
  const [x0, y0, x1, y1] = picture.crop;
  const u = ((place % map.width) + 0.5) / map.width;
  const v = (Math.floor(place / map.width) + 0.5) / map.height;
  return `highest near x ${Math.round(x0 + u * (x1 - x0))}, y ${Math.round(y0 + v * (y1 - y0))}`;
}

/** Text that may break behind dots and underscores. */
function breakable(text) {
  return text.split(/(?<=[._])/).flatMap((part, place) =>
    place ? [document.createElement("wbr"), part] : [part]);
}

/** Runs `body` before the next frame, once however often it is asked for. */
function onceAFrame(body) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      body();
    });
  };
}

/** The page's data and its picture, decoded. */
async function loadPicture(json) {
  const image = new Image();
  image.src = `data:image/png;base64,${json.png}`;
  await image.decode();
  return { ...json, image };
}
