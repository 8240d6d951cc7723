/** The reference pages that are made from tables in the code: options and metrics. */
import { fileName, flag, optionNames, optionOf, variable } from "../src/config/options.ts";
import { declared, type MetricName, metricTable } from "../src/telemetry/table.ts";
import { generated, table } from "./markdown.ts";

export function optionsPage(): string {
  const sections = Map.groupBy(optionNames, (name) => optionOf(name).section);
  const parts = [...sections].map(([section, names]) => {
    const rows = names.map((name) => {
      const { kind, default: fallback, doc, secret } = optionOf(name);
      const usual = kind.show(fallback);
      const said = secret ? [`\`${variable(name)}\``] : [`\`${flag(name)}\``, `\`${variable(name)}\``];
      return [
        [`\`${fileName(name)}\``, ...said].join("<br>"),
        usual === "" ? "" : `\`${usual}\``,
        kind.bounds ?? kind.what,
        doc,
      ];
    });
    return `## ${section}\n\n${table(["option", "default", "bounds", ""], rows)}`;
  });
  return `${[
    "# Options",
    generated,
    "Each option of `carillon serve` is a name in the file, a flag and an environment variable; flags win over\n" +
      "variables, those over the file, the file over defaults. The file is JSON: the one that `--config` or\n" +
      "`CARILLON_CONFIG` names, else `carillon.json` in the data directory. Paths in a file are meant from its own\n" +
      "directory. Durations are written `250ms`, `10s`, `5m`, `1h`, `7d`; sizes `512B`, `64KB`, `1MB` (a KB is 1,024\n" +
      "bytes). `carillon config` shows what is in effect and where it comes from.",
    ...parts,
  ].join("\n\n")}\n`;
}

export function metricsPage(): string {
  const names = Object.keys(metricTable) as MetricName[];
  const rows = names.map((name) => {
    const { type, label, help, buckets } = declared(name);
    const more = buckets === undefined ? "" : ` Buckets: ${buckets.join(", ")}.`;
    return [`\`${name}\``, label === undefined ? type : `${type}, by \`${label}\``, `${help}${more}`];
  });
  return `${[
    "# Metrics",
    generated,
    "On the operations listener, `/metrics`, in the Prometheus text format. Process and runtime metrics (`process_...`,\n" +
      "`nodejs_...`, the event loop's lag among them) come beside these.",
    table(["metric", "type", ""], rows),
  ].join("\n\n")}\n`;
}
