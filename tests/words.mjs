// The words of explorers, as JSON: every text, accessible name, hint and legend that the page shows at a run, in order.
// From stdin comes a list of {title, controls, defaults, run}, `run` in base64; of each the words of the page and those
// of each panel are told.

import { readFileSync } from "node:fs";
import { Page } from "./js/page.mjs";

const NAMED = ["aria-label", "title", "role"];

// A line for each element that holds words of its own or a name.
function lines(element, inside) {
  return element.all
    .filter((one) => inside.includes(one))
    .flatMap((one) => {
      const own = one.children
        .filter((child) => typeof child === "string")
        .join("")
        .trim();
      const names = NAMED.map((name) => [name, one.attributes[name] ?? one[name]])
        .filter(([, words]) => words)
        .map((pair) => pair.join(": "));
      const colours =
        one.tag === "li"
          ? [
              one.children
                .slice(0, -1)
                .map(({ attributes }) => attributes.style.match(/--explorer-([\w-]+)/)[1])
                .join(", "),
            ]
          : [];
      return own || names.length ? [[one.tag, own, ...colours, ...names].filter(Boolean).join(" | ")] : [];
    });
}

// A panel's own lines and what is written on its canvases, numbers left out.
function panelWords(figure) {
  const written = figure.all
    .filter(({ pen }) => pen)
    .flatMap(({ pen }) => pen.drawn)
    .filter(({ op }) => op === "words")
    .map(({ words }) => words.trim());
  const axes = [...new Set(written.filter((words) => words && !/^(([−\d.]+·)?10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+|[−\d.]+)$/.test(words)))];
  return [...lines(figure, figure.all), ...axes.map((words) => `written | ${words}`)];
}

const shown = JSON.parse(readFileSync(0)).map(({ run, ...state }) => {
  const page = new Page(new DataView(Uint8Array.from(Buffer.from(run, "base64")).buffer), { cursor: 1, ...state });
  const figures = page.body.all.filter(({ tag }) => tag === "figure");
  const inside = new Set(figures.flatMap(({ all }) => all));
  const told = page.body.all.filter((one) => !inside.has(one) && one.tag !== "output" && one.tag !== "option");
  const menus = page.body.all
    .filter(({ tag, dataset }) => tag === "select" && dataset.control)
    .map(
      ({ dataset, children }) =>
        `menu | ${dataset.control}: ${children.map(({ textContent }) => textContent).join(", ")}`,
    );
  // A control's name is that of its label.
  const unnamed = page.body.all.filter(
    ({ tag, id, attributes }) =>
      ["input", "select"].includes(tag) &&
      !attributes["aria-label"] &&
      !page.find((label) => label.tag === "label" && label.attributes.for === id && label.textContent.trim()),
  );
  const words = [
    ...lines(page.body, told),
    ...menus,
    ...unnamed.map(({ dataset }) => `without a name | ${dataset.control}`),
  ];
  page.dispose();
  return { words, panels: figures.map(panelWords) };
});
console.log(JSON.stringify(shown));
