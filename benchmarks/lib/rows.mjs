import { target, workloads } from "../workloads.mjs";
import { stepFlops } from "./flops.mjs";
import { spread } from "./statistics.mjs";

/**
 * What was measured of one setting in one workload. `error` where it could not compute; `note` where it was given fewer
 * rounds.
 *
 * @typedef {object} Measured
 * @property {import("./sides.mjs").Setting} setting
 * @property {number[]} times ms, one a round
 * @property {number[]} cpu processor ms of all threads, one a round
 * @property {number} [startMB] resident before the first step: what the runtime itself takes, with parameters and views
 * @property {number} [peakMB]
 * @property {string} [error]
 * @property {string} [note]
 */

/**
 * One row of the table. In float32 the peer is eager PyTorch, and `fastest` says what its fastest float32 setting
 * takes; in bfloat16 the peer is the fastest of its settings.
 *
 * @param {string} workload
 * @param {string} precision
 * @param {readonly Measured[]} measured the settings of this precision
 * @param {number} peakGflops the fastest matrix product seen beside this workload, in this precision, on either side
 */
export function makeRow(workload, precision, measured, peakGflops) {
  const ours = measured.find(({ setting }) => setting.by === "ours");
  const peers = measured.filter(({ setting, times }) => setting.by === "torch" && times.length > 0);
  const eager = peers.find(({ setting }) => !setting.compiled);
  const fastest = [...peers].sort((a, b) => spread(a.times).median - spread(b.times).median)[0];
  const peer = precision === "float32" ? eager : fastest;
  if (ours === undefined || peer === undefined) {
    const errors = measured.flatMap(({ error }) => error ?? []).join("\n");
    throw new Error(`${workload}, ${precision}: expected both sides to compute a step, got\n${errors}`);
  }
  const [own, other, best] = [ours, peer, fastest].map(({ times }) => spread(times));
  const gflop = stepFlops(workloads[workload]) / 1e9;
  return {
    workload,
    precision,
    ours: round(own.median),
    peer: round(other.median),
    peerName: peer.setting.name,
    ratio: round(other.median / own.median, 3),
    oursPeakMB: round(ours.peakMB),
    peerPeakMB: round(peer.peakMB),
    gemmShare: round(gflop / (own.median / 1e3) / peakGflops, 3),
    target: target(workloads[workload], precision),
    rounds: ours.times.length,
    oursSpread: rounded(own),
    peerSpread: rounded(other),
    ratioSpread: rounded(spread(pairedRatios(ours.times, peer.times)), 3),
    oursStartMB: round(ours.startMB),
    peerStartMB: round(peer.startMB),
    oursCpu: round(spread(ours.cpu).median),
    peerCpu: round(spread(peer.cpu).median),
    fastest: {
      name: fastest.setting.name,
      time: round(best.median),
      ratio: round(best.median / own.median, 3),
    },
    gflop: round(gflop),
    peakGflops: round(peakGflops),
    settings: measured.map(describe),
    measuredAt: new Date().toISOString(),
  };
}

/** @typedef {ReturnType<typeof makeRow>} Row */

/** Peer over ours of each round that both took part in. */
export function pairedRatios(ours, peer) {
  return Array.from({ length: Math.min(ours.length, peer.length) }, (_, i) => peer[i] / ours[i]);
}

/** True where every time is above every time of the fastest: more rounds would not change which is faster. */
export function isClearlySlower(times, fastest) {
  return Math.min(...times) > Math.max(...fastest);
}

/** @param {Measured} measured */
function describe({ setting, times, cpu, startMB, peakMB, error, note }) {
  const { name } = setting;
  if (times.length === 0) return { name, error };
  return {
    name,
    rounds: times.length,
    time: rounded(spread(times)),
    cpu: round(spread(cpu).median),
    startMB: round(startMB),
    peakMB: round(peakMB),
    ...(error !== undefined && { error }),
    ...(note !== undefined && { note }),
  };
}

/**
 * @template {Record<string, number>} T
 * @param {T} numbers
 * @returns {T}
 */
function rounded(numbers, digits = 1) {
  const entries = Object.entries(numbers).map(([name, value]) => [name, round(value, digits)]);
  return Object.fromEntries(entries);
}

function round(value, digits = 1) {
  return Number(value.toFixed(digits));
}
