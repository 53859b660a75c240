// What is offered over xDS, and when: rejected resources again later, everything only by a gateway that knows it.
import { once } from 'node:events';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ResourceFiles } from '../../operator/gateway/xds/resource-files.ts';
import { forEachKind, type Resources } from '../../operator/gateway/xds/resource-kind.ts';
import { createCertificateAuthority } from '../outside/certificates.ts';
import { XdsFixture } from '../support/envoy/xds-fixture.ts';
import { type Content, resourceOf, type Surroundings, WIDTH } from '../support/envoy/xds-world.ts';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';

let around: Surroundings;
let fixture: XdsFixture;

beforeEach(async () => {
  const leaf = await (await createCertificateAuthority()).leafFor('app.example.com');
  around = { ports: await freePorts(WIDTH + 1), leaf };
  fixture = await XdsFixture.make();
  await fixture.applier.apply(forEachKind(() => []));
  await fixture.envoy.start();
});

afterEach(() => fixture.remove());

/** A listener with its routes, in each slot. */
function resources(slots: number, health: Content['health'] = 'good'): Resources {
  const made = (kind: 'listener' | 'route') =>
    Array.from({ length: slots }, (_, at) => resourceOf({ kind, at }, { health, edition: 1 }, around));
  return { ...forEachKind(() => []), route: made('route'), listener: made('listener') };
}

async function listenerNames(): Promise<readonly string[]> {
  return Object.keys((await fixture.versions()).listener).toSorted();
}

test('a listener whose port is taken is held back alone, and comes once the port is free', async () => {
  const taken = createServer().listen(around.ports[1], '127.0.0.1');
  await once(taken, 'listening');
  const { result } = await fixture.applier.apply(resources(2));
  expect(result).toMatchObject({
    status: 'heldBack',
    heldBack: [{ kind: 'listener', name: 'listener/1', isFormer: false }],
  });
  expect(JSON.stringify(result)).toContain('Address already in use');
  expect(await listenerNames()).toEqual(['listener/0']);
  await once(taken.close(), 'close');
  await until('Envoy takes it', async () => {
    return (await fixture.applier.apply(resources(2))).result.status === 'applied';
  });
  expect(await listenerNames()).toEqual(['listener/0', 'listener/1']);
});

test('a gateway that has lost its memory serves nothing, and Envoy keeps what it has', async () => {
  expect((await fixture.applier.apply(resources(2))).result).toEqual({ status: 'applied' });
  await rm(join(fixture.directory, 'resources/complete'));
  expect(await fixture.restartApplier()).toBe(false);
  expect(await listenerNames()).toEqual(['listener/0', 'listener/1']);
  expect((await fixture.applier.apply(resources(1))).result).toEqual({ status: 'applied' });
  expect(await listenerNames()).toEqual(['listener/0']);
});

test('a file that a power cut has damaged makes all unknown: nothing is served before somebody knows it', async () => {
  expect((await fixture.applier.apply(resources(2))).result).toEqual({ status: 'applied' });
  const folder = join(fixture.directory, 'resources/route');
  const [file = ''] = await readdir(folder);
  await writeFile(join(folder, file), '');
  expect(await fixture.restartApplier()).toBe(false);
  expect(await listenerNames()).toEqual(['listener/0', 'listener/1']);
  expect((await fixture.applier.apply(resources(1))).result).toEqual({ status: 'applied' });
  expect(await listenerNames()).toEqual(['listener/0']);
  expect(await fixture.restartApplier()).toBe(true);
});

test('what Envoy has been given stands in files already, for a process that takes over at any moment', async () => {
  expect((await fixture.applier.apply(resources(2))).result).toEqual({ status: 'applied' });
  const applying = fixture.applier.apply(resources(1));
  await until('Envoy has the change', async () => (await listenerNames()).length === 1);
  const stored = await new ResourceFiles(join(fixture.directory, 'resources')).read();
  const names = stored?.map(({ kind, versions }) => `${kind} ${versions[0]?.name}`);
  expect(names).toEqual(['listener listener/0', 'route route/0']);
  await applying;
});

test('what Envoy rejects stays as it was, also where the gateway has lost its memory', async () => {
  expect((await fixture.applier.apply(resources(2))).result).toEqual({ status: 'applied' });
  const before = await fixture.versions();
  await rm(join(fixture.directory, 'resources'), { recursive: true });
  await fixture.restartApplier();
  const { result } = await fixture.applier.apply(resources(2, 'rejected'));
  expect(result.status).toBe('heldBack');
  expect(await fixture.versions()).toEqual(before);
});

test('a stored secret is for its user alone', async () => {
  const secret = resourceOf({ kind: 'secret', at: 0 }, { health: 'good', edition: 1 }, around);
  await fixture.applier.apply({ ...resources(0), secret: [secret] });
  const folder = join(fixture.directory, 'resources/secret');
  const [file = ''] = await readdir(folder);
  expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
});
