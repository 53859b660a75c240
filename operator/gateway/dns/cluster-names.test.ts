import type { ClusterService } from '../../model/cluster-service.ts';
import {
  type ClusterName,
  type ClusterNames,
  isClusterName,
  namesBeforeSuffix,
  readClusterName,
} from './cluster-names.ts';

const SERVICES: Readonly<Record<string, ClusterService>> = {
  'lab/web': { kind: 'addressed', addresses: ['10.96.0.9', 'fd00::9'], ports: ['_https._tcp'] },
  'lab/peers': { kind: 'headless', ports: ['_db._tcp'] },
  'lab/alias': { kind: 'alias' },
};
const NAMES: ClusterNames = {
  domain: 'cluster.local',
  findService: (namespace, service) => SERVICES[`${namespace}/${service}`],
};

test.each<[string, ClusterName['kind']]>([
  ['web.lab.svc.cluster.local', 'addressed'],
  ['_https._tcp.web.lab.svc.cluster.local', 'port'],
  ['peers.lab.svc.cluster.local', 'endpoints'],
  ['pod-0.peers.lab.svc.cluster.local', 'endpoints'],
  ['_db._tcp.peers.lab.svc.cluster.local', 'port'],
  ['alias.lab.svc.cluster.local', 'alias'],
  ['pod-0.web.lab.svc.cluster.local', 'none'],
  ['_payload._tcp.web.lab.svc.cluster.local', 'none'],
  ['_tcp._https.web.lab.svc.cluster.local', 'none'],
  ['payload.alias.lab.svc.cluster.local', 'none'],
  ['_https._tcp.alias.lab.svc.cluster.local', 'none'],
  ['payload.pod-0.peers.lab.svc.cluster.local', 'none'],
  ['a._https._tcp.web.lab.svc.cluster.local', 'none'],
  ['api.lab.svc.cluster.local', 'none'],
  ['web.other.svc.cluster.local', 'none'],
  ['lab.svc.cluster.local', 'none'],
  ['svc.cluster.local', 'none'],
  ['10-0-0-1.lab.pod.cluster.local', 'none'],
  ['web.lab.svc.cluster.local.example.com', 'none'],
])('readClusterName() of %s is %s', (name, kind) => {
  expect(readClusterName(name, NAMES).kind).toBe(kind);
});

test.each([
  ['api.lab.svc.cluster.local', 'unknown'],
  ['_https._tcp.web.lab.svc.cluster.local', 'unknown'],
  ['payload.pod-0.web.lab.svc.cluster.local', 'none'],
  ['lab.svc.cluster.local', 'none'],
  ['10-0-0-1.lab.pod.cluster.local', 'none'],
])('readClusterName() of %s is %s while nobody knows the Services', (name, kind) => {
  expect(readClusterName(name, { ...NAMES, findService: () => 'unknown' }).kind).toBe(kind);
});

test('namesBeforeSuffix() gives what a search list may have started from', () => {
  const name = 'example.com.lab.svc.cluster.local';
  expect(namesBeforeSuffix(name, NAMES)).toEqual(['example.com.lab', 'example.com']);
});

test('isClusterName() takes the domain and all below it, and nothing that only ends alike', () => {
  const names = ['cluster.local', 'api.example.com.cluster.local', 'mycluster.local', 'local'];
  expect(names.filter((name) => isClusterName(name, NAMES))).toEqual(names.slice(0, 2));
});
