// Waits until Envoy runs the content of a file, or reports why it does not. Asks the admin interface for versions and
// reads Envoy's log for reasons; changes nothing.
import { setTimeout as delay } from 'node:timers/promises';
import { type EnvoyAdmin, EnvoySilent, type LiveVersions } from '../process/envoy-admin.ts';
import type { EnvoyLog } from '../process/envoy-log.ts';
import { sortedNames } from './config-files.ts';
import type { Contents } from './contents.ts';

export interface RejectedName {
  readonly name: string;
  readonly text: string;
}

const SETTLED_ANSWERS = 6;

export type LiveOutcome =
  | { readonly status: 'applied'; readonly live: LiveVersions }
  /** Empty where Envoy's error does not name the resource. */
  | { readonly status: 'rejected'; readonly rejected: readonly RejectedName[]; readonly text: string }
  | { readonly status: 'timeout' };

export interface LiveWait {
  readonly admin: EnvoyAdmin;
  /** Marked before the file was renamed in. */
  readonly log: EnvoyLog;
  readonly timeoutMs: number;
}

/** Waits for one file of many resources (LDS or CDS); throws EnvoyNotRunning. */
export function awaitFile(
  wait: LiveWait,
  kind: 'lds' | 'cds',
  version: string,
  resources: Contents,
): Promise<LiveOutcome> {
  return poll(wait, async (live, reasons) => {
    if (live[kind] === version) {
      // Accepted; but new listeners still wait for their tables, new clusters for their hosts.
      return (await wait.admin.warming()) === 0 ? { status: 'applied', live } : undefined;
    }
    // Other subscriptions (a new listener's table) complain before the file that brought them does.
    const text = reasons.at(-1);
    return text === undefined ? undefined : { status: 'rejected', rejected: culprits(text, resources), text };
  });
}

/** Waits for those of the tables that Envoy subscribes to; throws EnvoyNotRunning. */
export function awaitTables(wait: LiveWait, versions: ReadonlyMap<string, string>): Promise<LiveOutcome> {
  let last = '';
  let sameAnswers = 0;
  return poll(wait, (live, reasons) => {
    const pending = staleTables(live, versions);
    if (pending.length === 0) {
      return { status: 'applied', live };
    }
    const state = `${reasons.length} ${pending.join(' ')}`;
    sameAnswers = state === last ? sameAnswers + 1 : 0;
    last = state;
    // Envoy does not name the file of an error, and reads other files of the directory again with each rename. But its
    // event loop runs between two answers: what is still pending after a few of them was rejected.
    const isSettled = reasons.length > 0 && sameAnswers >= SETTLED_ANSWERS;
    return isSettled
      ? { status: 'rejected', rejected: explained(pending, reasons), text: unique(reasons) }
      : undefined;
  });
}

/** Tables that Envoy subscribes to but has in another version. */
export function staleTables(live: LiveVersions, versions: ReadonlyMap<string, string>): string[] {
  const known = [...versions].filter(([name]) => live.rds.has(name));
  return known.filter(([name, version]) => live.rds.get(name) !== version).map(([name]) => name);
}

function explained(names: readonly string[], reasons: readonly string[]): RejectedName[] {
  return names.map((name) => {
    const own = names.length === 1 ? reasons : reasons.filter((reason) => reason.includes(name));
    return { name, text: unique(own.length > 0 ? own : reasons) };
  });
}

function unique(reasons: readonly string[]): string {
  return [...new Set(reasons)].join('; ');
}

type Judge = (
  live: LiveVersions,
  reasons: readonly string[],
) => LiveOutcome | undefined | Promise<LiveOutcome | undefined>;

// The log is read before the versions are asked for: Envoy handles an update and our question in one thread, so this
// answer has the outcome of every rejection that was logged before it.
async function poll(wait: LiveWait, judge: Judge): Promise<LiveOutcome> {
  const deadlineMs = performance.now() + wait.timeoutMs;
  for (;;) {
    const askedMs = performance.now();
    const reasons = await wait.log.rejectionsSinceMark();
    const outcome = await judgeOrSilence(wait, judge, reasons);
    if (outcome !== undefined) {
      return outcome;
    }
    if (performance.now() > deadlineMs) {
      return { status: 'timeout' };
    }
    // A large Envoy needs 25 ms for an answer, in the thread that also loads the file: leave it half of its time.
    await delay(Math.min(50, Math.max(2, performance.now() - askedMs)));
  }
}

async function judgeOrSilence(
  wait: LiveWait,
  judge: Judge,
  reasons: readonly string[],
): Promise<LiveOutcome | undefined> {
  try {
    return await judge(await wait.admin.versions(), reasons);
  } catch (error) {
    if (error instanceof EnvoySilent) {
      return { status: 'timeout' };
    }
    throw error;
  }
}

// Envoy names resources ("listener(s) a: reason b: reason"), or counts them ("resources[3]") where it could not
// even read them.
function culprits(text: string, resources: Contents): RejectedName[] {
  const names = sortedNames(resources);
  const index = /resources\[(\d+)\]/.exec(text)?.[1];
  const counted = index === undefined ? undefined : names[Number(index)];
  const named = names.filter((name) => text.includes(` ${name}: `));
  return (counted === undefined ? named : [counted]).map((name) => ({ name, text }));
}
