import type { CampaignView } from "../../protocol/round/access.ts";
import { DEVICE_CHARACTERS } from "../../protocol/round/identifiers.ts";
import { cleanText, cutText } from "../../protocol/text.ts";
import { Controls } from "./controls.ts";
import { Doorbell } from "./doorbell.ts";
import type { ParticipantPorts } from "./ports.ts";
import { Endings } from "./round-over.ts";
import { StatusBoard } from "./status-board.ts";
import type { VerifiedCampaign } from "./verify-campaign.ts";
import type { BlobFetchOptions } from "./wire/blob-fetch.ts";
import { fetchCampaign } from "./wire/campaign-fetch.ts";
import { ConnectionError } from "./wire/connection-error.ts";
import { CoordinatorClient, type CoordinatorClientOptions } from "./wire/coordinator-client.ts";
import { retrying, type Retry, type RetryOptions } from "./wire/retry.ts";

/**
 * What the parts of one participant share: its surroundings, what it shows, who holds or ends it, and how
 * it asks the coordinator for something while connections come and go.
 */
export class ParticipantContext {
  readonly origin: string;
  /** The device in use, as the wire takes its name. */
  readonly device: string;
  readonly ports: ParticipantPorts;
  readonly board = new StatusBoard();
  /** Rings when it is worth looking again. */
  readonly bell = new Doorbell();
  readonly controls = new Controls(() => this.bell.ring());
  readonly endings = new Endings();
  /** Round of the newest answer, for what is shown; null before the first. */
  round: number | null = null;

  /** @param device its name, of any length and characters */
  constructor(origin: string, device: string, ports: ParticipantPorts) {
    this.origin = origin;
    this.device = cutText(cleanText(device), DEVICE_CHARACTERS);
    this.ports = ports;
  }

  clientWith(token: CoordinatorClientOptions["token"]): CoordinatorClient {
    const { clock, fetch } = this.ports;
    return new CoordinatorClient({
      origin: this.origin,
      token,
      fetch,
      clock,
      onTraffic: (bytes) => this.board.addTraffic(bytes),
    });
  }

  /** Tries again for as long as it may pass by itself. @throws StoppedSignal when stopped. */
  retry<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return retrying(() => work(this.controls.signal), this.retryOptions);
  }

  get retryOptions(): RetryOptions {
    const { clock, random } = this.ports;
    const onRetry = ({ delayMs, error, tries }: Retry): void => {
      // A kept-open connection that the other side closed meanwhile fails once, every round.
      if (tries === 1 && error instanceof ConnectionError && error.kind === "unreachable") return;
      const seconds = Math.max(1, Math.round(delayMs / 1000));
      const detail = `${error.message}; next try in ${seconds} s`;
      this.board.show({ kind: "waiting", reason: "connection-lost", round: this.round, detail });
    };
    return { clock, random, signal: this.controls.signal, onRetry };
  }

  blobOptions(client: CoordinatorClient): BlobFetchOptions {
    return { ...this.retryOptions, client, cache: this.ports.blobs };
  }

  /** Fetches and verifies what the campaign starts from. */
  verify(client: CoordinatorClient, view: CampaignView): Promise<VerifiedCampaign> {
    return fetchCampaign(view, {
      ...this.blobOptions(client),
      onBytes: this.downloads("teacher", view.model.bytes),
      onFetched: () => void this.board.show({ kind: "verifying" }),
    });
  }

  /** Shows a download from its beginning; the function returned is told of further bytes. */
  downloads(what: "teacher" | "student", totalBytes: number): (bytes: number) => void {
    let bytes = 0;
    const progress = (more: number): void => {
      bytes += more;
      this.board.show({ kind: "downloading", what, bytes, totalBytes });
    };
    progress(0);
    return progress;
  }

  /** Resolves once not paused, and shows a pause as long as it lasts. @throws StoppedSignal when stopped. */
  async gate(): Promise<void> {
    if (this.controls.paused) {
      const before = this.board.status;
      this.board.show({ kind: "paused", round: this.round });
      await this.controls.gate();
      this.board.show(before);
    }
    await this.controls.gate();
  }
}
