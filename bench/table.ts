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
  /** The deployment's name. */
  readonly on: string;
  readonly figure: Figure;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

const indented = (text: string): string => (text === "" ? "" : `    ${text}\n`);

/** Columns aligned, what is beside a figure below it. */
export function table(lines: readonly Line[]): string {
  const rows = lines.map(({ shape, on, figure }) => [
    shape,
    on,
    figure.name,
    `${show(figure.value)} ${figure.unit}`,
    showBar(figure),
    verdict(figure),
  ]);
  return aligned(rows)
    .map((row, at) => `${row}\n${indented(lines[at]!.figure.beside)}`)
    .join("");
}

/** The deployments side by side: a row a figure, a column a deployment. */
export function sideBySide(lines: readonly Line[]): string {
  const columns = [...new Set(lines.map(({ on }) => on))];
  const rows = Map.groupBy(lines, ({ shape, figure }) => `${shape}: ${figure.name}, ${figure.unit}`);
  const cells = [...rows].map(([name, some]) => [
    name,
    ...columns.map((column) => {
      const line = some.find(({ on }) => on === column);
      if (line === undefined) return "";
      const said = [show(line.figure.value), showBar(line.figure), verdict(line.figure)];
      return said.filter(Boolean).join(" ");
    }),
  ]);
  return `${aligned([["", ...columns], ...cells]).join("\n")}\n`;
}
