// Denials and temporary folders for the tests of this folder; no product code imports it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Denial } from '../model/denial.ts';
import type { DenialBatch } from './denial-store.ts';
import type { QueryAnswer, QueryRows } from './run-query.ts';

/** Bytes that one log line takes in these tests. */
export const lineBytes = 400;

/** The denial on line `line` (from 0) of log "access.log" of gateway "gw-1", one second after the one before. */
export function sampleDenial(line: number, changes: Partial<Denial> = {}): Denial {
  const destination = `host-${line}.example.com`;
  return {
    accountId: 'account-1',
    workspaceId: 'ws-1',
    eventId: `gw-1/access.log/${line * lineBytes}`,
    destinationType: 'DNS',
    destination,
    dnsEvent: { domainName: destination, rcode: null },
    storageEvent: null,
    eventTime: new Date(Date.UTC(2026, 0, 1) + line * 1000).toISOString(),
    accessType: 'DROP',
    networkSourceType: 'General Compute',
    workspace: 'team-a',
    product: 'JOBS',
    policy: 'default-policy',
    revision: 'r1',
    rule: null,
    reason: 'No entry allows this destination',
    port: 443,
    sni: null,
    source: '10.0.0.7:41234',
    sequence: line + 1,
    ...changes,
  };
}

/** Lines `from` to before `to`, every one a denial. */
export function sampleBatch(from: number, to: number, changes: Partial<Denial> = {}): DenialBatch {
  const denials = Array.from({ length: to - from }, (_, index) => sampleDenial(from + index, changes));
  return { gateway: 'gw-1', logFile: 'access.log', upTo: to * lineBytes, denials };
}

/** The rows of an answer; throws the refusal where there are none. */
export function rowsOf(answer: QueryAnswer): QueryRows['rows'] {
  if ('error' in answer) throw new Error(answer.error);
  return answer.rows;
}

export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'denials-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
