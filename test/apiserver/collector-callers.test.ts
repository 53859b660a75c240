// Whom the collector believes, by a real API server: pods of our gateways, with the token that the kubelet would give
// them, and nobody who only looks like one.
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authenticateByApiServer } from '../../operator/denials/collector/authenticate-callers.ts';
import type { Authenticate } from '../../operator/denials/collector/caller.ts';
import { connectKubernetes } from '../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import {
  COLLECTOR_ACCOUNT,
  COLLECTOR_AUDIENCE,
  GATEWAY_ACCOUNT,
  INGRESS_ACCOUNT,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import {
  CONTROL_PLANE_TIMEOUT_MS,
  type ControlPlane,
  installCollectorRoles,
  installRoles,
  startControlPlane,
} from '../support/cluster/control-plane.ts';
import { until } from '../support/until.ts';

let controlPlane: ControlPlane;
let root: KubernetesApi;
let own: KubernetesApi;
let authenticate: Authenticate;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installRoles(controlPlane);
  await installCollectorRoles(controlPlane);
  root = await connectKubernetes({ kubeconfig: controlPlane.adminKubeconfig });
  own = await connectKubernetes({
    kubeconfig: await controlPlane.serviceAccountKubeconfig(SYSTEM_NAMESPACE, COLLECTOR_ACCOUNT),
  });
  authenticate = authenticateByApiServer({ api: own, systemNamespace: SYSTEM_NAMESPACE, rememberMs: 1 });
  await makePod('gw-1', GATEWAY_ACCOUNT);
}, CONTROL_PLANE_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([root?.close(), own?.close()]);
  await controlPlane?.stop();
});

async function makePod(
  name: string,
  serviceAccountName: string,
  namespace = SYSTEM_NAMESPACE,
): Promise<string> {
  const made = await root.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/pods`,
    body: {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
      spec: { serviceAccountName, containers: [{ name: 'main', image: 'none' }] },
    },
  });
  return (made as { readonly metadata: { readonly uid: string } }).metadata.uid;
}

interface TokenWish {
  readonly account: string;
  readonly namespace?: string;
  readonly audience?: string;
  readonly pod?: string;
}

async function tokenOf({ account, namespace = SYSTEM_NAMESPACE, audience, pod }: TokenWish): Promise<string> {
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: pod };
  const answer = await root.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
      spec: {
        ...(audience === undefined ? {} : { audiences: [audience] }),
        ...(pod === undefined ? {} : { boundObjectRef }),
      },
    },
  });
  return (answer as { readonly status: { readonly token: string } }).status.token;
}

const gatewayToken = (pod = 'gw-1') =>
  tokenOf({ account: GATEWAY_ACCOUNT, audience: COLLECTOR_AUDIENCE, pod });

const whoIs = (token: string) => authenticate({ token, certificate: undefined });

/** The same token with other claims, signed by this key. */
function forge(token: string, change: (claims: Claims) => object, key: KeyObject): string {
  const [head = '', body = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims;
  const text = `${head}.${Buffer.from(JSON.stringify(change(claims))).toString('base64url')}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

interface Claims {
  readonly 'kubernetes.io': object;
}

const clusterKey = async () =>
  createPrivateKey(await readFile(join(controlPlane.folder, 'service-accounts.key'), 'utf8'));

test('a pod of the gateway is the gateway of its name, and one of ingress an ingress gateway', async () => {
  await makePod('in-1', INGRESS_ACCOUNT);
  expect(await whoIs(await gatewayToken())).toEqual({ kind: 'gateway', name: 'gw-1', direction: 'outbound' });
  const ingress = { account: INGRESS_ACCOUNT, audience: COLLECTOR_AUDIENCE, pod: 'in-1' };
  expect(await whoIs(await tokenOf(ingress))).toEqual({
    kind: 'gateway',
    name: 'in-1',
    direction: 'inbound',
  });
  // What the key signs is believed, so the forged ones below are refused for what they say.
  const again = forge(await gatewayToken(), (claims) => claims, await clusterKey());
  expect(await whoIs(again)).toMatchObject({ kind: 'gateway', name: 'gw-1' });
});

test('nobody else is a gateway: another account, Namespace or audience, no pod, a forged or expired token', async () => {
  await makePod('other', 'default');
  await makePod('away', 'default', 'default');
  const audience = COLLECTOR_AUDIENCE;
  const key = await clusterKey();
  const strange = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const token = await gatewayToken();
  const renamed = (claims: Claims) => ({
    ...claims,
    'kubernetes.io': { ...claims['kubernetes.io'], pod: { name: 'gw-2', uid: 'u' } },
  });
  const tokens = [
    tokenOf({ account: 'default', audience, pod: 'other' }),
    tokenOf({ account: 'default', namespace: 'default', audience, pod: 'away' }),
    tokenOf({ account: GATEWAY_ACCOUNT, audience }),
    tokenOf({ account: GATEWAY_ACCOUNT, audience: 'other', pod: 'gw-1' }),
    forge(token, (claims) => claims, strange),
    forge(token, (claims) => ({ ...claims, exp: 1_700_000_000 }), key),
    forge(token, renamed, key),
    `${token}x`,
    'x',
  ];
  const answers = await Promise.all(tokens.map(async (one) => whoIs(await one)));
  expect(answers).toEqual(tokens.map(() => undefined));
});

test('a gateway with the token that it has for the API server is no gateway here, but what it may be there', async () => {
  expect(await whoIs(await tokenOf({ account: GATEWAY_ACCOUNT, pod: 'gw-1' }))).toMatchObject({
    kind: 'person',
    user: 'system:serviceaccount:sallyport-system:sallyport-gateway',
  });
});

test('the token of a pod ends with it', async () => {
  await makePod('gw-gone', GATEWAY_ACCOUNT);
  const token = await gatewayToken('gw-gone');
  expect(await whoIs(token)).toMatchObject({ name: 'gw-gone' });
  const query = { gracePeriodSeconds: '0' };
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods/gw-gone`;
  await root.request({ method: 'DELETE', path, query });
  await until('the token is refused', async () => (await whoIs(token)) === undefined);
  // The next one of that name is another pod.
  await makePod('gw-gone', GATEWAY_ACCOUNT);
  expect(await whoIs(token)).toBeUndefined();
});

test('a person is who the API server says, by token or client certificate; without either nobody', async () => {
  expect(await whoIs(await tokenOf({ account: 'default', namespace: 'default' }))).toMatchObject({
    ...{ kind: 'person', user: 'system:serviceaccount:default:default' },
    groups: expect.arrayContaining(['system:serviceaccounts:default', 'system:authenticated']),
  });
  const certificate = { user: 'ada', groups: ['analysts'] };
  expect(await authenticate({ token: undefined, certificate })).toEqual({
    ...{ kind: 'person', user: 'ada', groups: ['analysts', 'system:authenticated'] },
  });
  expect(await authenticate({ token: 'x', certificate })).toBeUndefined();
  expect(await authenticate({ token: undefined, certificate: undefined })).toBeUndefined();
});

test('an answer is remembered for a while, and a failure is not', async () => {
  let asked = 0;
  let isAway = true;
  const api: Pick<KubernetesApi, 'request'> = {
    request: async (request) => {
      asked += 1;
      if (isAway) throw new Error('away');
      return own.request(request);
    },
  };
  const remembering = authenticateByApiServer({ api, systemNamespace: SYSTEM_NAMESPACE });
  const credentials = { token: await gatewayToken(), certificate: undefined };
  await expect(remembering(credentials)).rejects.toThrow('away');
  isAway = false;
  const answers = await Promise.all([1, 2, 3].map(() => remembering(credentials)));
  expect(answers).toEqual([1, 2, 3].map(() => ({ kind: 'gateway', name: 'gw-1', direction: 'outbound' })));
  expect(asked).toBe(2);
});
