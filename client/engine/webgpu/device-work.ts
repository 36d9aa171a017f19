import type { StepRequest } from "../step/request.ts";
import type { DeviceResult } from "./device-result.ts";
import type { StandIn } from "./session-memory.ts";
import type { InputLayout } from "./wgsl/input-layout.ts";
import type { DeviceSettings } from "./wgsl/settings.ts";

/** What a session asks of its device, and what it gets. */

/** Settings that no batch decides. */
export interface SettingsOfWork extends Pick<
  DeviceSettings,
  | "learningRate"
  | "momentum"
  | "weightDecay"
  | "temperature"
  | "radius"
  | "stepLength"
  | "warpRadius"
  | "warpStep"
  | "secondMomentum"
  | "rootScale"
  | "regularisers"
> {
  /** Of the copies' mean loss. */
  readonly copyWeight: number;
}

export const NO_SETTINGS: SettingsOfWork = {
  learningRate: 0,
  momentum: 0,
  weightDecay: 0,
  temperature: 1,
  radius: 0,
  stepLength: 0,
  warpRadius: 0,
  warpStep: 0,
  secondMomentum: 0,
  rootScale: 0,
  regularisers: {},
  copyWeight: 0,
};

/** One call that changes the student, as the device needs it; can be run again. */
export interface Work {
  readonly request: StepRequest;
  readonly cropPadding: number;
  readonly settings: SettingsOfWork;
  /** What the universal perturbation is set to first. */
  readonly restart: Float32Array<ArrayBuffer> | undefined;
  /** What its field of displacements is set to first. */
  readonly field: Float32Array<ArrayBuffer> | undefined;
  /** What is added to its copies besides the perturbation. */
  readonly pattern: Float32Array<ArrayBuffer> | undefined;
  /** Packs the batch; the same words each time. */
  words(layout: InputLayout): Float32Array<ArrayBuffer>;
}

/** A question to the models as they are. */
export interface Question {
  readonly request: StepRequest;
  readonly cropPadding: number;
  words(layout: InputLayout): Float32Array<ArrayBuffer>;
  /** Another model in place of the program's. */
  readonly standIn?: { readonly name: StandIn; readonly values: Float32Array<ArrayBuffer> };
}

export interface Answer {
  /** `[N, classes]` */
  readonly logits: Float32Array;
  /** By the images, summed over them; where the program gives one. */
  readonly gradient: Float32Array | undefined;
  /** The running statistics that a program of mode `measure` leaves. */
  readonly statistics: Float32Array | undefined;
  readonly overflowed: boolean;
}

export interface DeviceReading {
  /** In device layout. */
  readonly student: Float32Array<ArrayBuffer>;
  readonly velocity: Float32Array<ArrayBuffer> | undefined;
  readonly perturbation: Float32Array<ArrayBuffer> | undefined;
  /** Of each entry of the ring. */
  readonly results: readonly DeviceResult[];
}
