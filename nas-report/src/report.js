"use strict";
(() => {
  const MAX_STRONG = 6; // The largest number of visible strategies that all get thick lines.
  const NEAR = 60; // The largest distance in pixels from the pointer to the line that it selects.
  const buttons = [...document.querySelectorAll("#legend button")];
  const names = new Map(buttons.map((button) => [Number(button.dataset.place), button.title]));
  const hidden = new Set();
  const style = document.head.appendChild(document.createElement("style"));
  const tip = document.getElementById("tip");
  let focus = null;

  // One style sheet hides and dims elements in all charts at once, which stays fast with many of them.
  const update = () => {
    const rules = [...hidden].map((place) => `svg .s${place} { display: none; }`);
    if (buttons.length - hidden.size <= MAX_STRONG) {
      rules.push("svg .rest.line { stroke-opacity: 1; stroke-width: 2px; }", "svg .band { fill-opacity: .13; }");
    }
    if (focus !== null) {
      rules.push(`svg .line:not(.s${focus}), svg .name:not(.s${focus}), svg .mark:not(.s${focus}) { opacity: .2; }`);
      rules.push(`svg .band:not(.s${focus}) { opacity: 0; } svg .band.s${focus} { fill-opacity: .2; }`);
      rules.push(`svg .line.s${focus} { stroke-opacity: 1; stroke-width: 3px; }`);
    }
    style.textContent = rules.join("\n");
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.place))));
    }
  };
  const point = (place) => { if (focus !== place) { focus = place; update(); } };
  const toggle = (place) => { if (!hidden.delete(place)) hidden.add(place); update(); };
  const alone = (place) => {
    const already = !hidden.has(place) && hidden.size === buttons.length - 1;
    hidden.clear();
    if (!already) for (const other of names.keys()) if (other !== place) hidden.add(other);
    update();
  };
  for (const button of buttons) {
    const place = Number(button.dataset.place);
    button.addEventListener("click", (event) => event.shiftKey ? alone(place) : toggle(place));
    button.addEventListener("dblclick", () => alone(place));
    for (const event of ["mouseenter", "focus"]) {
      button.addEventListener(event, () => point(hidden.has(place) ? null : place));
    }
    for (const event of ["mouseleave", "blur"]) button.addEventListener(event, () => point(null));
  }
  document.getElementById("all").addEventListener("click", () => { hidden.clear(); update(); });

  const sections = [...document.querySelectorAll("section > details")];
  const fold = document.getElementById("fold");
  fold.addEventListener("click", () => {
    const open = sections.every((section) => !section.open);
    for (const section of sections) section.open = open;
    fold.textContent = open ? "fold sections" : "unfold sections";
  });
  // A link opens its section.
  const arrive = () => {
    const details = location.hash && document.getElementById(location.hash.slice(1))?.querySelector("details");
    if (details) details.open = true;
  };
  addEventListener("hashchange", arrive);
  arrive();
  const links = new Map([...document.querySelectorAll("#contents a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.classList.toggle("here", link === links.get(entry.target.id));
    }
  }, { rootMargin: "-10% 0px -89% 0px" });
  for (const id of links.keys()) seen.observe(document.getElementById(id));

  const words = (value) =>
    Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(Number(value.toPrecision(5)));
  const part = (value, [low, high], log) =>
    log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const whole = (share, [low, high], log) => log ? low * (high / low) ** share : low + share * (high - low);

  // Returns round values between the ends of an axis.
  const ticks = ([low, high], log, count) => {
    const found = [];
    if (log && high / low > 20) {
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
        for (const digit of high / low > 1000 ? [1] : [1, 2, 5]) found.push(digit * 10 ** power);
      }
    } else {
      const raw = (high - low) / count;
      const power = 10 ** Math.floor(Math.log10(raw));
      const step = power * [1, 2, 5, 10].find((digit) => digit * power >= raw);
      for (let at = Math.ceil(low / step); at * step <= high; at++) found.push(Number((at * step).toPrecision(12)));
    }
    return found.filter((tick) => tick >= low && tick <= high);
  };

  const element = (parent, tag, attributes, text = "") => {
    const made = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", tag));
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  };

  class Chart {
    constructor(figure, data) {
      this.svg = figure.querySelector("svg");
      this.data = data;
      this.view = { x: data.x, y: data.y };
      this.back = document.createElement("button");
      this.back.type = "button";
      this.back.textContent = "whole chart";
      this.back.hidden = true;
      this.back.addEventListener("click", () => this.show(data));
      figure.append(this.back);
      const look = { r: 4, fill: "none", stroke: "#000", "stroke-width": 1.5, display: "none" };
      this.dot = element(this.svg, "circle", look);
    }

    at([x, y]) {
      const [left, right, top, bottom] = this.data.area;
      const up = Math.min(Math.max(part(y, this.view.y, this.data.logY), -9), 9);
      return [left + part(x, this.view.x, this.data.logX) * (right - left), bottom - up * (bottom - top)];
    }

    value([x, y]) {
      const [left, right, top, bottom] = this.data.area;
      return [
        whole((x - left) / (right - left), this.view.x, this.data.logX),
        whole((bottom - y) / (bottom - top), this.view.y, this.data.logY),
      ];
    }

    pixels(event) {
      const box = this.svg.getBoundingClientRect();
      const scale = this.svg.viewBox.baseVal.width / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    }

    // Draws the part of the chart between these values. The whole chart is in the page already.
    show({ x, y }) {
      this.view = { x, y };
      this.svg.querySelector(".part")?.remove();
      const all = x === this.data.x && y === this.data.y;
      this.svg.classList.toggle("zoomed", !all);
      this.back.hidden = all;
      this.dot.setAttribute("display", "none");
      if (all) return;
      const { area: [left, right, top, bottom], labels, logX, logY, steps, series } = this.data;
      const group = element(this.svg, "g", { class: "part", "font-size": 14 });
      const grid = { stroke: "#e4e4e4" };
      const grey = "#505050";
      for (const tick of ticks(x, logX, 6)) {
        const [at] = this.at([tick, y[0]]);
        element(group, "path", { ...grid, d: `M${at} ${top}V${bottom}` });
        element(group, "text", { x: at, y: bottom + 20, "text-anchor": "middle", fill: grey }, words(tick));
      }
      for (const tick of ticks(y, logY, 6)) {
        const [, at] = this.at([x[0], tick]);
        element(group, "path", { ...grid, d: `M${left} ${at}H${right}` });
        element(group, "text", { x: left - 8, y: at + 5, "text-anchor": "end", fill: grey }, words(tick));
      }
      element(group, "path", { fill: "none", stroke: grey, d: `M${left} ${top}V${bottom}H${right}` });
      element(group, "text", { x: (left + right) / 2, y: bottom + 42, "text-anchor": "middle" }, labels[0]);
      const turned = `translate(18 ${(top + bottom) / 2}) rotate(-90)`;
      element(group, "text", { transform: turned, "text-anchor": "middle" }, labels[1]);
      const [width, height] = [right - left, bottom - top];
      const viewBox = `${left} ${top} ${width} ${height}`;
      const box = { x: left, y: top, width, height, viewBox, overflow: "hidden", fill: "none" };
      const plot = element(group, "svg", box);
      const pixels = (point) => this.at(point).map((pixel) => pixel.toFixed(1)).join(" ");
      const path = (points) => "M" + points.map(pixels).join("L");
      for (const { place, strong, banded, points } of [...series].reverse().sort((a, b) => a.strong - b.strong)) {
        const button = buttons[place].querySelector("i");
        const [rest, fill] = [strong ? "" : " rest", button.style.borderColor];
        if (points.some((point) => point.length > 2)) {
          const ends = points.map(([at, middle, low = middle, upper = middle]) => [[at, low], [at, upper]]);
          const around = [...ends.map((end) => end[0]), ...ends.map((end) => end[1]).reverse()];
          const opacity = banded ? 0.13 : 0;
          const d = `${path(around)}Z`;
          element(plot, "path", { class: `s${place} band${rest}`, fill, "fill-opacity": opacity, d });
        }
        const line = steps ? points.flatMap((to, at) => at ? [[to[0], points[at - 1][1]], to] : [to]) : points;
        const look = strong ? { "stroke-width": 2 } : { "stroke-width": 1, "stroke-opacity": 0.45 };
        const dashes = button.classList.contains("dashed") ? { "stroke-dasharray": "7 4" } : {};
        element(plot, "path", { class: `s${place} line${rest}`, stroke: fill, ...look, ...dashes, d: path(line) });
        if (!steps) continue;
        for (const [cx, cy] of points.map((point) => this.at(point))) {
          element(plot, "circle", { class: `s${place} mark${rest}`, fill, cx, cy, r: 3 });
        }
      }
      this.svg.append(this.dot);
    }

    // Shows also the values above and below the chart.
    all() {
      const { x, y, allY } = this.data;
      if (allY[0] < y[0] || allY[1] > y[1]) this.show({ x, y: [Math.min(allY[0], y[0]), Math.max(allY[1], y[1])] });
    }

    // Returns the numbers of each visible strategy at this x, with their place on the screen.
    found(x) {
      const { steps, series } = this.data;
      const shown = series.filter(({ place }) => !hidden.has(place));
      const found = (place, values) => ({ place, values, pixels: this.at(values) });
      if (steps) return shown.flatMap(({ place, points }) => points.map((values) => found(place, values)));
      return shown.flatMap(({ place, points }) => {
        const after = points.findIndex((point) => point[0] >= x);
        if (after < 0 || (after === 0 && points[0][0] > x)) return [];
        const [from, to] = [points[Math.max(after - 1, 0)], points[after]];
        const share = to[0] > from[0] ? (x - from[0]) / (to[0] - from[0]) : 1;
        const between = (at) => (from[at] ?? from[1]) + share * ((to[at] ?? to[1]) - (from[at] ?? from[1]));
        return [found(place, [x, between(1), between(2), between(3)])];
      });
    }

    hover(event) {
      if (event.buttons) return this.leave();
      const [px, py] = this.pixels(event);
      const [left, right, top, bottom] = this.data.area;
      const inside = px >= left - 4 && px <= right + 4 && py >= top - 4 && py <= bottom + 4;
      let x = this.value([Math.min(Math.max(px, left), right), py])[0];
      // The number of trials is whole.
      if (this.data.labels[0] === "trials") {
        x = Math.min(Math.max(Math.round(x), Math.ceil(this.view.x[0])), Math.floor(this.view.x[1]));
      }
      const far = ({ pixels: [ax, ay] }) => Math.hypot(this.data.steps ? ax - px : 0, ay - py);
      const best = inside ? this.found(x).sort((a, b) => far(a) - far(b))[0] : undefined;
      if (!best || far(best) > NEAR) return this.leave();
      const [vx, vy, low, high] = best.values;
      const band = low < high ? `\n95 % band ${words(low)} – ${words(high)}` : "";
      const [labelX, labelY] = this.data.labels;
      tip.textContent = `${names.get(best.place)}\n${labelX} ${words(vx)}\n${labelY} ${words(vy)}${band}`;
      tip.hidden = false;
      tip.style.left = `${Math.max(Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8), 0)}px`;
      tip.style.top = `${Math.max(Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8), 0)}px`;
      const [cx, cy] = best.pixels;
      for (const [name, value] of [["cx", cx], ["cy", cy], ["display", "inline"]]) this.dot.setAttribute(name, value);
      point(best.place);
    }

    leave() {
      tip.hidden = true;
      this.dot.setAttribute("display", "none");
      point(null);
    }

    drag(event) {
      if (event.button !== 0 || event.pointerType === "touch") return;
      const [left, right, top, bottom] = this.data.area;
      const clamped = ([x, y]) => [Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
      const raw = this.pixels(event);
      const start = clamped(raw);
      if (Math.hypot(raw[0] - start[0], raw[1] - start[1]) > 8) return;
      const look = { fill: "#0b5394", "fill-opacity": 0.1, stroke: "#0b5394", width: 0, height: 0 };
      const box = element(this.svg, "rect", look);
      // A flat or narrow drag selects along one axis only.
      const selected = (event) => {
        const end = clamped(this.pixels(event));
        const [wide, high] = [Math.abs(end[0] - start[0]), Math.abs(end[1] - start[1])];
        const xs = wide < 10 ? [left, right] : [start[0], end[0]].sort((a, b) => a - b);
        const ys = high < 10 ? [top, bottom] : [start[1], end[1]].sort((a, b) => a - b);
        return wide < 10 && high < 10 ? null : [...xs, ...ys];
      };
      const move = (event) => {
        const [x, to, y, down] = selected(event) ?? [0, 0, 0, 0];
        const place = { x, y, width: to - x, height: down - y };
        for (const [name, value] of Object.entries(place)) box.setAttribute(name, value);
      };
      const stop = (event) => {
        box.remove();
        for (const [name, listener] of listeners) removeEventListener(name, listener);
        const area = event.type === "pointerup" ? selected(event) : null;
        if (area === null) return;
        const [low, high] = [this.value([area[0], area[3]]), this.value([area[1], area[2]])];
        this.show({ x: [low[0], high[0]], y: [low[1], high[1]] });
      };
      const listeners = [["pointermove", move], ["pointerup", stop], ["pointercancel", stop]];
      for (const [name, listener] of listeners) addEventListener(name, listener);
    }
  }

  for (const figure of document.querySelectorAll("figure")) {
    const data = figure.querySelector("script");
    if (!data) continue;
    const svg = figure.querySelector("svg");
    let made = null;
    // Parsed when it is first needed, because a report may have a hundred charts.
    const chart = () => made ??= new Chart(figure, JSON.parse(data.textContent));
    svg.addEventListener("mousemove", (event) => chart().hover(event));
    svg.addEventListener("mouseleave", () => chart().leave());
    svg.addEventListener("pointerdown", (event) => chart().drag(event));
    svg.addEventListener("dblclick", () => chart().back.hidden ? chart().all() : chart().show(chart().data));
  }

  // A click on a column's name sorts a table.
  for (const table of document.querySelectorAll("table:not(.matrix)")) {
    const body = table.tBodies[0];
    if (!table.tHead || body.rows.length < 3) continue;
    const value = (row, at) => {
      const text = row.cells[at].textContent.trim();
      const number = Number.parseFloat(text.replace(/^<\s*/, ""));
      return Number.isFinite(number) && !/^\d*[A-Za-z]/.test(text) ? number : text;
    };
    const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    for (const [at, header] of [...table.tHead.rows[0].cells].entries()) {
      header.tabIndex = 0;
      header.setAttribute("aria-sort", "none");
      const sort = () => {
        const up = header.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
        header.setAttribute("aria-sort", up ? "ascending" : "descending");
        body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(value(a, at), value(b, at))));
      };
      header.addEventListener("click", sort);
      header.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
    }
  }
})();
