import { expect, it } from "vitest";

/** What the worker below does with a file, one after another. */
type Told = { readonly left: number[]; readonly read: number[]; readonly afterwards: string[] };

it("keeps images in a file of the origin's, and removes it and what a closed tab has left", async () => {
  const worker = new Worker(new URL("./image-file-worker.ts", import.meta.url), { type: "module" });
  const told = await new Promise<Told>((resolve, reject) => {
    worker.addEventListener("message", ({ data }: MessageEvent<Told>) => resolve(data));
    worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  });
  worker.terminate();
  expect(told.read).toEqual([4, 5, 6, 1, 2]);
  // One of before the last minute is gone while the file is open, one just made is not.
  expect(told.left).toEqual([0, 1]);
  expect(told.afterwards).toHaveLength(1);
});
