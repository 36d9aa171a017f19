import type { Engine } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { measureSteps } from "./measure-engine.ts";
import type { PrecisionChoice, PrecisionTrial } from "./precision.ts";
import {
  openWebgpuEngine,
  type WebgpuEngine,
  type WebgpuEngineOptions,
} from "../webgpu/webgpu-engine.ts";
import { gateProblem, type GateProblem } from "./gate-problem.ts";

/**
 * Relative L2 difference that halves may bring into a gradient. Rounding what is stored brings 10⁻³.
 * It also turns over the rectifiers that are within it of their threshold, some 10⁻⁴ of each
 * layer's, and each of those makes a term wrong by all of itself: √(17 layers · 10⁻⁴) or 4 % of
 * ResNet-18's gradient; 5 % is measured. Twice that passes. A fault (gradients lost below the least
 * half, a driver that converts wrongly) goes beyond it at once.
 */
const GRADIENT_TOLERANCE = 0.1;

/** How much faster halves must be. */
const WORTHWHILE = 1.05;

const SETTINGS = { learningRate: 0, momentum: 0, weightDecay: 0, temperature: 2 };
const ROUNDS = 2;
const MEASURE_MS = 300;

/**
 * Opens the WebGPU engine with activations stored as asked for. `auto` computes one step both ways on
 * real hardware and takes halves only if they pass; it never tries on an adapter in software, where
 * converting costs more than memory does.
 *
 * @param onTrial told what came of trying
 * @throws EngineError `backend-unavailable`, as `openWebgpuEngine` does.
 *
 * @example
 * const options = { software: false };
 * const engine = await openWithPrecision(navigator.gpu, options, "auto", console.log);
 */
export async function openWithPrecision(
  gpu: GPU,
  options: Omit<WebgpuEngineOptions, "precision">,
  choice: PrecisionChoice,
  onTrial: ((trial: PrecisionTrial) => void) | undefined,
): Promise<WebgpuEngine> {
  if (choice !== "auto") return openWebgpuEngine(gpu, { ...options, precision: choice });
  const single = await openWebgpuEngine(gpu, { ...options, precision: "f32" });
  if (single.software) return single;
  const half = await openWebgpuEngine(gpu, { ...options, precision: "f16" });
  const trial = await tryHalves(single, half, gateProblem(), MEASURE_MS);
  onTrial?.(trial);
  const [taken, other] = trial.chosen === "f16" ? [half, single] : [single, half];
  await other.close();
  return taken;
}

/** Compares an engine that stores halves with one that stores float32, in gradient and in speed. */
export async function tryHalves(
  single: Engine,
  half: Engine,
  problem: GateProblem,
  milliseconds: number,
): Promise<PrecisionTrial> {
  const { student, batch } = problem;
  const sessions = { f32: single.openSession(problem), f16: half.openSession(problem) };
  const speeds = { f32: 0, f16: 0 };
  try {
    sessions.f32.load(student);
    sessions.f16.load(student);
    const expected = await sessions.f32.gradient(batch, SETTINGS);
    const given = await sessions.f16.gradient(batch, SETTINGS);
    // In turn, so that whatever slows the device meets both.
    for (let round = 0; round < ROUNDS; round++) {
      for (const precision of ["f32", "f16"] as const) {
        const speed = await measureSteps(sessions[precision], batch, SETTINGS, milliseconds);
        speeds[precision] = Math.max(speeds[precision], speed);
      }
    }
    return judge(relativeDifference(given.gradient, expected.gradient), speeds.f16 / speeds.f32);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "device-failed") throw error;
    return { chosen: "f32", refusal: error.message };
  } finally {
    sessions.f32.close();
    sessions.f16.close();
  }
}

/** Whether halves are near enough and fast enough; what is not a number is neither. */
export function judge(gradientError: number, speedup: number): PrecisionTrial {
  const passes = gradientError <= GRADIENT_TOLERANCE && speedup >= WORTHWHILE;
  return { chosen: passes ? "f16" : "f32", gradientError, speedup };
}

function relativeDifference(given: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let norm = 0;
  expected.forEach((value, i) => {
    difference += (given[i]! - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}
