addEventListener("load", () => setTimeout(async () => {
  const all = (selector, parent = document) => [...parent.querySelectorAll(selector)];
  const shown = (selector) => { const found = all(selector); return found.length > 0 && found.every((one) => getComputedStyle(one).display !== "none"); };
  const soon = (then) => new Promise((done) => setTimeout(() => done(then()), 50));
  const buttons = all("#legend button");
  const found = { ...watched, title: document.title, strategies: buttons.length, charts: all("figure").length };

  // Every picture has a size and shapes, every chart has a line for each of its strategies, and no number is missing.
  const figures = all("figure");
  found.undrawn = figures.filter((figure) => {
    const svg = figure.querySelector("svg");
    const box = svg.getBoundingClientRect();
    return box.width < 200 || box.height < 60 || all("path, line", svg).length < 3;
  }).map((figure) => figure.id);
  const charts = figures.filter((figure) => figure.querySelector("script"));
  found.empty = charts.filter((figure) => {
    const lines = all(".line", figure);
    const series = JSON.parse(figure.querySelector("script").textContent).series;
    return lines.length !== series.length || lines.some((line) => line.getTotalLength() < 1 || /NaN|Infinity/.test(line.getAttribute("d")));
  }).map((figure) => figure.id);

  buttons[0].click();
  found.hides = !shown("svg .s0.line") && shown("svg .s1.line") && buttons[0].getAttribute("aria-pressed") === "false";
  buttons[0].click();
  found.shows = shown("svg .s0.line") && buttons[0].getAttribute("aria-pressed") === "true";
  buttons[1].dispatchEvent(new MouseEvent("click", { shiftKey: true }));
  found.isolates = shown("svg .s1.line") && !shown("svg .s0.line") && !shown("svg .s2.line");
  document.getElementById("all").click();
  found["shows all"] = buttons.every((button) => shown(`svg .s${button.dataset.place}`));

  // Moves the pointer to the middle of the first strategy's line in the first chart.
  const figure = charts.find((figure) => figure.id.endsWith("-value"));
  const svg = figure.querySelector("svg");
  svg.scrollIntoView();
  const line = svg.querySelector(".line:not(.rest)");
  const middle = line.getPointAtLength(line.getTotalLength() / 2);
  const screen = ({ x, y }) => {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    return { clientX: box.left + x * scale, clientY: box.top + y * scale, bubbles: true, button: 0, pointerType: "mouse" };
  };
  svg.dispatchEvent(new MouseEvent("mousemove", screen(middle)));
  const tip = document.getElementById("tip");
  found.points = !tip.hidden && /\ntrials \d+\n/.test(tip.textContent) && buttons.some((button) => tip.textContent.startsWith(button.title));
  svg.dispatchEvent(new MouseEvent("mouseleave"));
  found.points &&= tip.hidden;

  const { area, x } = JSON.parse(figure.querySelector("script").textContent);
  const [from, to] = [{ x: area[1] - 100, y: area[2] + 5 }, { x: area[1] - 20, y: area[2] + 90 }];
  svg.dispatchEvent(new PointerEvent("pointerdown", screen(from)));
  svg.dispatchEvent(new PointerEvent("pointermove", screen(to)));
  svg.dispatchEvent(new PointerEvent("pointerup", screen(to)));
  const part = svg.querySelector(".part");
  const marks = part ? all(":scope > text", part).map((text) => Number(text.textContent)).filter((value) => value > 0) : [];
  found.zooms = !!part && !shown(`#${figure.id} .whole`) && all(".line", part).length === all(".whole .line", svg).length
    && !/NaN|Infinity/.test(part.innerHTML) && marks.length > 3 && marks.some((mark) => mark > x[0] && mark < x[1]);
  svg.dispatchEvent(new MouseEvent("dblclick", screen(from)));
  found["whole again"] = !svg.querySelector(".part") && shown(`#${figure.id} .whole`);

  const table = all("table:not(.matrix)").find((table) => table.tHead?.rows[0].cells[2].textContent === "IQM");
  const column = (at) => [...table.tBodies[0].rows].map((row) => row.cells[at].textContent);
  table.tHead.rows[0].cells[2].click();
  const numbers = column(2).map(Number);
  table.tHead.rows[0].cells[0].click();
  const names = column(0);
  found.sorts = numbers.every((value, at) => at === 0 || value >= numbers[at - 1])
    && names.every((name, at) => at === 0 || name.localeCompare(names[at - 1]) >= 0);

  document.getElementById("fold").click();
  found.folds = all("section > details").every((section) => !section.open);
  document.querySelector("#contents a:nth-child(3)").click();
  found["link opens"] = await soon(() => document.querySelector("#section3 > details").open);
  document.getElementById("fold").click();
  document.getElementById("fold").click();
  found["fits the window"] = document.documentElement.scrollWidth <= innerWidth;

  found.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  const pre = document.body.appendChild(document.createElement("pre"));
  pre.id = "found";
  pre.textContent = JSON.stringify(found);
}, 100));
