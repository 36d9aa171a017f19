import { hex } from "@scure/base";
import { hc } from "hono/client";
import type { z } from "zod";
import type { AppType } from "../../edge/app.ts";
import { formatDigest } from "../../protocol/content-digest.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { inviteSchema, type Invite, type InviteRequestInput } from "../../protocol/round/access.ts";
import {
  administratorSchema,
  auditEntrySchema,
  namedAdministratorSchema,
  type Administrator,
  type AdministratorRequestInput,
  type AuditEntry,
  type NamedAdministrator,
} from "../../protocol/round/administration.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import {
  campaignMetricsSchema,
  campaignReportSchema,
  listedCampaignSchema,
  participantReportSchema,
  removalSchema,
  roundReportSchema,
  type CampaignMetrics,
  type CampaignReport,
  type ListedCampaign,
  type ParticipantReport,
  type Removal,
  type RoundReport,
} from "../../protocol/round/reports.ts";
import type { CampaignAction } from "../../protocol/round/states.ts";
import { updateReportSchema, type UpdateReport } from "../../protocol/round/update-sizes.ts";
import { cleanText, cutText } from "../../protocol/text.ts";
import { uploadStateSchema } from "../../protocol/round/upload.ts";
import { AdminError } from "./admin-error.ts";
import { uploadInParts, type ModelUpload, type UploadHooks } from "./upload-model.ts";

type Api = ReturnType<typeof hc<AppType>>["api"]["v1"];

/** What these calls have of a `fetch` reply. */
interface Reply {
  readonly ok: boolean;
  readonly status: number;
  text(): Promise<string>;
}

/**
 * The coordinator's admin API. Every method throws `AdminError`: the coordinator's own words when it
 * refuses, and how to reach it when it does not answer.
 *
 * @example
 * const admin = new AdminClient("http://127.0.0.1:8787", adminToken);
 * const campaign = await admin.createCampaign({ model: digest, preprocessing });
 * await admin.act(campaign.id, "start");
 */
export class AdminClient {
  readonly coordinator: string;
  readonly #api: Api;

  constructor(coordinator: string, adminToken: string, fetcher: typeof fetch = fetch) {
    this.coordinator = coordinator;
    this.#api = hc<AppType>(coordinator, {
      headers: { authorization: `Bearer ${adminToken}` },
      fetch: fetcher,
    }).api.v1;
  }

  /**
   * Stores a model file under its digest, in parts; the same file again goes on where an earlier try
   * ended, and changes nothing once it is there.
   */
  async uploadModel(upload: ModelUpload, hooks?: UploadHooks): Promise<void> {
    const models = this.#api.admin.models[":digest"];
    await uploadInParts(
      {
        begin: (digest, json) =>
          this.#read(models.$post({ param: { digest }, json }), uploadStateSchema),
        sendPart: async (digest, index, part, signal) => {
          await this.#reply(
            models.parts[":index"].$put(
              { param: { digest, index: String(index) } },
              {
                // Read as it is sent.
                init: { body: part, ...(signal && { signal }) },
                headers: { "content-digest": formatDigest(await digestOf(part)) },
              },
            ),
          );
        },
        complete: async (digest) => {
          await this.#reply(models.complete.$post({ param: { digest } }));
        },
      },
      upload,
      hooks,
    );
  }

  async createCampaign(config: CampaignConfigInput): Promise<CampaignReport> {
    return await this.#read(
      this.#api.admin.campaigns.$post({ json: config }),
      campaignReportSchema,
    );
  }

  async campaigns(): Promise<ListedCampaign[]> {
    return await this.#read(this.#api.admin.campaigns.$get(), listedCampaignSchema.array());
  }

  async campaign(id: string): Promise<CampaignReport> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].$get({ param: { id } }),
      campaignReportSchema,
    );
  }

  async act(id: string, action: CampaignAction): Promise<CampaignReport> {
    return await this.#read(
      this.#api.admin.campaigns[":id"][":action"].$post({ param: { id, action } }),
      campaignReportSchema,
    );
  }

  /** Goes back to the student of so many committed rounds (SPEC C4). */
  async rollBack(id: string, round: number): Promise<CampaignReport> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].rounds[":round"].rollback.$post({
        param: { id, round: String(round) },
      }),
      campaignReportSchema,
    );
  }

  async invite(id: string, request: InviteRequestInput): Promise<Invite> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].invites.$post({ param: { id }, json: request }),
      inviteSchema,
    );
  }

  async invites(id: string): Promise<Invite[]> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].invites.$get({ param: { id } }),
      inviteSchema.array(),
    );
  }

  async revokeInvite(id: string, invite: string): Promise<void> {
    await this.#reply(
      this.#api.admin.campaigns[":id"].invites[":invite"].$delete({ param: { id, invite } }),
    );
  }

  async participants(id: string): Promise<ParticipantReport[]> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].participants.$get({ param: { id } }),
      participantReportSchema.array(),
    );
  }

  async removeParticipant(id: string, participant: string): Promise<Removal> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].participants[":participant"].$delete({
        param: { id, participant },
      }),
      removalSchema,
    );
  }

  async rounds(id: string): Promise<RoundReport[]> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].rounds.$get({ param: { id } }),
      roundReportSchema.array(),
    );
  }

  /** Accepted updates with their norms, of one round or of all. */
  async updates(id: string, round?: number): Promise<UpdateReport[]> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].updates.$get({
        param: { id },
        query: round === undefined ? {} : { round: String(round) },
      }),
      updateReportSchema.array(),
    );
  }

  async metrics(id: string): Promise<CampaignMetrics> {
    return await this.#read(
      this.#api.admin.campaigns[":id"].metrics.$get({ param: { id } }),
      campaignMetricsSchema,
    );
  }

  /**
   * The student as a model file, in the teacher's own format; of the last round unless one is named.
   *
   * @param isFloat32 whether weights that a TensorFlow.js model stores as less are to be float32
   */
  async export(id: string, round?: number, isFloat32 = false): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#reply(
      this.#api.admin.campaigns[":id"].export.$get({
        param: { id },
        query: {
          ...(round !== undefined && { round: String(round) }),
          ...(isFloat32 && { float32: "true" as const }),
        },
      }),
    );
    if (response.body === null) throw new AdminError("the export came without a body");
    return response.body;
  }

  /** Names an administrator; the answer has the token, which is told this once. */
  async nameAdministrator(request: AdministratorRequestInput): Promise<NamedAdministrator> {
    return await this.#read(
      this.#api.admin.administrators.$post({ json: request }),
      namedAdministratorSchema,
    );
  }

  async administrators(): Promise<Administrator[]> {
    return await this.#read(this.#api.admin.administrators.$get(), administratorSchema.array());
  }

  async revokeAdministrator(id: string): Promise<Administrator> {
    return await this.#read(
      this.#api.admin.administrators[":id"].$delete({ param: { id } }),
      administratorSchema,
    );
  }

  /** What administrators did, the latest first; entries below `before` where it is given. */
  async audit(limit: number, before?: number): Promise<AuditEntry[]> {
    const query = { limit: String(limit), ...(before !== undefined && { before: String(before) }) };
    return await this.#read(this.#api.admin.audit.$get({ query }), auditEntrySchema.array());
  }

  async #read<Schema extends z.ZodType>(
    request: Promise<Reply>,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const response = await this.#reply(request);
    const text = await response.text();
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new AdminError(
      `${this.coordinator} gave an answer that this version does not understand: ${parsed.error.message}`,
      "Use the same version of Scour on both sides.",
    );
  }

  async #reply<R extends Reply>(request: Promise<R>): Promise<R> {
    let response: R;
    try {
      response = await request;
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new AdminError(
        `no coordinator answers at ${this.coordinator} (${why})`,
        "Start one with `npm run scour -- serve`, or say where it is with --coordinator or SCOUR_URL.",
        { cause: error },
      );
    }
    if (response.ok) return response;
    const text = await response.text();
    const problem = ProtocolError.fromProblem(parseJson(text));
    throw problem === undefined
      ? new AdminError(
          `${this.coordinator} answered with status ${response.status}: ${cutText(cleanText(text), 200)}`,
          "Check that this is a Scour coordinator.",
        )
      : AdminError.fromProblem(problem);
  }
}

/** SHA-256 by the platform's own implementation, lower-case hexadecimal. */
async function digestOf(part: Blob): Promise<string> {
  const bytes = await part.arrayBuffer();
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  // Given back at once: those of several parts would wait for their collection.
  bytes.transfer(0);
  return hex.encode(new Uint8Array(digest));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
