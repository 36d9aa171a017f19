/** As Hugging Face calls the parts of a model: `model-00001-of-00002.safetensors`. */
const PART = /-\d{5}-of-(\d{5})\.\w+$/;

/** Of how many parts a file is one, by its name; 1 for a whole model. */
export function partsOfModel(name: string): number {
  return Number(PART.exec(name)?.[1] ?? 1);
}

/** Whether a file is one of several parts of a model. */
export function isPart(name: string): boolean {
  return partsOfModel(name) > 1;
}
