// What the collector may do, and who may ask it; it is not part of every installation.
import {
  CLIENT_AUTHORITY,
  type ClusterResource,
  CONFIG_MAPS,
  GATEWAY_REPORTS,
  PODS,
  POLICY_ASSIGNMENTS,
  SECRETS,
  SUBJECT_ACCESS_REVIEWS,
  TOKEN_REVIEWS,
} from '../../model/cluster-resources.ts';
import { GROUP } from '../../model/kubernetes-object.ts';
import { COLLECTOR_NAME, DENIALS_RESOURCE, type Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { APPLY, aggregatedTo, allow, type Grant, ours, type RbacRule, READ, renderGrant } from './grant.ts';

/** Of ClusterRoles by which the collector may read owners of pods. */
const OWNERS_LABEL = `${GROUP}/aggregate-to-collector`;

export function renderCollectorRbac(installation: Installation): readonly JsonObject[] {
  const { systemNamespace, collectorAccount: name } = installation;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: systemNamespace } },
    ...collectorGrants(installation).flatMap((grant) => renderGrant(grant, systemNamespace)),
  ];
}

function collectorGrants({ systemNamespace, collectorAccount }: Installation): readonly Grant[] {
  const collector = { name: collectorAccount, account: collectorAccount };
  const named = (verbs: readonly string[], resource: ClusterResource, name: string): RbacRule => ({
    ...allow(verbs, [resource]),
    resourceNames: [name],
  });
  return [
    {
      ...collector,
      // Who calls, and what they may read; then who was denied.
      rules: [
        allow(['create'], [TOKEN_REVIEWS]),
        allow(['create'], [SUBJECT_ACCESS_REVIEWS]),
        ...deniedPods(),
      ],
    },
    // Owners of other kinds: whoever wants their names in the log gives a role that label, or binds none at all.
    {
      name: `${collectorAccount}-owners`,
      account: collectorAccount,
      aggregates: { [OWNERS_LABEL]: 'true' },
      rules: [],
    },
    {
      ...collector,
      namespace: CLIENT_AUTHORITY.namespace,
      rules: [named(READ, CONFIG_MAPS, CLIENT_AUTHORITY.name)],
    },
    {
      ...collector,
      namespace: systemNamespace,
      rules: [
        // Written by apply, whose requests carry the name.
        ...[SECRETS, CONFIG_MAPS].map((resource) => named([...READ, ...APPLY], resource, COLLECTOR_NAME)),
        // Of pods that are gone with denials that they had not sent.
        allow(['list', 'delete'], [GATEWAY_REPORTS]),
      ],
    },
    {
      // Whoever connects checks the certificate of the collector by it.
      name: `${COLLECTOR_NAME}-authority`,
      namespace: systemNamespace,
      group: 'system:authenticated',
      rules: [named(READ, CONFIG_MAPS, COLLECTOR_NAME)],
    },
    {
      name: 'sallyport-denials-viewer',
      labels: aggregatedTo('admin'),
      rules: [ours(['get'], [DENIALS_RESOURCE])],
    },
  ];
}

/** Pods by their addresses; their owners, which count only where they are read, since pods may name any; Events about both. */
function deniedPods(): readonly RbacRule[] {
  return [
    allow(READ, [PODS]),
    {
      apiGroups: ['apps'],
      resources: ['daemonsets', 'deployments', 'replicasets', 'statefulsets'],
      verbs: ['get'],
    },
    { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: ['get'] },
    { apiGroups: [''], resources: ['replicationcontrollers'], verbs: ['get'] },
    allow(['get'], [POLICY_ASSIGNMENTS]),
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: APPLY },
  ];
}
