import type { EgressTableSpec } from '../model/egress-table.ts';
import type { PortProtocol } from '../model/network-policy.ts';
import { placeTlsPorts, tlsPortProblems } from './tls-ports.ts';

type List = EgressTableSpec['groups'][number]['list'];

function tableOf(
  ports: readonly (readonly [number, PortProtocol])[],
  list: List = 'allowedInternetDestinations',
): EgressTableSpec {
  const group = { list, source: 'NetworkPolicy/acme', names: ['a.example'] };
  const written = ports.map(([port, protocol]) => ({ port, protocol }));
  return { networkPolicyId: 'acme', revision: 'r1', groups: [{ ...group, ports: written }] };
}

function tlsOn(...ports: readonly number[]): EgressTableSpec {
  return tableOf(ports.map((port) => [port, 'TLS']));
}

test('placeTlsPorts() gives places to the TLS ports besides 443, the lowest first, and to no other protocol', () => {
  const table = tableOf([
    [9443, 'TLS'],
    [443, 'TLS'],
    [8443, 'TLS'],
    [8080, 'HTTP'],
    [5432, 'TCP'],
  ]);
  expect(placeTlsPorts(table, 'enforced', [])).toEqual({
    tlsPorts: [
      { port: 8443, offset: 4 },
      { port: 9443, offset: 5 },
    ],
    leftOut: [],
  });
});

test('placeTlsPorts() leaves a port where it is when others come and go', () => {
  const before = [
    { port: 8443, offset: 4 },
    { port: 9443, offset: 5 },
  ];
  expect(placeTlsPorts(tlsOn(9443, 7443), 'enforced', before).tlsPorts).toEqual([
    { port: 7443, offset: 4 },
    { port: 9443, offset: 5 },
  ]);
});

test('placeTlsPorts() leaves out what has no room, and ports that a lane has for something else', () => {
  const { tlsPorts, leftOut } = placeTlsPorts(tlsOn(80, 1001, 1002, 1003, 1004, 1005), 'enforced', []);
  expect(tlsPorts.map(({ port }) => port)).toEqual([1001, 1002, 1003, 1004]);
  expect(leftOut).toEqual([80, 1005]);
});

test('placeTlsPorts() gives a sealed lane no port of the internet', () => {
  expect(placeTlsPorts(tlsOn(8443), 'sealed', []).tlsPorts).toEqual([]);
  const storage = tableOf([[8443, 'TLS']], 'privateEndpoints');
  expect(placeTlsPorts(storage, 'sealed', []).tlsPorts).toEqual([{ port: 8443, offset: 4 }]);
});

test('tlsPortProblems() names the policy and the ports once, however many lanes are concerned', () => {
  const problems = tlsPortProblems([
    { networkPolicyId: 'acme', ports: [9005] },
    { networkPolicyId: 'acme', ports: [9005, 9006] },
    { networkPolicyId: 'calm', ports: [] },
  ]);
  expect(problems).toMatchObject([{ reason: 'TooManyTlsPorts', object: 'NetworkPolicy/acme' }]);
  expect(problems[0]?.message).toContain('TLS port 9005, 9006 of network policy "acme"');
});
