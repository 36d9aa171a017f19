import { useSignal } from "@preact/signals";
import { filesOfDirectory, pickedFiles, type PickedFile } from "../../images/load-browser.ts";
import { reasonText } from "../../images/skipped.ts";
import { counted } from "../../text/numbers-text.ts";
import type { Contribution } from "./contribution.ts";
import { droppedFiles } from "./dropped-files.ts";
import type { Offer } from "./offer.ts";

/** Of reasons why files were skipped; each with its first files. */
const REASONS_SHOWN = 100;

type DirectoryPicker = () => Promise<FileSystemDirectoryHandle>;

/** Choosing images: a folder, files, a zip, or a drop. */
export function ImagePicker({
  contribution,
  offer,
}: {
  readonly contribution: Contribution;
  readonly offer: Offer;
}) {
  const shape = offer.inputShape;
  const hovering = useSignal(false);
  const problem = useSignal("");
  const take = (picking: Promise<PickedFile[]> | PickedFile[]): void => {
    problem.value = "";
    Promise.resolve(picking)
      .then((picked) => contribution.importImages(picked))
      .catch((error: unknown) => {
        // A dialog that was closed again is no problem.
        if (error instanceof DOMException && error.name === "AbortError") return;
        problem.value = error instanceof Error ? error.message : String(error);
      });
  };
  const { showDirectoryPicker } = window as { showDirectoryPicker?: DirectoryPicker };

  return (
    <section
      class={`card drop ${hovering.value ? "hovering" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        hovering.value = true;
      }}
      onDragLeave={() => {
        hovering.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        hovering.value = false;
        if (event.dataTransfer !== null) take(droppedFiles(event.dataTransfer));
      }}
    >
      <h2>Your images</h2>
      <p>
        Pictures (PNG, JPEG, WebP, GIF, AVIF, BMP, TIFF, PPM), a zip or tar of them, or a data set.
        They are read here, at {shape.width}×{shape.height} pixels, and go nowhere.
      </p>
      <div class="pickers">
        {showDirectoryPicker === undefined ? (
          <label class="button">
            Choose a folder
            <input
              class="visually-hidden"
              type="file"
              ref={(input) => {
                if (input !== null) input.webkitdirectory = true;
              }}
              data-testid="folder-input"
              onChange={(event) => take(pickedFiles(event.currentTarget.files ?? []))}
            />
          </label>
        ) : (
          <button
            type="button"
            onClick={() =>
              take(showDirectoryPicker.call(window).then((folder) => filesOfDirectory(folder)))
            }
          >
            Choose a folder
          </button>
        )}
        <label class="button">
          Choose files or a zip
          <input
            class="visually-hidden"
            type="file"
            multiple
            data-testid="file-input"
            onChange={(event) => take(pickedFiles(event.currentTarget.files ?? []))}
          />
        </label>
        <span class="quiet">or drop them here</span>
      </div>
      {problem.value === "" ? null : (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <Found contribution={contribution} offer={offer} />
    </section>
  );
}

function Found({
  contribution,
  offer: { measuringImages, scoringImages },
}: {
  readonly contribution: Contribution;
  readonly offer: Offer;
}) {
  const images = contribution.images.value;
  switch (images.kind) {
    case "none":
      return null;
    case "reading":
      return (
        <output class="quiet">
          Reading… {images.progress === null ? "" : counted(images.progress.images, "image")}
        </output>
      );
    case "refused":
      return (
        <p class="problem" role="alert" data-testid="images-refused">
          {images.message}
        </p>
      );
    case "ready": {
      const { count, skipped } = images.report;
      return (
        <div>
          <output class="found" data-testid="images-found" data-count={count}>
            {counted(count, "image")} ready
            {skipped.count === 0 ? "" : `, ${counted(skipped.count, "file")} skipped`}
          </output>
          {count >= measuringImages ? null : (
            <p class="problem" role="alert" data-testid="too-few-to-measure">
              The campaign begins with statistics of participants' images, and with{" "}
              {counted(count, "image")} you measure none: {measuringImages} would do. You wait until
              others have.
            </p>
          )}
          {count >= scoringImages ? null : (
            <p class="quiet" data-testid="too-few-to-test">
              With {counted(count, "image")} you train, but test nothing: {scoringImages} would do.
            </p>
          )}
          {skipped.count === 0 ? null : (
            <details>
              <summary>What was skipped, and why</summary>
              <ul class="skipped">
                {skipped.reasons.slice(0, REASONS_SHOWN).map((reason) => (
                  <li key={reason.reason}>{reasonText(reason)}</li>
                ))}
                {skipped.reasons.length > REASONS_SHOWN ? (
                  <li>and {counted(skipped.reasons.length - REASONS_SHOWN, "other reason")}</li>
                ) : null}
              </ul>
            </details>
          )}
        </div>
      );
    }
  }
}
