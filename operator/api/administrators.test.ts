import { Administrators } from './administrators.ts';

const AT_MS = Date.parse('2027-01-31T00:00:00Z');
const HOUR_MS = 3_600_000;

function one(namespace: string, address: string) {
  return { namespace, address, user: 'ana' };
}

describe('Administrators', () => {
  it('forgets after a day, and renews within it', () => {
    const known = new Administrators();
    expect(known.note(one('team', '192.0.2.7'), AT_MS)).toBe(true);
    expect(known.note(one('team', '192.0.2.7'), AT_MS + HOUR_MS - 1)).toBe(false);
    expect(known.note(one('team', '192.0.2.7'), AT_MS + HOUR_MS)).toBe(true);
    expect(known.recent(AT_MS + 24 * HOUR_MS)).toHaveLength(1);
    expect(known.recent(AT_MS + 25 * HOUR_MS)).toEqual([]);
  });

  it('keeps the newest 100 of a workspace, and no name', () => {
    const known = new Administrators();
    for (let at = 0; at < 150; at += 1) known.note(one('team', `10.0.0.${at}`), AT_MS + at);
    known.note(one('other', '10.0.0.1'), AT_MS);
    const seen = known.recent(AT_MS + 200);
    expect(seen.filter(({ workspace }) => workspace === 'other')).toHaveLength(1);
    const addresses = seen.filter(({ workspace }) => workspace === 'team').map(({ address }) => address);
    expect(addresses).toEqual(Array.from({ length: 100 }, (_, at) => `10.0.0.${149 - at}`));
    expect(JSON.stringify(seen)).not.toContain('ana');
  });

  it('keeps the newest 5,000 of all', () => {
    const known = new Administrators();
    for (let at = 0; at < 5100; at += 1)
      known.note(one(`team-${at % 60}`, `10.0.${at >> 8}.${at & 255}`), AT_MS + at);
    const seen = known.recent(AT_MS + 6000);
    expect(seen).toHaveLength(5000);
    expect(seen[0]?.address).toBe('10.0.19.235');
  });

  it('takes over what others saw, unless it knows better', () => {
    const known = new Administrators();
    known.note(one('team', '192.0.2.7'), AT_MS);
    const older = {
      workspace: 'team',
      address: '192.0.2.7',
      user: 'x',
      lastSeen: new Date(AT_MS - 5).toISOString(),
    };
    known.add([older, { ...older, address: '192.0.2.8' }]);
    expect(known.recent(AT_MS).map(({ address, user }) => [address, user.length])).toEqual([
      ['192.0.2.8', 1],
      ['192.0.2.7', 16],
    ]);
  });
});
