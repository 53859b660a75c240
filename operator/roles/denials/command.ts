// `sallyport denials` and `kubectl sallyport denials`: rows of the denial log for people, or for programs with -o.
import { existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { DEFAULT_STATE } from '../../model/system-names.ts';
import { readPersonConfig } from '../../person-config.ts';
import type { OpenPort } from '../shared/collector-of-cluster.ts';
import { printableText, widthOf } from '../shared/person-terminal.ts';
import { type DenialsOptions, type Request, readRequest } from './denial-request.ts';
import type { DenialSource } from './denial-source.ts';
import type { Terminal } from './terminal.ts';

export interface DenialsSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly terminal?: Terminal;
  /** Only a cluster, as for kubectl. */
  readonly isPlugin?: boolean;
  /** Instead of through the API server. */
  readonly openPort?: OpenPort;
  /** Ends following. */
  readonly signal?: AbortSignal;
}

const FAILED = 1;
const USAGE = 2;

export async function denialsCommand(
  options: DenialsOptions,
  surroundings: DenialsSurroundings,
): Promise<number> {
  const { terminal = processTerminal(), signal = new AbortController().signal } = surroundings;
  const request = readRequest(options);
  if ('error' in request) return complain(terminal, request.error, USAGE);
  let source: DenialSource;
  try {
    source = await openSource(options, surroundings);
  } catch (error) {
    return complain(terminal, (error as Error).message, FAILED);
  }
  try {
    const fault = await show(request, source, { terminal, signal });
    return fault === undefined ? 0 : complain(terminal, fault, FAILED);
  } finally {
    await source.close();
  }
}

async function show(
  request: Request,
  source: DenialSource,
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { followDenials, showDenials, showFile, showSql, showTop } = await import('./show-denials.ts');
  switch (request.kind) {
    case 'sql':
      return showSql(request, source, terminal);
    case 'backup':
      return showFile(() => source.backUp(), 'a backup', terminal);
    case 'parquet':
      return showFile(() => source.askParquet(request.sql), 'Parquet', terminal);
    case 'top':
      return showTop(request, source, terminal);
    case 'follow':
      return followDenials(request, source, { terminal, signal });
    default:
      return showDenials(request, source, terminal);
  }
}

/** A state directory where one is named, or is at the usual place and nothing names a cluster; else the cluster. */
async function openSource(
  options: DenialsOptions,
  { environment, isPlugin = false, openPort }: DenialsSurroundings,
): Promise<DenialSource> {
  const { state, kubeconfig, context, as, systemNamespace } = options;
  const namesCluster = [kubeconfig, context, as, systemNamespace].some((option) => option !== undefined);
  const isUsual = !isPlugin && !namesCluster && existsSync(DEFAULT_STATE);
  const folder = state ?? (isUsual ? DEFAULT_STATE : undefined);
  // Each loads what the other does without: DuckDB, or the client of an API server.
  if (folder !== undefined) return (await import('./state-source.ts')).sourceOfState(folder);
  const { sourceOfCluster } = await import('./cluster-source.ts');
  return sourceOfCluster(readPersonConfig(options, environment), openPort);
}

function processTerminal(): Terminal {
  const { isTTY } = process.stdout;
  const width = widthOf(process.stdout);
  return {
    out: (text) =>
      new Promise((resolve) => {
        process.stdout.write(text, () => resolve());
      }),
    bytes: (stream) => pipeline(stream, process.stdout, { end: false }),
    err: (text) => void process.stderr.write(printableText(text)),
    colour: isTTY && process.stdout.hasColors(),
    ...(width === undefined ? {} : { width }),
  };
}

function complain(terminal: Terminal, message: string, status: number): number {
  terminal.err(`${message}\n`);
  return status;
}
