"use strict";
(() => {
  const shown = new Map();
  const buttons = [...document.querySelectorAll("#legend button")];
  const style = document.head.appendChild(document.createElement("style"));
  const tip = document.getElementById("tip");
  let focus = null;

  // One style sheet hides and dims in all charts at once, however many elements they have.
  const update = () => {
    const rules = [];
    for (const button of buttons) {
      const place = Number(button.dataset.place);
      const on = shown.get(place) !== false;
      button.setAttribute("aria-pressed", String(on));
      if (!on) rules.push(`svg .s${place} { display: none; }`);
      else if (focus !== null && focus !== place) rules.push(`svg .s${place} { stroke-opacity: .2; }`);
    }
    style.textContent = rules.join("\n");
  };

  for (const button of buttons) {
    const place = Number(button.dataset.place);
    button.addEventListener("click", () => { shown.set(place, shown.get(place) === false); update(); });
    button.addEventListener("dblclick", () => {
      const alone = buttons.every((other) => (shown.get(Number(other.dataset.place)) !== false) === (other === button));
      for (const other of buttons) shown.set(Number(other.dataset.place), alone || other === button);
      update();
    });
    button.addEventListener("mouseenter", () => { focus = place; update(); });
    button.addEventListener("mouseleave", () => { focus = null; update(); });
  }

  const words = (value) => Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(Number(value.toPrecision(5)));

  for (const figure of document.querySelectorAll("figure")) {
    const svg = figure.querySelector("svg");
    const data = figure.querySelector("script");
    let chart = null;
    const leave = () => { tip.hidden = true; if (focus !== null) { focus = null; update(); } };
    svg.addEventListener("mouseleave", leave);
    svg.addEventListener("mousemove", (event) => {
      // Read when it is first needed: a report may have a hundred charts.
      chart ??= JSON.parse(data.textContent) ?? { series: [] };
      if (chart.series.length === 0) return;
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const [left, right, top, bottom] = chart.area;
      const part = (value, [low, high], log) => log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
      let best = null;
      for (const series of chart.series) {
        if (shown.get(series.place) === false) continue;
        for (const point of series.points) {
          const dx = left + part(point[0], chart.x, chart.logX) * (right - left) - x;
          const dy = bottom - part(point[1], chart.y, chart.logY) * (bottom - top) - y;
          const distance = dx * dx + dy * dy;
          if (best === null || distance < best.distance) best = { distance, series, point };
        }
      }
      if (best === null || best.distance > 3600) { leave(); return; }
      const [px, py, low, high] = best.point;
      const band = low < high ? `\n95 % band ${words(low)} – ${words(high)}` : "";
      tip.textContent = `${best.series.name}\n${chart.labels[0]} ${words(px)}\n${chart.labels[1]} ${words(py)}${band}`;
      tip.hidden = false;
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
      tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
      if (focus !== best.series.place) { focus = best.series.place; update(); }
    });
  }
})();
