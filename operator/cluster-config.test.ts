import { readOperatorConfig } from './cluster-config.ts';

const OPTIONS = {
  namespace: 'sallyport-system',
  healthPort: '0',
  logLevel: 'info',
  clusterDomain: 'cluster.local',
  clusterDns: [],
};

test.each([
  [{ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '6443' }, 'https://10.0.0.1:6443'],
  [{ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, 'https://[fd00::1]:443'],
  [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, undefined],
  [{}, undefined],
])('with %j the API server is at %s', (environment, podServer) => {
  expect(readOperatorConfig(OPTIONS, environment)).toMatchObject({ podServer });
});
