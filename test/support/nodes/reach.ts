// What clients reach, asked in their pods.
import { readFile } from 'node:fs/promises';
import { runInPod } from './pods.ts';

export type Attempt =
  | { readonly way: 'proxy'; readonly url: string; readonly proxy?: string }
  | { readonly way: 'dns' | 'tunnel'; readonly url: string }
  | { readonly way: 'to'; readonly url: string; readonly address: string; readonly port?: number }
  | { readonly way: 'tcp' | 'udp'; readonly address: string; readonly port: number };

/** By its name: "200", "403 REASON", "open", or how it failed ("silence" where nobody answered). */
export async function reach<Name extends string>(
  namespace: string,
  attempts: Readonly<Record<Name, Attempt>>,
): Promise<Readonly<Record<Name, string>>> {
  const names = Object.keys(attempts) as Name[];
  const asked = JSON.stringify(names.map((name) => attempts[name]));
  const outcomes = JSON.parse(await runInPod(namespace, 'reach', [], asked)) as readonly string[];
  return Object.fromEntries(names.map((name, at) => [name, outcomes[at] ?? ''])) as Record<Name, string>;
}

export interface OutsideArrival {
  readonly protocol: string;
  readonly peer: string;
  readonly address: string;
  readonly port: number;
  /** What the public DNS was asked, by whomever. */
  readonly name?: string;
}

/** Everything that came to the outside world so far. */
export async function arrivals(): Promise<readonly OutsideArrival[]> {
  const text = await readFile(process.env['OUTSIDE_JOURNAL'] ?? '', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as OutsideArrival);
}
