"use strict";

// Numbers, dates and charts in the reader's language, colours of the theme, and the segment filter.
const language = navigator.language || "en";
const specifications = JSON.parse(document.getElementById("specifications").textContent);
const views = new Map();
const filtered = new Set(
  Object.keys(specifications).filter((name) => hasSegments(specifications[name])),
);
let segment = null;

function hasSegments(specification) {
  return (specification.params ?? []).some((param) => param.name === "segment");
}

const currency = document.documentElement.dataset.currency + "\u00a0";

function formatted(value, kind) {
  const number = Number(value);
  switch (kind) {
    case "integer":
      return number.toLocaleString(language, { maximumFractionDigits: 0 });
    case "share":
      return number.toLocaleString(language, {
        style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
      });
    case "money": {
      const digits = Math.abs(number) < 1000 ? 2 : 0;
      return currency + number.toLocaleString(language, {
        minimumFractionDigits: digits, maximumFractionDigits: digits,
      });
    }
    case "date":
      return new Date(value + "T00:00:00").toLocaleDateString(language, { dateStyle: "long" });
    case "month":
      return new Date(value + "T00:00:00").toLocaleDateString(language, {
        year: "numeric", month: "long",
      });
    default:
      return number.toLocaleString(language, { maximumFractionDigits: 2 });
  }
}

for (const element of document.querySelectorAll("[data-kind]")) {
  const value = element.getAttribute("value") ?? element.getAttribute("datetime");
  element.textContent = formatted(value, element.dataset.kind);
}

function numberLocale() {
  const parts = new Intl.NumberFormat(language, { useGrouping: "always" }).formatToParts(-1234567.8);
  const part = (type, otherwise) => parts.find((found) => found.type === type)?.value ?? otherwise;
  return {
    decimal: part("decimal", "."), thousands: part("group", ","), grouping: [3],
    currency: [currency, ""],
  };
}

function timeLocale() {
  const day = (n, weekday) => new Date(2023, 0, 1 + n).toLocaleDateString(language, { weekday });
  const month = (n, style) => new Date(2023, n, 1).toLocaleDateString(language, { month: style });
  const seven = [0, 1, 2, 3, 4, 5, 6];
  const twelve = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  return {
    dateTime: "%x, %X", date: "%Y-%m-%d", time: "%H:%M:%S", periods: ["AM", "PM"],
    days: seven.map((n) => day(n, "long")), shortDays: seven.map((n) => day(n, "short")),
    months: twelve.map((n) => month(n, "long")),
    shortMonths: twelve.map((n) => month(n, "short").replace(".", "")),
  };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function chartStyle() {
  const [ink, quiet, line] = ["--ink", "--quiet", "--line"].map(colour);
  const font = getComputedStyle(document.body).fontFamily;
  return {
    background: "transparent", font, view: { stroke: "transparent" },
    // The chart's element has the role of an image and a label; its parts need none.
    axis: {
      aria: false, labelColor: quiet, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal",
    },
    legend: { aria: false, labelColor: ink, titleColor: quiet, labelFontSize: 12, titleFontSize: 12, symbolStrokeWidth: 2 },
    mark: { aria: false }, text: { color: ink },
  };
}

async function draw() {
  const options = {
    actions: false, renderer: "svg", config: chartStyle(),
    formatLocale: numberLocale(), timeFormatLocale: timeLocale(),
  };
  for (const [name, specification] of Object.entries(specifications)) {
    const found = await vegaEmbed(`#chart-${name}`, specification, options);
    views.get(name)?.finalize();
    views.set(name, found.view);
    await show(name);
  }
  document.documentElement.dataset.drawn = "true";
}

// Charts without segments have no signal of that name.
async function show(name) {
  if (filtered.has(name)) await views.get(name).signal("segment", segment).runAsync();
}

document.getElementById("segment")?.addEventListener("change", async (event) => {
  segment = event.target.value === "" ? null : Number(event.target.value);
  for (const card of document.querySelectorAll("[data-segment]")) {
    card.hidden = segment !== null && Number(card.dataset.segment) !== segment;
  }
  for (const name of views.keys()) await show(name);
});

// A chart in a group that was closed has had no width.
for (const group of document.querySelectorAll("details.group")) {
  group.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")));
}

const isDark = window.matchMedia("(prefers-color-scheme: dark)");
document.getElementById("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? (isDark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  draw();
});
isDark.addEventListener("change", draw);

draw();
