// The network policy of one workspace: the object PolicyAssignment. Without one a workspace has the default policy.
import { z } from 'zod';
import { NETWORK_POLICIES, POLICY_ASSIGNMENTS } from '../../model/cluster-resources.ts';
import { API_VERSION, DEFAULT_POLICY } from '../../model/kubernetes-object.ts';
import { WORKSPACE_LABEL } from '../../model/workspace.ts';
import { ApiError, invalid } from '../api-error.ts';
import { createdBy, updatedBy } from '../authorship.ts';
import { type Call, type Route, route } from '../route.ts';
import type { StoredObject, Write } from '../store/object-store.ts';
import { known } from './network-policies.ts';

const workspaceId = z.union([z.int(), z.string().max(63)]).describe('A number where the id is one.');
const answer = z.strictObject({ network_policy_id: z.string(), workspace_id: workspaceId });
const body = z.strictObject({
  network_policy_id: z.string().max(128).describe(`"${DEFAULT_POLICY}" goes back to the default.`),
  workspace_id: workspaceId.optional(),
});
const one = {
  path: '/api/2.0/accounts/:accountId/workspaces/:workspaceId/network',
  level: 'ACCOUNT',
  params: z.looseObject({ workspaceId: z.string().min(1) }),
  errors: [404],
  answer,
} as const;

export const workspaceNetworkRoutes: readonly Route[] = [
  route({
    ...one,
    method: 'GET',
    operationId: 'get_workspace_network_option',
    summary: 'The network policy of a workspace',
    handle: async (call) => {
      const name = namespaceOf(call);
      const assignment = await call.session.get(POLICY_ASSIGNMENTS, { name });
      return answerOf(policyOf(assignment), call.params.workspaceId);
    },
  }),
  route({
    ...one,
    method: 'PUT',
    operationId: 'set_workspace_network_option',
    summary: 'Set the network policy of a workspace',
    body,
    handle: setPolicy,
  }),
];

type WorkspaceCall<Body> = Call<{ readonly workspaceId: string }, unknown, Body>;

async function setPolicy(call: WorkspaceCall<z.infer<typeof body>>) {
  const { session, nowMs, params, body: wanted } = call;
  const name = namespaceOf(call);
  if (wanted.workspace_id !== undefined && String(wanted.workspace_id) !== params.workspaceId) {
    throw invalid(
      `workspace_id: Cannot accept "${wanted.workspace_id}": the path says "${params.workspaceId}"`,
    );
  }
  const networkPolicyId = wanted.network_policy_id;
  if (networkPolicyId !== DEFAULT_POLICY) {
    const isName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(networkPolicyId);
    known(
      isName ? await session.get(NETWORK_POLICIES, { name: networkPolicyId }) : undefined,
      networkPolicyId,
    );
  }
  const user = await session.user();
  await session.change(POLICY_ASSIGNMENTS, { name }, (current): Write => {
    if (current === undefined) {
      const annotations = createdBy({ user, nowMs });
      const object = {
        apiVersion: API_VERSION,
        kind: POLICY_ASSIGNMENTS.kind,
        metadata: { name, annotations },
      };
      return { verb: 'create', object: { ...object, spec: { networkPolicyId } } };
    }
    const annotations = { ...current.metadata.annotations, ...updatedBy({ user, nowMs }) };
    const object = {
      ...current,
      metadata: { ...current.metadata, annotations },
      spec: { ...(current['spec'] as object | undefined), networkPolicyId },
    };
    return { verb: policyOf(current) === networkPolicyId ? 'keep' : 'replace', object: object };
  });
  return answerOf(networkPolicyId, params.workspaceId);
}

function namespaceOf({ namespaceOf: find, params }: WorkspaceCall<unknown>): string {
  const namespace = find(params.workspaceId);
  if (namespace !== undefined) return namespace;
  throw new ApiError(
    'RESOURCE_DOES_NOT_EXIST',
    `Cannot find workspace "${params.workspaceId}": use the id in the label ${WORKSPACE_LABEL} of its Namespace`,
  );
}

function policyOf(assignment: StoredObject | undefined): string {
  const spec = assignment?.['spec'] as { readonly networkPolicyId?: string } | undefined;
  return spec?.networkPolicyId ?? DEFAULT_POLICY;
}

/** A number as Databricks' ids are, unless that would be another one. */
function answerOf(networkPolicyId: string, id: string): z.infer<typeof answer> {
  const isNumber = /^(?:0|[1-9]\d*)$/.test(id) && Number.isSafeInteger(Number(id));
  return { network_policy_id: networkPolicyId, workspace_id: isNumber ? Number(id) : id };
}
