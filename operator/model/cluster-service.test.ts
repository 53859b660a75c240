import { clusterServiceOf } from './cluster-service.ts';

test.each<[string, unknown, unknown]>([
  [
    'a Service with addresses',
    {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9', 'fd00::9'],
      ports: [{ name: 'Web', protocol: 'TCP' }, { name: 'dns', protocol: 'UDP' }, { port: 8080 }],
    },
    { kind: 'addressed', addresses: ['10.96.0.9', 'fd00::9'], ports: ['_web._tcp', '_dns._udp'] },
  ],
  ['one that says nothing', {}, { kind: 'addressed', addresses: [], ports: [] }],
  ['none at all', undefined, { kind: 'addressed', addresses: [], ports: [] }],
  [
    'a headless one',
    { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'db', port: 1 }] },
    { kind: 'headless', ports: ['_db._tcp'] },
  ],
  [
    'one of type ExternalName',
    { type: 'ExternalName', externalName: 'db.example.com', clusterIP: '10.96.0.9' },
    { kind: 'alias' },
  ],
  ['one of a type that comes later', { type: 'Teleport', clusterIP: '10.96.0.9' }, { kind: 'alias' }],
])('clusterServiceOf() of %s', (_, spec, service) => {
  expect(clusterServiceOf(spec)).toEqual(service);
});
