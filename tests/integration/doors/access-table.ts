/**
 * Who gets what. Columns:
 *
 *   stranger   no token, garbage, a token signed with another key, with no algorithm, with exchanged
 *              claims, Basic, a right token in the query: all the same
 *   invite     with uses left; then one that expired, was revoked, is used up
 *   part.      a participant of campaign A; then one of campaign B, one that was removed from A, one
 *              of A whose credential has expired, one of a campaign that has ended
 *   admin      the administrator
 *
 * A campaign's id is no administrator's (400). Ids in paths, and what is signed, are A's; but for rounds of others their own campaign's. Blobs are told apart: A's teacher, A's student, B's teacher, the object of an
 * update that A has stored, and one that nobody knows.
 */
const TABLE = `
                                              stranger | invite expired revoked used | part. ofB removed lapsed ended | admin
GET    /health                                200      | 200    200     200     200  | 200   200 200     200    200   | 200

GET    /invite                                401      | 200    410     410     410  | 403   403 403     401    403   | 403
POST   /enrol                                 401      | 201    410     410     410  | 403   403 403     401    403   | 403
GET    /campaign                              401      | 403    410     403     403  | 200   200 403     401    410   | 403
POST   /renew                                 200      | 200    200     200     200  | 200   200 200     200    200   | 200
POST   /check-in                              401      | 403    410     403     403  | 200   200 403     401    200   | 403
GET    /events                                401      | 403    410     403     403  | 101   101 403     401    410   | 403
GET    /rounds/{round}/{attempt}/upload       401      | 403    410     403     403  | 200   200 403     401    409   | 403
PUT    /rounds/{round}/{attempt}/slices/{index} 401    | 403    410     403     403  | 200   200 403     401    409   | 403
POST   /rounds/{round}/{attempt}/commit       401      | 403    410     403     403  | 200   200 403     401    409   | 403
POST   /rounds/{round}/{attempt}/refuse       401      | 403    410     403     403  | 409   409 403     401    409   | 403
POST   /rounds/{round}/{attempt}/vote         401      | 403    410     403     403  | 409   409 403     401    409   | 403

GET    /outcome                               401      | 403    410     403     403  | 409   409 403     401    200   | 403
GET    /receipt                               401      | 403    410     403     403  | 409   409 403     401    200   | 403
GET    /result                                401      | 403    410     403     403  | 409   409 403     401    403   | 403

GET    /blobs/{digest} A's-teacher            401      | 403    410     403     403  | 200   404 403     401    404   | 200
GET    /blobs/{digest} A's-student            401      | 403    410     403     403  | 200   404 403     401    404   | 200
GET    /blobs/{digest} B's-teacher            401      | 403    410     403     403  | 404   200 403     401    404   | 200
GET    /blobs/{digest} A's-update             401      | 403    410     403     403  | 404   404 403     401    404   | 404
GET    /blobs/{digest} unknown                401      | 403    410     403     403  | 404   404 403     401    404   | 404

POST   /admin/models/{digest}                 401      | 403    401     403     403  | 403   403 403     401    403   | 200
PUT    /admin/models/{digest}/parts/{index}   401      | 403    401     403     403  | 403   403 403     401    403   | 404
POST   /admin/models/{digest}/complete        401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/metrics                         401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/administrators                  401      | 403    401     403     403  | 403   403 403     401    403   | 200
POST   /admin/administrators                  401      | 403    401     403     403  | 403   403 403     401    403   | 201
DELETE /admin/administrators/{id}             401      | 403    401     403     403  | 403   403 403     401    403   | 400
GET    /admin/audit                           401      | 403    401     403     403  | 403   403 403     401    403   | 200
POST   /admin/campaigns                       401      | 403    401     403     403  | 403   403 403     401    403   | 201
GET    /admin/campaigns                       401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/campaigns/{id}                  401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/campaigns/{id}/rounds           401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/campaigns/{id}/rounds/{round}/chain 401  | 403    401     403     403  | 403   403 403     401    403   | 404
GET    /admin/campaigns/{id}/chain/{position} 401      | 403    401     403     403  | 403   403 403     401    403   | 404
GET    /admin/campaigns/{id}/updates          401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/campaigns/{id}/metrics          401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/campaigns/{id}/participants     401      | 403    401     403     403  | 403   403 403     401    403   | 200
GET    /admin/campaigns/{id}/invites          401      | 403    401     403     403  | 403   403 403     401    403   | 200
POST   /admin/campaigns/{id}/invites          401      | 403    401     403     403  | 403   403 403     401    403   | 201
GET    /admin/campaigns/{id}/export           401      | 403    401     403     403  | 403   403 403     401    403   | 200
POST   /admin/campaigns/{id}/{action}         401      | 403    401     403     403  | 403   403 403     401    403   | 200
POST   /admin/campaigns/{id}/rounds/{round}/rollback 401 | 403 401  403     403  | 403   403 403     401    403   | 404
DELETE /admin/campaigns/{id}/invites/{invite} 401      | 403    401     403     403  | 403   403 403     401    403   | 200
DELETE /admin/campaigns/{id}/participants/{participant} 401 | 403 401   403     403  | 403   403 403     401    403   | 200
`;

export const CALLERS = [
  "stranger",
  "invite",
  "expired invite",
  "revoked invite",
  "used-up invite",
  "participant",
  "participant of another campaign",
  "removed participant",
  "participant with an expired credential",
  "participant of an ended campaign",
  "administrator",
] as const;
export type Caller = (typeof CALLERS)[number];

export interface AccessRow {
  readonly method: string;
  /** As the OpenAPI document has it. */
  readonly path: string;
  /** Which blob, where the route is for blobs. */
  readonly blob: string | undefined;
  readonly expected: Readonly<Record<Caller, number>>;
}

/** The table's rows, in its order. */
export const ACCESS_TABLE: readonly AccessRow[] = TABLE.split("\n")
  .filter((line) => /^[A-Z]/.test(line))
  .map((line) => {
    const [first = "", ...groups] = line.split("|");
    const [method = "", path = "", ...rest] = first.trim().split(/\s+/);
    const stranger = rest.pop() ?? "";
    const statuses = [stranger, ...groups.join(" ").trim().split(/\s+/)].map(Number);
    if (statuses.length !== CALLERS.length)
      throw new Error(`'${line}' has another number of columns`);
    return {
      method,
      path: `/api/v1${path}`,
      blob: rest[0],
      expected: Object.fromEntries(CALLERS.map((caller, i) => [caller, statuses[i]])) as Record<
        Caller,
        number
      >,
    };
  });
