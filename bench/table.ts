import type { Figure } from "./shape.ts";

export const isMet = ({ value, bar }: Figure): boolean | null => {
  if (bar === undefined) return null;
  return "most" in bar ? value <= bar.most : value >= bar.least;
};

export const show = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString("en") : value.toFixed(value < 10 ? 2 : 1);

const showBar = ({ bar }: Figure): string =>
  bar === undefined ? "" : "most" in bar ? `<= ${show(bar.most)}` : `>= ${show(bar.least)}`;

const verdict = (figure: Figure): string => {
  const met = isMet(figure);
  return met === null ? "" : met ? "met" : "NOT MET";
};

export interface Line {
  readonly shape: string;
  readonly figure: Figure;
}

/** Columns aligned, what is beside a figure below it. */
export function table(lines: readonly Line[]): string {
  const rows = lines.map(({ shape, figure }) => [
    shape,
    figure.name,
    `${show(figure.value)} ${figure.unit}`,
    showBar(figure),
    verdict(figure),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row, at) => {
      const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
      return `${cells.join("  ").trimEnd()}\n${" ".repeat(widths[0]! + 2)}${lines[at]!.figure.beside}\n`;
    })
    .join("");
}
