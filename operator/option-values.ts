// Texts of command-line options -> values. Each throws an OptionError, with a sentence for the person at the terminal.
import { formatDuration, parseDuration } from './lib/duration.ts';
import { parseHostPort } from './lib/host-port.ts';
import { type AddressRange, parseAddressRange } from './model/address-range.ts';
import { BLOCK_SIZE } from './model/lane-port.ts';
import { LEAST_ENVOY_MEMORY_MB } from './model/limits.ts';

/** Thrown for an option that cannot be accepted. */
export class OptionError extends Error {}

export function readRange(option: string, text: string): AddressRange {
  const parsed = parseAddressRange(text);
  if ('range' in parsed) return parsed.range;
  throw new OptionError(`${option}: ${parsed.message}`);
}

export function readAddress(option: string, text: string): string {
  const parsed = parseAddressRange(text);
  if ('range' in parsed && !text.includes('/')) return parsed.range.address;
  throw new OptionError(`${option}: Cannot accept address "${text}": write an address such as "127.0.0.1"`);
}

/** "192.0.2.53" or "192.0.2.53:5353"; IPv6 as "[2001:db8::53]:53". */
export function readNameServer(option: string, text: string): Place {
  return readPlace(option, text, 53);
}

interface Place {
  readonly address: string;
  readonly port: number;
}

/** The same, with a port unless there is a usual one. */
export function readPlace(option: string, text: string, usualPort = 0): Place {
  const { host, port = usualPort } = parseHostPort(text);
  const isAmbiguous = host.includes(':') && !text.startsWith('[');
  if (isAmbiguous || port < 1 || port > 65_535) {
    throw new OptionError(
      `${option}: Cannot accept "${text}": write an address and port such as "192.0.2.53:53" or "[2001:db8::53]:53"`,
    );
  }
  return { address: readAddress(option, host), port };
}

export function readPort(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new OptionError(`${option}: Cannot accept "${text}": write a port from 0 to 65535`);
}

export function readListenPort(option: string, text: string): number {
  const port = readPort(option, text);
  if (port > 0) return port;
  throw new OptionError(`${option}: Cannot accept "${text}": write a port from 1 to 65535`);
}

/** "300s" or "5m". */
export function readInterval(
  option: string,
  text: string,
  { leastMs, example }: { readonly leastMs: number; readonly example: string },
): number {
  const parsed = parseDuration(text);
  if ('error' in parsed) throw new OptionError(`${option}: ${parsed.error}`);
  if (parsed.durationMs >= leastMs) return parsed.durationMs;
  throw new OptionError(
    `${option}: Cannot accept "${text}": write at least "${formatDuration(leastMs)}", for example "${example}"`,
  );
}

export function readPorts(text: string): { readonly from: number; readonly to: number } {
  const [, from = '', to = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  if (from !== '' && range.from >= 1024 && range.to <= 65_535 && range.to - range.from >= BLOCK_SIZE - 1)
    return range;
  throw new OptionError(
    `--ports: Cannot accept range "${text}": write two ports from 1024 to 65535, at least ${BLOCK_SIZE} in all, such as "10000-31999"`,
  );
}

export function readCount(option: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new OptionError(`${option}: Cannot accept "${text}": write a whole number from 1`);
}

export function readCountIfGiven(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : readCount(option, text);
}

export function readEnvoyMemory(text: string): number {
  if (/^\d{1,7}$/.test(text) && Number(text) >= LEAST_ENVOY_MEMORY_MB) return Number(text);
  throw new OptionError(
    `--envoy-memory-mb: Cannot accept "${text}": write a number of megabytes from ${LEAST_ENVOY_MEMORY_MB}`,
  );
}

const LEAST_LOG_BYTES = 65_536;

export function readLogBytes(text: string): number {
  if (/^\d{1,12}$/.test(text) && Number(text) >= LEAST_LOG_BYTES) return Number(text);
  throw new OptionError(
    `--rotate-log-bytes: Cannot accept "${text}": write a number of bytes from ${LEAST_LOG_BYTES}`,
  );
}

/** The log that is written, one that is read, and some that can be given up. */
/** Some 600,000 denials of Envoy's log, whose lines have about 430 bytes: of 100 in a second those of 100 minutes. */
const SPOOL_BYTES = '268435456';
const LEAST_SPOOL_BYTES = 1_048_576;

export function readSpoolBytes(text = SPOOL_BYTES): number {
  if (/^\d{1,14}$/.test(text) && Number(text) >= LEAST_SPOOL_BYTES) return Number(text);
  throw new OptionError(
    `--spool-bytes: Cannot accept "${text}": write a number of bytes from ${LEAST_SPOOL_BYTES}`,
  );
}

/** Old rows are deleted once an hour. */
const LEAST_RETENTION_MS = 3_600_000;

export function readRetention(text: string): number {
  return readInterval('--retention', text, { leastMs: LEAST_RETENTION_MS, example: '365d' });
}

const UNIT_BYTES: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9, TB: 1e12 };
/** An empty log has a few megabytes. */
const LEAST_RETENTION_BYTES = 1e8;

export function readRetentionSize(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})(MB|GB|TB)$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNIT_BYTES[unit] ?? Number.NaN);
  if (bytes >= LEAST_RETENTION_BYTES) return bytes;
  throw new OptionError(
    `--retention-size: Cannot accept "${text}": write a number and MB, GB or TB, at least "100MB", for example "10GB"`,
  );
}
