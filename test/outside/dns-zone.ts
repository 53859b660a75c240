// What the stand-in DNS knows: records per name, and how far each rebinding sequence has come.
// In: a name and a type as asked. Out: the answers, CNAMEs followed, or undefined for a name that does not exist.
import { createHash } from 'node:crypto';
import type { Answer } from 'dns-packet';

export interface DnsRecord {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly cname?: string;
  /** For rebinding: the n-th question for A gets the n-th set of addresses, later ones the last set. Replaces `a`. */
  readonly aInTurn?: readonly (readonly string[])[];
  /**
   * Every name that the record covers gets one of these, the same each time: where a connection went says which name it
   * had.
   */
  readonly spreadOver?: readonly string[];
  /** Poison: address records of other names, which nobody asked for, in the additional section of every answer. */
  readonly additionals?: Readonly<Record<string, string>>;
  /** Questions are never answered, as by a name server that is down. */
  readonly isSilent?: boolean;
  /** 600 unless given: long, so that Envoy does not ask again in the background while a test counts questions. */
  readonly ttlSeconds?: number;
}

interface Entry {
  readonly record: DnsRecord;
  /** How often an A question has reached this record. */
  asked: number;
}

const DEFAULT_TTL_SECONDS = 600;
const MAX_CNAME_STEPS = 8;
const EVERY_NAME = '*';

export class DnsZone {
  readonly #records = new Map<string, Entry>();

  set(name: string, record: DnsRecord): void {
    this.#records.set(canonicalName(name), { record, asked: 0 });
  }

  remove(name: string): void {
    this.#records.delete(canonicalName(name));
  }

  /** Answers of a name and of what its CNAMEs lead to; undefined where the name does not exist. */
  resolve(name: string, type: string): Answer[] | undefined {
    const answers: Answer[] = [];
    let current = name;
    for (let step = 0; step < MAX_CNAME_STEPS; step++) {
      const entry = this.#find(current);
      if (entry === undefined) return step === 0 ? undefined : answers;
      const { cname, ttlSeconds: ttl = DEFAULT_TTL_SECONDS } = entry.record;
      if (cname === undefined) return [...answers, ...addresses(entry, { name: current, type, ttl })];
      answers.push({ type: 'CNAME', name: current, ttl, data: cname });
      current = canonicalName(cname);
    }
    return answers;
  }

  isSilent(name: string): boolean {
    return this.#find(name)?.record.isSilent ?? false;
  }

  /** What comes along with the answer for a name. */
  additionals(name: string): Answer[] {
    const { additionals = {}, ttlSeconds: ttl = DEFAULT_TTL_SECONDS } = this.#find(name)?.record ?? {};
    return Object.entries(additionals).map(([other, data]) => ({ type: 'A', name: other, ttl, data }));
  }

  // The exact name first, then the longest suffix, in the end "*".
  #find(name: string): Entry | undefined {
    const labels = canonicalName(name).split('.');
    const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
    const key = [canonicalName(name), ...wildcards, EVERY_NAME].find((candidate) =>
      this.#records.has(candidate),
    );
    return key === undefined ? undefined : this.#records.get(key);
  }
}

function addresses(entry: Entry, { name, type, ttl }: { name: string; type: string; ttl: number }): Answer[] {
  const { a = [], aaaa = [], aInTurn, spreadOver } = entry.record;
  if (type === 'AAAA') return aaaa.map((data) => ({ type: 'AAAA', name, ttl, data }));
  if (type !== 'A') return [];
  if (spreadOver !== undefined) return [{ type: 'A', name, ttl, data: spreadAddress(name, spreadOver) }];
  const turn = aInTurn?.[Math.min(entry.asked++, aInTurn.length - 1)];
  return (turn ?? a).map((data) => ({ type: 'A', name, ttl, data }));
}

/** Which of the addresses a name has that is spread over them. */
export function spreadAddress(name: string, addresses: readonly string[]): string {
  const hash = createHash('sha256').update(canonicalName(name)).digest().readUInt32BE();
  return addresses[hash % addresses.length] ?? '';
}

/** Lower case, without the trailing dot. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
