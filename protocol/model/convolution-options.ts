/** What a drawn convolution has besides its weight. */
export interface ConvolutionOptions {
  /** Channels out, where the tensor does not say. */
  readonly out?: number;
  /** Side of the kernel; as the tensor says, when left out. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Half the kernel when left out; `same` as TensorFlow has it, more below and to the right. */
  readonly padding?: number | "same";
  /** `told`: by the tensor's second extent. */
  readonly groups?: "depthwise" | "told";
  readonly bias?: boolean;
}
