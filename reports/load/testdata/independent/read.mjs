// Reads load.json and load.hlog from the folder that is named, and prints what it makes of the distributions as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import hdr from "hdr-histogram-js";

const folder = process.argv[2];
const figures = (h) => ({
  count: h.totalCount,
  percentiles_ms: [50, 90, 95, 99, 99.9].map((p) => h.getValueAtPercentile(p) / 1e6),
  // Its maxValue grows by half a microsecond with every merge; the percentile does not.
  max_ms: h.getValueAtPercentile(100) / 1e6,
});

const out = {};
const { latency } = JSON.parse(readFileSync(join(folder, "load.json"), "utf8")).result;
for (const [view, l] of Object.entries(latency)) {
  out[view] = { report: figures(hdr.decodeFromCompressedBase64(l.histogram)), log: undefined, intervals: 0 };
}
const merged = {};
const log = new hdr.HistogramLogReader(readFileSync(join(folder, "load.hlog"), "utf8"));
for (let h = log.nextIntervalHistogram(); h; h = log.nextIntervalHistogram()) {
  merged[h.tag] ??= hdr.build({ lowestDiscernibleValue: 1000, highestTrackableValue: 3600e9, numberOfSignificantValueDigits: 3 });
  merged[h.tag].add(h);
  out[h.tag].intervals++;
}
for (const [view, h] of Object.entries(merged)) {
  out[view].log = figures(h);
}
console.log(JSON.stringify(out));
