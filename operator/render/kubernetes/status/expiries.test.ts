import { manifest, policyManifest } from '../../../../test/fixtures/object-fixture.ts';
import { AT_MS, statusInput, withStored } from '../../../../test/fixtures/status-fixture.ts';
import { renderExpiryEvents } from './expiries.ts';
import { renderStatuses } from './render-statuses.ts';
import type { StatusInput } from './status-index.ts';

const HOUR_MS = 3_600_000;
const EXPIRY_MS = AT_MS + 48 * HOUR_MS;
const EXPIRES_AT = new Date(EXPIRY_MS).toISOString();

const POLICY = policyManifest('acme', {
  allowedInternetDestinations: [
    { destination: 'a.example.com', expiresAt: EXPIRES_AT },
    { destination: 'lasting.example.com' },
  ],
});
const METASTORE = manifest('Metastore', 'meta', {
  region: 'us-west-2',
  connections: [{ name: 'orders', destination: 'db.example.com', transitionEndTime: EXPIRES_AT }],
  workspaces: [],
});

/** The Events of passes of the operator at these times, each after what the one before has stored. */
function notified(input: StatusInput, ...timesMs: readonly number[]): readonly (readonly string[])[] {
  let seen = input;
  return timesMs.map((atMs) => {
    const { statuses } = renderStatuses({ ...seen, atMs });
    const events = renderExpiryEvents(statuses, seen.state);
    seen = withStored(seen, statuses);
    return events.map(({ type, regarding, reason, note }) => `${type} ${regarding.name} ${reason} ${note}`);
  });
}

const EXPIRING = `Warning acme DestinationExpiring Ends soon: allowedInternetDestinations "a.example.com" at ${EXPIRES_AT}`;
const EXPIRED = `Normal acme DestinationExpired Has ended: allowedInternetDestinations "a.example.com" at ${EXPIRES_AT}`;

describe('renderExpiryEvents()', () => {
  it('announces an entry a day before it ends, tells that it has ended, and each once', () => {
    const times = [0, 23, 24, 25, 47, 48, 49, 100].map((hours) => AT_MS + hours * HOUR_MS);
    expect(notified(statusInput(POLICY), ...times)).toEqual([[], [], [EXPIRING], [], [], [EXPIRED], [], []]);
  });

  it('reports what has ended while no operator ran', () => {
    expect(notified(statusInput(POLICY), AT_MS, AT_MS + 100 * HOUR_MS)).toEqual([[], [EXPIRED]]);
  });

  it('tells nothing of an entry that has ended before the policy was ever seen', () => {
    expect(notified(statusInput(POLICY), AT_MS + 100 * HOUR_MS)).toEqual([[]]);
  });

  it('speaks of the connections of a metastore too', () => {
    const [, events] = notified(statusInput(METASTORE), AT_MS, EXPIRY_MS);
    expect(events).toEqual([
      `Normal meta DestinationExpired Has ended: connections "orders" at ${EXPIRES_AT}`,
    ]);
  });

  it('names some entries of many', () => {
    const allowedInternetDestinations = Array.from({ length: 9 }, (_, at) => ({
      destination: `a${at}.example.com`,
      expiresAt: EXPIRES_AT,
    }));
    const input = statusInput(policyManifest('acme', { allowedInternetDestinations }));
    expect(notified(input, AT_MS, EXPIRY_MS)[1]?.[0]).toMatch(
      /"a0\.example\.com" .* "a4\.example\.com" at \S+, 4 more$/,
    );
  });
});

describe('renderStatuses()', () => {
  it('comes back when an entry is to be announced, and when it ends', () => {
    const at = (atMs: number) => renderStatuses({ ...statusInput(POLICY), atMs }).changesAtMs;
    expect([AT_MS, EXPIRY_MS - 24 * HOUR_MS, EXPIRY_MS].map(at)).toEqual([
      EXPIRY_MS - 24 * HOUR_MS,
      EXPIRY_MS,
      undefined,
    ]);
  });

  it('counts what has expired, and says nothing of it where nothing ever expires', () => {
    const statusAt = (atMs: number) => renderStatuses({ ...statusInput(POLICY), atMs }).statuses[0]?.status;
    expect(statusAt(AT_MS)).toMatchObject({ expiredDestinations: 0 });
    expect(statusAt(EXPIRY_MS)).toMatchObject({ expiredDestinations: 1 });
    const lasting = renderStatuses(statusInput(policyManifest('acme'))).statuses[0]?.status;
    expect(lasting).not.toHaveProperty('expiriesToldAt');
  });

  it('keeps what has been reported while a policy cannot be read', () => {
    const input = statusInput(POLICY);
    const seen = withStored(input, renderStatuses({ ...input, atMs: EXPIRY_MS - HOUR_MS }).statuses);
    const unreadable = statusInput(policyManifest('acme', { restrictionMode: 'NONE' }));
    const state = { ...unreadable.state, statuses: seen.state.statuses };
    expect(renderStatuses({ ...unreadable, state, atMs: EXPIRY_MS }).statuses[0]?.status).toMatchObject({
      expiriesToldAt: new Date(EXPIRY_MS - HOUR_MS).toISOString(),
    });
  });
});
