// Asks a name server for A records with dnsperf, which needs less CPU than a generator in Node.js and paces
// evenly. In: where, how, the file of names. Out: answers per second, or how long each answer took at a given rate.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import type { Place } from './tunnel.ts';

export type Transport = 'UDP' | 'TCP';

export interface DnsLoad {
  readonly place: Place;
  readonly transport: Transport;
  /** A question on each line, "www.example.com A"; asked in turns. */
  readonly namesFile: string;
  readonly seconds: number;
}

export interface DnsTally {
  /** Milliseconds, one for each answer without an error. */
  readonly latenciesMs: Float64Array;
  /** Other answers. */
  readonly wrong: number;
  readonly lost: number;
}

/** Sockets: few, since dnsperf with many needs more than a core of its own at these rates. */
const CLIENTS = 4;
const OUTSTANDING = 200;

/** Answers per second, as fast as they come. */
export async function dnsCapacity(load: DnsLoad): Promise<number> {
  const text = await dnsperf(load, []);
  return Number(/Queries per second:\s+([\d.]+)/.exec(text)?.[1]);
}

export async function dnsTally(load: DnsLoad, perSecond: number): Promise<DnsTally> {
  const text = await dnsperf(load, ['-v', '-Q', `${Math.round(perSecond)}`]);
  // "> NOERROR www.example.com A 0.000132", and "> T www.example.com A" where no answer came.
  const answers = [...text.matchAll(/^> (\w+) \S+ A(?: ([\d.]+))?$/gm)];
  const good = answers.filter(([, code]) => code === 'NOERROR');
  const lost = answers.filter(([, code]) => code === 'T').length;
  return {
    latenciesMs: Float64Array.from(good, ([, , seconds]) => Number(seconds) * 1000),
    wrong: answers.length - good.length - lost,
    lost,
  };
}

/** What it printed, read when it has ended: who reads meanwhile takes from the cores that are measured. */
async function dnsperf(
  { place, transport, namesFile, seconds }: DnsLoad,
  more: readonly string[],
): Promise<string> {
  const where = ['-s', place.host, '-p', `${place.port}`, '-m', transport.toLowerCase()];
  const how = ['-d', namesFile, '-l', `${seconds}`, '-c', `${CLIENTS}`, '-q', `${OUTSTANDING}`];
  const path = `${namesFile}.log`;
  const file = await open(path, 'w');
  try {
    const child = spawn('dnsperf', [...where, ...how, ...more], { stdio: ['ignore', file.fd, 'ignore'] });
    await once(child, 'close');
  } catch (cause) {
    throw new Error('Cannot find dnsperf: install it, on Debian with "apt-get install dnsperf"', { cause });
  } finally {
    await file.close();
  }
  return readFile(path, 'utf8');
}
