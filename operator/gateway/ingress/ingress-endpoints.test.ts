import { samplePlan } from '../../../test/fixtures/inbound-fixture.ts';
import { HTTP_LISTENER, TLS_LISTENER } from '../../render/envoy/ingress/ingress-names.ts';
import { ingressEndpoints } from './ingress-endpoints.ts';

const SETTINGS = { address: '127.0.0.1', httpPort: 8080, tlsPort: 8443 };
const PLANS = [
  samplePlan('plain', { hosts: ['plain.example'] }),
  samplePlan('ended', { hosts: ['ended.example'] }),
  samplePlan('raw', { hosts: ['raw.example'], tlsPassthrough: true }),
  samplePlan('hostless', { hosts: [] }),
];

function ports(settings: Partial<typeof SETTINGS> | object = {}, ...missing: readonly string[]) {
  const certificates = new Map([['ended', 'a certificate']]);
  const endpoints = ingressEndpoints(PLANS, certificates, { ...SETTINGS, ...settings }, new Set(missing));
  return endpoints.map(({ workspace, http, https }) => [workspace, http, https]);
}

test('a host has the ports that serve it, and no others', () => {
  expect(ports()).toEqual([
    ['plain', '127.0.0.1:8080', null],
    ['ended', '127.0.0.1:8080', '127.0.0.1:8443'],
    ['raw', null, '127.0.0.1:8443'],
  ]);
});

test.each<[string, object, string | null, string | null]>([
  ['plain HTTP is not wanted', { httpPort: undefined }, null, '127.0.0.1:8443'],
  ['TLS is not wanted', { tlsPort: undefined }, '127.0.0.1:8080', null],
])('where %s, no port is printed for it', (_what, settings, http, https) => {
  expect(ports(settings)).toEqual([
    ['plain', http, null],
    ['ended', http, https],
    ['raw', null, https],
  ]);
});

test.each<[string, string | null, string | null]>([
  [HTTP_LISTENER, null, '127.0.0.1:8443'],
  [TLS_LISTENER, '127.0.0.1:8080', null],
])('while Envoy does not have %s, its port is not printed', (missing, http, https) => {
  expect(ports({}, missing)).toEqual([
    ['plain', http, null],
    ['ended', http, https],
    ['raw', null, https],
  ]);
});
