import { isClusterName, isServiceName, namesBeforeSuffix } from './cluster-names.ts';

const NAMES = {
  domain: 'cluster.local',
  hasService: (namespace: string, service: string) => `${namespace}/${service}` === 'lab/web',
};

test.each([
  ['web.lab.svc.cluster.local', true],
  ['pod-0.web.lab.svc.cluster.local', true],
  ['_https._tcp.web.lab.svc.cluster.local', true],
  ['payload.pod-0.web.lab.svc.cluster.local', false],
  ['a._https._tcp.web.lab.svc.cluster.local', false],
  ['api.lab.svc.cluster.local', false],
  ['web.other.svc.cluster.local', false],
  ['lab.svc.cluster.local', false],
  ['svc.cluster.local', false],
  ['10-0-0-1.lab.pod.cluster.local', false],
  ['web.lab.svc.cluster.local.example.com', false],
])('isServiceName() of %s is %s', (name, is) => {
  expect(isServiceName(name, NAMES)).toBe(is);
});

test.each([
  ['api.lab.svc.cluster.local', undefined],
  ['_https._tcp.web.lab.svc.cluster.local', undefined],
  ['payload.pod-0.web.lab.svc.cluster.local', false],
  ['lab.svc.cluster.local', false],
  ['10-0-0-1.lab.pod.cluster.local', false],
])('isServiceName() of %s is %s while nobody knows the Services', (name, is) => {
  expect(isServiceName(name, { ...NAMES, hasService: () => undefined })).toBe(is);
});

test('namesBeforeSuffix() gives what a search list may have started from', () => {
  const name = 'example.com.lab.svc.cluster.local';
  expect(namesBeforeSuffix(name, NAMES)).toEqual(['example.com.lab', 'example.com']);
});

test('isClusterName() takes the domain and all below it, and nothing that only ends alike', () => {
  const names = ['cluster.local', 'api.example.com.cluster.local', 'mycluster.local', 'local'];
  expect(names.filter((name) => isClusterName(name, NAMES))).toEqual(names.slice(0, 2));
});
