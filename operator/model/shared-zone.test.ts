import fc from 'fast-check';
import { getPublicSuffix } from 'tldts';
import { faultOfZone } from './shared-zone.ts';

describe('faultOfZone()', () => {
  it.each([
    '*.github.io',
    '*.githubusercontent.com',
    '*.servicebus.windows.net',
    '*.azurewebsites.net',
    '*.googleapis.com',
    '*.GitHub.IO.',
    '*.us-west-2.compute.amazonaws.com',
  ])('asks whether %s is meant: strangers get names under it', (destination) => {
    const name = destination.toLowerCase().replace(/\.$/, '');
    expect(faultOfZone({ destination })).toBe(
      `Cannot allow "${name}" unless the entry says so: other customers have names under it; name what you need, or write { destination: "${name}", sharedZone: Accept }`,
    );
    expect(faultOfZone({ destination, sharedZone: 'Accept' })).toBeUndefined();
  });

  it.each([
    '*.amazonaws.com',
    '*.core.windows.net',
    '*.windows.net',
    '*.on.aws',
    '*.us-west-2.amazonaws.com',
  ])('asks whether %s is meant, and names a zone below it', (destination) => {
    const fault = faultOfZone({ destination });
    const [, zone = ''] = /below it, in "([^"]+)" for example/.exec(fault ?? '') ?? [];
    expect(`.${zone}`.endsWith(destination.slice(1))).toBe(true);
    expect([zone, `any.${zone}`]).toContain(getPublicSuffix(`any.${zone}`, { allowPrivateDomains: true }));
    expect(faultOfZone({ destination, sharedZone: 'Accept' })).toBeUndefined();
  });

  it.each([
    '*.blob.core.windows.net',
    '*.s3.us-west-2.amazonaws.com',
    '*.storage.googleapis.com',
    '*.wasabisys.com',
  ])('says of %s that it can allow nothing, accepted or not', (destination) => {
    const fault = `Cannot allow "${destination}": the names under it are buckets and accounts, which no wildcard covers; list them under allowedStorageDestinations, or by their exact names`;
    expect(faultOfZone({ destination })).toBe(fault);
    expect(faultOfZone({ destination, sharedZone: 'Accept' })).toBe(fault);
  });

  it.each([
    'github.io',
    'stranger.github.io',
    '*.acme.github.io',
    '*.github.com',
    '*.google.com',
    '*.huggingface.co',
    '*.models.example',
    '*.com',
    'acme.blob.core.windows.net',
  ])('has nothing to say of %s', (destination) => {
    expect(faultOfZone({ destination })).toBeUndefined();
  });

  it('asks about every wildcard at or above a suffix of the private section, and of no name below one', () => {
    const host = fc.constantFrom(
      'x.github.io',
      'x.lambda-url.us-west-2.on.aws',
      'x.execute-api.us-west-2.amazonaws.com',
      'x.azurewebsites.net',
      'x.eu-1.compute.amazonaws.com',
      'x.pages.dev',
    );
    fc.assert(
      fc.property(host, fc.nat(4), fc.domain(), (inZone, cut, front) => {
        const name = inZone.split('.').slice(cut).join('.');
        const isIcann = getPublicSuffix(name) === name;
        fc.pre(name !== '' && !isIcann);
        const fault = faultOfZone({ destination: `*.${name}` });
        expect(fault !== undefined).toBe(cut > 0);
        expect(faultOfZone({ destination: `*.${front}.${inZone}` })).toBeUndefined();
      }),
    );
  });
});
