"use strict";

// Charts in the colours of the theme, and the segment that the reader picks. Theme and segment stand
// in the address, and links between the pages carry them on.
const root = document.documentElement;
const specifications = JSON.parse(document.getElementById("specifications").textContent);
const formats = JSON.parse(document.getElementById("formats").textContent);
const views = new Map();
const address = new URL(window.location.href);
const picker = document.getElementById("segment");

// Colours are properties of the style sheet, so that another theme, or paper, needs no new drawing.
function chartStyle() {
  const [ink, quiet, line] = ["var(--ink)", "var(--quiet)", "var(--line)"];
  const text = { labelColor: quiet, titleColor: quiet, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  return {
    background: "transparent", font: getComputedStyle(document.body).fontFamily,
    view: { stroke: "transparent" },
    // The chart's element has the role of an image and a label; its parts need none.
    axis: { aria: false, gridColor: line, domainColor: line, tickColor: line, labelLimit: 240, ...text },
    mark: { aria: false }, text: { color: ink }, tick: { color: ink }, rule: { color: ink },
    style: { quiet: { fill: quiet } },
  };
}

async function draw() {
  const options = {
    actions: false, renderer: "svg", config: chartStyle(),
    formatLocale: formats.number, timeFormatLocale: formats.time,
  };
  for (const [name, specification] of Object.entries(specifications)) {
    views.set(name, (await vegaEmbed(`#chart-${name}`, specification, options)).view);
  }
  await pick(address.searchParams.get("segment") ?? "");
  root.dataset.drawn = "true";
}

async function pick(value) {
  const option = picker && [...picker.options].find((found) => found.value === value);
  if (!option) return;
  picker.value = value;
  const segment = value === "" ? null : Number(value);
  for (const part of document.querySelectorAll("[data-segment]")) {
    part.classList.toggle("faded", segment !== null && Number(part.dataset.segment) !== segment);
  }
  for (const words of document.querySelectorAll(".picked")) {
    words.textContent = segment === null ? "" : ` · shown in colour: ${option.textContent}`;
  }
  for (const [name, specification] of Object.entries(specifications)) {
    // Charts without segments have no signal of that name.
    if (hasSegments(specification)) await views.get(name).signal("segment", segment).runAsync();
  }
}

function hasSegments(specification) {
  return (specification.params ?? []).some((param) => param.name === "segment");
}

function remember(name, value) {
  if (value === "") address.searchParams.delete(name);
  else address.searchParams.set(name, value);
  window.history.replaceState(null, "", address);
  carryOn();
}

// Links to the pages of the report.
function carryOn() {
  for (const link of document.querySelectorAll("a[href]")) {
    const file = link.getAttribute("href").split("?")[0];
    if (/^(index|exploration|choice|maintenance|card|method)\.html$/.test(file)) {
      link.setAttribute("href", file + address.search);
    }
  }
}

picker?.addEventListener("change", async () => {
  remember("segment", picker.value);
  await pick(picker.value);
});

// A chart that was hidden has had no width.
const redraw = () => window.dispatchEvent(new Event("resize"));
for (const group of document.querySelectorAll("details.group")) {
  group.addEventListener("toggle", redraw);
}
for (const options of document.querySelectorAll("select.options")) {
  options.addEventListener("change", () => {
    for (const figure of options.closest(".choice").querySelectorAll("figure")) {
      figure.hidden = figure.id !== options.value;
    }
    redraw();
  });
}

const isDark = window.matchMedia("(prefers-color-scheme: dark)");
function dress(theme) {
  if (["dark", "light"].includes(theme)) root.dataset.theme = theme;
}
document.getElementById("theme").addEventListener("click", () => {
  const now = root.dataset.theme ?? (isDark.matches ? "dark" : "light");
  dress(now === "dark" ? "light" : "dark");
  remember("theme", root.dataset.theme);
});

dress(address.searchParams.get("theme"));
carryOn();
draw();
