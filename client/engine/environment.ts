/**
 * Path or URL of `tfjs-backend-wasm-simd.wasm`, or a map that may also offer the binary for browsers
 * without SIMD.
 */
export type WasmLocation =
  | string
  | {
      readonly "tfjs-backend-wasm-simd.wasm": string;
      readonly "tfjs-backend-wasm.wasm"?: string;
    };

/**
 * What an engine needs from where it runs. The participant is handed one, so that it knows neither
 * the DOM nor Node.
 */
export interface EngineEnvironment {
  /** Undefined: this place has no wasm binary to offer. */
  readonly wasm: WasmLocation | undefined;
  /**
   * WebGPU's entry point.
   *
   * @throws EngineError `backend-unavailable` saying why there is none.
   */
  gpu(): Promise<GPU>;
}
