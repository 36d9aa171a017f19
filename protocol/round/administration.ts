import { z } from "zod";
import { administratorIdSchema, momentSchema, nameSchema, shownSchema } from "./identifiers.ts";

/**
 * What an administrator may do (SPEC A10): `read` sees all there is, `run` also acts on campaigns, `own`
 * also names administrators and reads what they did.
 */
export const ROLES = ["read", "run", "own"] as const;
const roleSchema = z.enum(ROLES);
export type Role = z.output<typeof roleSchema>;

/** Whether a role has what another one has. */
export function reaches(role: Role, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted);
}

/** What tokens of named administrators begin with. */
export const ADMINISTRATOR_TOKEN_PREFIX = "scour_admin_";

/** Longest that a token holds, seconds. */
const YEAR_SECONDS = 31_536_000;

/** Names an administrator. */
export const administratorRequestSchema = z.strictObject({
  name: nameSchema,
  role: roleSchema.default("read"),
  expiresInSeconds: z
    .int()
    .min(1)
    .max(YEAR_SECONDS)
    .default(90 * 86_400),
});
export type AdministratorRequestInput = z.input<typeof administratorRequestSchema>;

export const administratorSchema = z.object({
  id: administratorIdSchema,
  name: shownSchema,
  role: roleSchema,
  createdAt: momentSchema,
  expiresAt: momentSchema,
  revoked: z.boolean(),
});
export type Administrator = z.output<typeof administratorSchema>;

/** With the token, which is told this once and stored as a hash. */
export const namedAdministratorSchema = administratorSchema.extend({ token: z.string() });
export type NamedAdministrator = z.output<typeof namedAdministratorSchema>;

/** What somebody did with an administrator's token, or was refused for want of one. */
export const auditEntrySchema = z.object({
  /** Counts up, never again from the start. */
  position: z.int().positive(),
  at: momentSchema,
  /** Who; null of a refused token. `owner` has the coordinator's own token. */
  who: z.object({ id: z.string(), name: shownSchema }).nullable(),
  /** `POST /admin/campaigns`, or `refused`. */
  what: shownSchema,
  /** HTTP status that it was answered with. */
  status: z.int(),
  /** More than 1 of refused tokens, which are counted by the hour. */
  count: z.int().positive(),
});
export type AuditEntry = z.output<typeof auditEntrySchema>;

/** Entries that one page of the audit log has at most. */
export const AUDIT_PAGE = 200;
