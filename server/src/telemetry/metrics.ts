/**
 * Metrics as the roles see them: plain numbers that they add to. prom-client reads those when it is asked for
 * the page; counting costs an addition, whether anybody scrapes or not.
 */
import * as prom from "prom-client";
import { type Histogram, makeHistogram } from "./histogram.ts";
import {
  type CounterName,
  declared,
  type GaugeName,
  type HistogramName,
  type MetricName,
  metricTable,
} from "./table.ts";

export interface Counter {
  inc(count?: number): void;
}

export interface Metrics {
  /** The counter, or the one behind this value of its label. The same object for the same arguments. */
  counter(name: CounterName, label?: string): Counter;
  histogram(name: HistogramName): Histogram;
  /** Gauges are read when asked for: a number, or one for each value of the label. */
  gauge(name: GaugeName, read: () => number | Readonly<Record<string, number>>): void;
  /** The page in the Prometheus text format. */
  page(): Promise<{ readonly contentType: string; readonly text: string }>;
}

interface Cell extends Counter {
  value: number;
}

const makeCell = (): Cell => ({
  value: 0,
  inc(count = 1) {
    this.value += count;
  },
});

export function makeMetrics(): Metrics {
  const registry = new prom.Registry();
  const cells = new Map<CounterName, Map<string, Cell>>();
  const histograms = new Map<HistogramName, Histogram>();
  prom.collectDefaultMetrics({ register: registry });

  const describe = (name: MetricName) => {
    const { help, label } = declared(name);
    return { name, help, labelNames: label === undefined ? [] : [label], registers: [registry] };
  };
  const labels = (name: MetricName, value: string): Record<string, string> => {
    const { label } = declared(name);
    return label === undefined ? {} : { [label]: value };
  };

  function declareCounter(name: CounterName): void {
    const family = new Map<string, Cell>();
    new prom.Counter({
      ...describe(name),
      collect() {
        this.reset();
        for (const [label, cell] of family) this.inc(labels(name, label), cell.value);
      },
    });
    if (declared(name).label === undefined) family.set("", makeCell());
    cells.set(name, family);
  }

  function declareHistogram(name: HistogramName): void {
    const { help, buckets = [] } = declared(name);
    const { histogram, metric } = makeHistogram({ name, help, buckets });
    registry.registerMetric(metric);
    histograms.set(name, histogram);
  }

  // All of them from the start: a counter that isn't there yet looks like one that was never counted.
  for (const name of Object.keys(metricTable) as MetricName[]) {
    if (isCounter(name)) declareCounter(name);
    else if (isHistogram(name)) declareHistogram(name);
  }

  return {
    counter(name, label = "") {
      const family = cells.get(name)!;
      const known = family.get(label);
      if (known !== undefined) return known;
      const cell = makeCell();
      family.set(label, cell);
      return cell;
    },

    histogram: (name) => histograms.get(name)!,

    gauge(name, read) {
      new prom.Gauge({
        ...describe(name),
        collect() {
          const now = read();
          this.reset();
          if (typeof now === "number") this.set(now);
          else for (const [label, value] of Object.entries(now)) this.set(labels(name, label), value);
        },
      });
    },

    async page() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

const isCounter = (name: MetricName): name is CounterName => declared(name).type === "counter";
const isHistogram = (name: MetricName): name is HistogramName => declared(name).type === "histogram";
