import fc from "fast-check";
import * as prom from "prom-client";
import { expect, test } from "vitest";
import { makeHistogram } from "./histogram.ts";
import { makeMetrics } from "./metrics.ts";
import {
  type CounterName,
  declared,
  type GaugeName,
  type HistogramName,
  type MetricName,
  metricTable,
} from "./table.ts";

const names = Object.keys(metricTable) as MetricName[];

function useAll() {
  const metrics = makeMetrics();
  for (const name of names) {
    const { type, label } = declared(name);
    if (type === "counter") metrics.counter(name as CounterName, label === undefined ? "" : "a").inc(2);
    if (type === "histogram") metrics.histogram(name as HistogramName).observe(0.003);
    if (type === "gauge") metrics.gauge(name as GaugeName, () => (label === undefined ? 5 : { a: 5 }));
  }
  return metrics;
}

test("what /metrics prints is what the table declares, and nothing else of ours", async () => {
  const { text } = await useAll().page();
  const printed = [...text.matchAll(/^# TYPE (carillon_\w+) (\w+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  expect(printed.sort()).toEqual(names.map((name) => `${name} ${declared(name).type}`).sort());
  for (const name of names) expect(text).toContain(`# HELP ${name} ${declared(name).help}\n`);
});

test.each(names)("%s is named and described as Prometheus asks", (name) => {
  const { type, help, buckets, label } = declared(name);
  expect(name).toMatch(/^carillon_[a-z_]+[a-z]$/);
  expect(name.endsWith("_total")).toBe(type === "counter");
  expect(help).toMatch(/^[A-Z0-9].+\.$/);
  expect(buckets !== undefined).toBe(type === "histogram");
  if (label !== undefined) expect(["user", "stream", "id", "topic", "session"]).not.toContain(label);
});

test("counters add up, and are the same for the same label", async () => {
  const metrics = makeMetrics();
  metrics.counter("carillon_refused_total", "too-large").inc();
  metrics.counter("carillon_refused_total", "too-large").inc(2);
  metrics.counter("carillon_refused_total", "not-allowed").inc();
  metrics.counter("carillon_stored_total").inc(100);
  const first = await metrics.page();
  const second = await metrics.page();
  for (const { text } of [first, second]) {
    expect(text).toContain('carillon_refused_total{reason="too-large"} 3');
    expect(text).toContain('carillon_refused_total{reason="not-allowed"} 1');
    expect(text).toContain("carillon_stored_total 100");
  }
});

test("process metrics and the event loop's lag come beside", async () => {
  const { text } = await makeMetrics().page();
  expect(text).toContain("process_resident_memory_bytes");
  expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
});

test("a histogram is what prom-client would have made of the same observations", async () => {
  const buckets = [...(declared("carillon_accept_push_seconds").buckets ?? [])];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), async (observed) => {
      const registry = new prom.Registry();
      const name = "carillon_accept_push_seconds";
      const theirs = new prom.Histogram({ name, help: declared(name).help, buckets, registers: [registry] });
      const ours = new prom.Registry();
      const { histogram, metric } = makeHistogram({ name, help: declared(name).help, buckets });
      ours.registerMetric(metric);
      for (const value of observed) {
        histogram.observe(value);
        theirs.observe(value);
      }
      expect(await ours.metrics()).toBe(await registry.metrics());
    }),
  );
});
