import { type RunOptions, readRunConfig } from './config.ts';
import { OptionError } from './option-values.ts';

const OPTIONS: RunOptions = {
  state: '.sallyport',
  listenAddress: '127.0.0.1',
  ports: '10000-31999',
  resolver: [],
  openRange: [],
  denyRange: [],
  maxConnections: '4096',
  accountId: 'local',
};

function configOf(options: Partial<RunOptions>) {
  return readRunConfig('policies', { ...OPTIONS, ...options }, { PATH: '/usr/bin' });
}

test('readRunConfig() reads the defaults of the command line and makes paths absolute', () => {
  expect(configOf({})).toMatchObject({
    folder: `${process.cwd()}/policies`,
    stateDirectory: `${process.cwd()}/.sallyport`,
    listenAddress: '127.0.0.1',
    ports: { from: 10_000, to: 31_999 },
    resolvers: [],
    openRanges: [],
    denyRanges: [],
    maxConnections: 4096,
    accountId: 'local',
    concurrency: undefined,
    envoyMemoryMb: undefined,
    retentionMs: 365 * 86_400_000,
    retentionBytes: 10e9,
    path: '/usr/bin',
  });
});

test('readRunConfig() has an empty PATH where the environment has none', () => {
  expect(readRunConfig('policies', OPTIONS, {}).path).toBe('');
});

test('readRunConfig() reads both bounds of the denial log', () => {
  const options = { retention: '36h', retentionSize: '500MB' };
  expect(configOf(options)).toMatchObject({ retentionMs: 36 * 3_600_000, retentionBytes: 5e8 });
});

test.each([
  ['192.0.2.53', { address: '192.0.2.53', port: 53 }],
  ['192.0.2.53:5353', { address: '192.0.2.53', port: 5353 }],
  ['[2001:db8::53]', { address: '2001:db8::53', port: 53 }],
  ['[2001:db8::53]:5353', { address: '2001:db8::53', port: 5353 }],
])('readRunConfig() reads resolver %s', (text, resolver) => {
  expect(configOf({ resolver: [text] }).resolvers).toEqual([resolver]);
});

const PORTS_FIX = 'write two ports from 1024 to 65535, at least 8 in all, such as "10000-31999"';
const RESOLVER_FIX = 'write an address and port such as "192.0.2.53:53" or "[2001:db8::53]:53"';
const ADDRESS_FIX = 'write an address such as "127.0.0.1"';
const DURATION_FIX = 'write a number and s, m, h or d, for example "2h"';
const SIZE_FIX = 'write a number and MB, GB or TB, at least "100MB", for example "10GB"';
const COUNT_FIX = 'write a whole number from 1';

test.each<[Partial<RunOptions>, string]>([
  [{ listenAddress: 'localhost' }, `--listen-address: Cannot accept address "localhost": ${ADDRESS_FIX}`],
  [{ listenAddress: '127.0.0.0/8' }, `--listen-address: Cannot accept address "127.0.0.0/8": ${ADDRESS_FIX}`],
  [{ ports: '80-443' }, `--ports: Cannot accept range "80-443": ${PORTS_FIX}`],
  [{ ports: '20000-20006' }, `--ports: Cannot accept range "20000-20006": ${PORTS_FIX}`],
  [{ ports: '31999-10000' }, `--ports: Cannot accept range "31999-10000": ${PORTS_FIX}`],
  [{ ports: '60000-70000' }, `--ports: Cannot accept range "60000-70000": ${PORTS_FIX}`],
  [{ ports: '10000' }, `--ports: Cannot accept range "10000": ${PORTS_FIX}`],
  [{ resolver: ['dns.example.com'] }, `--resolver: Cannot accept address "dns.example.com": ${ADDRESS_FIX}`],
  [{ resolver: ['2001:db8::53'] }, `--resolver: Cannot accept "2001:db8::53": ${RESOLVER_FIX}`],
  [{ resolver: ['192.0.2.53:0'] }, `--resolver: Cannot accept "192.0.2.53:0": ${RESOLVER_FIX}`],
  [{ resolver: ['192.0.2.53:99999'] }, `--resolver: Cannot accept "192.0.2.53:99999": ${RESOLVER_FIX}`],
  [{ maxConnections: '0' }, `--max-connections: Cannot accept "0": ${COUNT_FIX}`],
  [{ maxConnections: '1e3' }, `--max-connections: Cannot accept "1e3": ${COUNT_FIX}`],
  [{ envoyMemoryMb: '63' }, '--envoy-memory-mb: Cannot accept "63": write a number of megabytes from 64'],
  [{ retention: '1w' }, `--retention: Cannot read duration "1w": ${DURATION_FIX}`],
  [{ retention: '59m' }, '--retention: Cannot accept "59m": write at least "1h", for example "365d"'],
  [{ retentionSize: '10' }, `--retention-size: Cannot accept "10": ${SIZE_FIX}`],
  [{ retentionSize: '99MB' }, `--retention-size: Cannot accept "99MB": ${SIZE_FIX}`],
  [{ concurrency: '-1' }, `--concurrency: Cannot accept "-1": ${COUNT_FIX}`],
])('readRunConfig() rejects %j', (options, message) => {
  expect(() => configOf(options)).toThrow(new OptionError(message));
});

test('readRunConfig() repeats what is wrong with an open range', () => {
  expect(() => configOf({ openRange: ['10.0.0.0/8', '10.0.0.0/40'] })).toThrow(
    /^--open-range: .*"10\.0\.0\.0\/40"/,
  );
});
