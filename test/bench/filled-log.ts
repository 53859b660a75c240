// A denial log of many rows, made by DuckDB itself in a few minutes: 30 days of 200 workspaces, in the order of time, as
// gateways send them. Few destinations are frequent and many are rare.
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DenialStore } from '../../operator/denials/store/duckdb/denial-store.ts';
import { OUTBOUND_TABLE } from '../../operator/denials/store/log-tables.ts';

export interface FilledLog {
  readonly rows: number;
  readonly seconds: number;
  readonly megabytes: number;
}

/** The first 20 are those of the scene. */
const FILLED_WORKSPACES = 200;
const DAYS = 30;
const PART = 1_000_000;

/** Of columns whose value is not null; `i` is the number of the row, `h` a hash of it. */
const VALUES: Readonly<Record<string, string>> = {
  account_id: `'bench'`,
  workspace_id: `'id-' || w`,
  event_id: `'gw-' || (i % 4 + 1) || '/access-' || lpad((i // 20000)::VARCHAR, 6, '0') || '/' || (i % 20000) * 430`,
  destination_type: `'DNS'`,
  destination: 'd',
  dns_event: `{'domain_name': d, 'rcode': NULL::INTEGER}`,
  event_time: 'denied_at',
  access_type: `CASE WHEN i % 10 = 0 THEN 'DRY_RUN_DENIAL' ELSE 'DROP' END`,
  workspace: 'w',
  policy: `'policy-' || w`,
  revision: `'r' || (i // 100000)`,
  reason: `CASE WHEN i % 7 = 0 THEN 'DESTINATION_BLOCKED' ELSE 'DESTINATION_NOT_ALLOWED' END`,
  port: '443',
  source: `'10.1.' || (i % 200) || '.' || (i % 5 + 1) || ':' || (20000 + h % 40000)`,
  sequence: 'i // 4 + 1',
  repeats: '1 + h % 3',
  pod: `'pod-' || h % 50`,
  pod_uid: `md5(w || h % 50)`,
  node: `'node-' || h % 20`,
  owner: `'Deployment/app-' || h % 10`,
  who: `'POD'`,
  lost: '0',
};

/** The file must not be there. */
export async function fillLog(path: string, rows: number): Promise<FilledLog> {
  const startMs = performance.now();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await (await DenialStore.open(path)).close();
  const instance = await DuckDBInstance.create(path, { threads: '2', memory_limit: '1GiB' });
  const connection = await instance.connect();
  try {
    for (let from = 0; from < rows; from += PART)
      await connection.run(insertion(from, Math.min(rows, from + PART), rows));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  const megabytes = (await stat(path)).size / 1024 / 1024;
  return { rows, seconds: (performance.now() - startMs) / 1000, megabytes };
}

function insertion(from: number, to: number, rows: number): string {
  const values = OUTBOUND_TABLE.columns.map(({ name }) => VALUES[name] ?? 'NULL');
  const stepMs = (DAYS * 86_400_000) / rows;
  return `INSERT INTO access.outbound_network SELECT ${values.join(', ')} FROM (
    SELECT i, (hash(i) % 1000000)::BIGINT AS h,
      'ws-' || lpad((hash(i * 3) % ${FILLED_WORKSPACES})::VARCHAR, 3, '0') AS w,
      'host-' || floor(pow((hash(i * 7) % 1000000) / 1e6, 3) * 20000)::INT || '.example.com' AS d,
      now() - to_milliseconds((((${rows} - i) * ${stepMs})::BIGINT)) AS denied_at
    FROM range(${from}, ${to}) AS numbers(i))`;
}
