// The rows of the denial log, as a query returns them; the live output of a gateway does not have all.
import { queryDenials } from '../../../operator/denials/query/query-denials.ts';
import type { AccessType } from '../../../operator/model/denial.ts';
import { pathsOf } from '../../support/envoy/edited-envoy.ts';
import type { GatewayFixture } from '../../support/envoy/gateway-fixture.ts';

export interface StoredRow {
  readonly workspace: string;
  readonly product: string;
  readonly accessType: AccessType;
  readonly reason: string;
  readonly destination: string;
  readonly port: number | null;
  readonly source: string;
  /** How many equal ones it stands for, where it stands for several. */
  readonly repeats?: number;
  /** Of all its columns together. */
  readonly length: number;
}

const MOST_ROWS = 200_000;

/**
 * Of a gateway that runs, those stored so far; of one that was stopped, all. Only those whose source begins so, where
 * it is given: a few letters of addresses of ours. Throws what the log says is wrong.
 */
export function storedRows(fixture: GatewayFixture, source = ''): Promise<readonly StoredRow[]> {
  return rowsWhere(fixture, `starts_with(source, '${source}')`);
}

/** Those whose source begins so, and those that stand for several sources. */
export function floodRows(fixture: GatewayFixture, source: string): Promise<readonly StoredRow[]> {
  return rowsWhere(fixture, `starts_with(source, '${source}') OR source = '*'`);
}

async function rowsWhere(fixture: GatewayFixture, condition: string): Promise<readonly StoredRow[]> {
  const sql = `SELECT *, access_type AS "accessType" FROM access.outbound_network
    WHERE ${condition} ORDER BY event_time, sequence`;
  const answer = await queryDenials({ ...pathsOf(fixture), sql, maxRows: MOST_ROWS });
  if ('error' in answer) throw new Error(answer.error);
  return answer.rows.map((row) => ({
    ...(row as unknown as StoredRow),
    length: JSON.stringify(row).length,
  }));
}
