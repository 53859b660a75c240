// The two others who come through where only the operator writes: an administrator who has broken the glass, which the
// audit log shows, and the real controllers that remove what has lost its Namespace or its owner.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiRequest, KubernetesApi } from '../../operator/lib/kubernetes/kubernetes-api.ts';
import { BREAK_GLASS_ANNOTATION, STAMP_ANNOTATION } from '../../operator/model/stamp.ts';
import {
  accountUser,
  GATEWAY_ACCOUNT,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  POD_NAME_EXTRA,
  SYSTEM_NAMESPACE,
} from '../../operator/model/system-names.ts';
import { WORKSPACE_LABEL } from '../../operator/model/workspace.ts';
import {
  type AdmissionScene,
  create,
  dryRun,
  namespace,
  podOf,
  READY,
  rejection,
  startAdmissionScene,
  until,
} from '../support/cluster/admission-scene.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from '../support/cluster/control-plane.ts';

const OWNED = { [MANAGED_BY_LABEL]: MANAGED_BY };
const REASON = 'incident 42';
const RULES = '/apis/networking.k8s.io/v1/namespaces';

let scene: AdmissionScene;
let folder: string;
/** Has all rights by a wildcard, as cluster-admin has; its name is nothing special. */
let chief: KubernetesApi;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-audit-'));
  scene = await startAdmissionScene({ auditLog: join(folder, 'audit.log') });
  await create(scene.root, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'chief' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'chief' }],
  });
  chief = await scene.actingAs('chief');
  await create(scene.operator, isolationIn(READY));
}, CONTROL_PLANE_TIMEOUT_MS);
afterAll(async () => {
  await scene.stop();
  await rm(folder, { recursive: true });
});

function isolationIn(home: string) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'sallyport-isolation', namespace: home, labels: OWNED },
    spec: { podSelector: {}, policyTypes: ['Egress'] },
  };
}

const removal: ApiRequest = dryRun({
  method: 'DELETE',
  path: `${RULES}/${READY}/networkpolicies/sallyport-isolation`,
});
const removalOfAll: ApiRequest = dryRun({ method: 'DELETE', path: `${RULES}/${READY}/networkpolicies` });

function annotate(home: string, annotations: Readonly<Record<string, string | null>>): ApiRequest {
  return {
    method: 'PATCH',
    path: `/api/v1/namespaces/${home}`,
    body: { metadata: { annotations } },
    contentType: 'application/merge-patch+json',
  };
}

async function untilGone(path: string): Promise<void> {
  await until(`${path} to be gone`, async () => {
    const answer = await rejection(scene.root, { method: 'GET', path });
    return answer.includes('not found') ? '' : `it is there ${answer}`;
  });
}

describe('a cluster admin', () => {
  it.each([
    ['deletes isolation', removal],
    ['deletes all KubeNetworkPolicies', removalOfAll],
  ])('who %s reads that only the operator does, and how to do it', async (_, request) => {
    const sentence = await rejection(chief, request);
    expect(sentence).toContain('Sallyport owns what carries label "app.kubernetes.io/managed-by=sallyport"');
    expect(sentence).toContain(`annotates the Namespace with "${BREAK_GLASS_ANNOTATION}" and a reason first`);
  });

  it('may write what is stored already, as a migration of what is stored does', async () => {
    const { path } = removal;
    const stored = await chief.request({ method: 'GET', path });
    const patch = { method: 'PATCH', path, contentType: 'application/merge-patch+json' } as const;
    expect(await rejection(chief, { ...patch, body: stored })).toBe('');
    expect(await rejection(chief, { ...patch, body: { metadata: { labels: { a: 'b' } } } })).not.toBe('');
  });
});

describe('the glass', () => {
  it.each(['lead', 'account-admin'] as const)('is not broken by %s', async (person) => {
    const request = dryRun(annotate(READY, { [BREAK_GLASS_ANNOTATION]: REASON }));
    expect(await rejection(scene.as[person], request)).toContain(
      `Cannot set annotation "${BREAK_GLASS_ANNOTATION}" of Namespace "${READY}": only an administrator`,
    );
  });

  it.each(['', '   '])('is not broken without a reason (%j)', async (reason) => {
    const request = dryRun(annotate(READY, { [BREAK_GLASS_ANNOTATION]: reason }));
    expect(await rejection(chief, request)).toContain('without a reason');
  });

  it('is not broken by the request that needs it', async () => {
    const annotations = { [BREAK_GLASS_ANNOTATION]: REASON, [STAMP_ANNOTATION]: null };
    expect(await rejection(chief, dryRun(annotate(READY, annotations)))).toContain(
      'only Sallyport writes them',
    );
  });

  describe('once it is broken', () => {
    beforeAll(async () => {
      await chief.request(annotate(READY, { [BREAK_GLASS_ANNOTATION]: REASON }));
      await until('the API server to heed it', () => rejection(chief, removal));
    });

    it.each([
      ['isolation', removal],
      ['all KubeNetworkPolicies', removalOfAll],
      ['a stamp', dryRun(annotate(READY, { [STAMP_ANNOTATION]: null }))],
    ])('lets a cluster admin remove %s', async (_, request) => {
      expect(await rejection(chief, request)).toBe('');
    });

    it('lets nobody through who could not break it', async () => {
      expect(await rejection(scene.as.admin, removal)).toContain('Sallyport owns');
      expect(await rejection(scene.as.lead, dryRun(annotate(READY, { [STAMP_ANNOTATION]: null })))).toContain(
        'only Sallyport writes them',
      );
    });

    it('counts in this Namespace only', async () => {
      const plan = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x', labels: OWNED } };
      const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/services`;
      const body = { ...plan, spec: { ports: [{ port: 80 }] } };
      expect(await rejection(chief, dryRun({ method: 'POST', path, body }))).toContain('Sallyport owns');
    });

    it('shows in the audit log who did what, and the reason', async () => {
      const notified = (await auditLines())
        .filter(({ verb, user }) => verb === 'delete' && user?.username === 'admin')
        .flatMap(({ impersonatedUser, responseStatus, annotations = {} }) =>
          impersonatedUser?.username === 'chief' && responseStatus?.code === 200
            ? [annotations['sallyport-owned-isolation/break-glass']]
            : [],
        );
      expect(notified).toContain(REASON);
    });

    it('is mended by whoever may write the Namespace', async () => {
      await scene.as.lead.request(annotate(READY, { [BREAK_GLASS_ANNOTATION]: null }));
      await until('the API server to heed it', async () =>
        (await rejection(chief, removal)) === '' ? 'it does not' : '',
      );
    });
  });

  it('leaves no word in the audit log of what the operator does', async () => {
    await scene.operator.request(removal);
    const lines = await auditLines();
    const own = lines.filter(({ impersonatedUser }) => impersonatedUser?.username.endsWith('-operator'));
    expect(own.length).toBeGreaterThan(0);
    expect(
      own.filter(({ annotations }) => JSON.stringify(annotations ?? {}).includes('break-glass')),
    ).toEqual([]);
  });
});

interface AuditLine {
  readonly verb: string;
  readonly user?: { readonly username: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly responseStatus?: { readonly code: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

async function auditLines(): Promise<readonly AuditLine[]> {
  const text = await readFile(join(folder, 'audit.log'), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AuditLine);
}

describe('the controllers of Kubernetes', () => {
  it('empty a Namespace that is deleted', async () => {
    const home = 'passing';
    await create(scene.root, namespace(home, { labels: { [WORKSPACE_LABEL]: '104' } }));
    await until('its isolation', () =>
      create(scene.operator, isolationIn(home)).then(
        () => '',
        (error: Error) => error.message,
      ),
    );
    await scene.root.request({ method: 'DELETE', path: `/api/v1/namespaces/${home}` });
    await untilGone(`/api/v1/namespaces/${home}`);
  });

  it('collect the report of a gateway that is gone', async () => {
    const home = { namespace: SYSTEM_NAMESPACE };
    const pod = podOf(SYSTEM_NAMESPACE, { name: 'gw-9' });
    await create(scene.root, pod);
    const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods/gw-9`;
    const { metadata } = (await scene.root.request({ method: 'GET', path })) as {
      readonly metadata: { readonly uid: string };
    };
    const gateway = await scene.actingAs(accountUser(SYSTEM_NAMESPACE, GATEWAY_ACCOUNT), {
      [POD_NAME_EXTRA]: 'gw-9',
    });
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'gw-9', uid: metadata.uid };
    await create(gateway, {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'GatewayReport',
      metadata: { name: 'gw-9', ...home, ...{ ownerReferences: [owner] } },
      spec: { ready: true, renewTime: '2027-01-31T00:00:00Z' },
    });
    await scene.root.request({ method: 'DELETE', path, query: { gracePeriodSeconds: '0' } });
    await untilGone(`/apis/sallyport.dev/v1alpha1/namespaces/${SYSTEM_NAMESPACE}/gatewayreports/gw-9`);
  });

  it('finish what the operator deletes in the foreground', async () => {
    const object = {
      ...isolationIn(READY),
      metadata: { ...isolationIn(READY).metadata, name: 'sallyport-late' },
    };
    await create(scene.operator, object);
    const path = `${RULES}/${READY}/networkpolicies/sallyport-late`;
    await scene.operator.request({ method: 'DELETE', path, query: { propagationPolicy: 'Foreground' } });
    await untilGone(path);
  });
});
