// Whose address is whose. Network plugins lead what anybody sends to an address of a Service to what is behind the
// Service, before they judge it: so an address that a tenant chose takes the traffic of others, that of gateways too, and
// one of the outside stands for one inside. What a tenant chooses may therefore be neither such an address nor, in a
// workspace, what is behind a Service: that is the cluster's business, by a selector.
import { networkPolicyKind } from '../../model/network-policy.ts';
import { WORKSPACE_LABEL } from '../../model/workspace.ts';
import type { JsonObject } from '../crd.ts';
import { celMessage, celText, mayUpdate } from './cel.ts';
import {
  IN_WORKSPACES,
  type Operation,
  podRule,
  type ResourceRule,
  validatingPolicy,
  wholly,
} from './policy-objects.ts';

const WRITTEN: readonly Operation[] = ['CREATE', 'UPDATE'];
const SERVICES: ResourceRule = {
  group: '',
  version: 'v1',
  resources: wholly('services'),
  operations: WRITTEN,
};
const OR_BY_WHOM = `let somebody write it who may update networkpolicies.sallyport.dev`;

export function protectAddresses(): readonly JsonObject[] {
  return [...externalAddresses(), ...hostAddresses(), ...loadBalancerAddresses(), ...endpoints()];
}

/** In every Namespace: an address is taken from all of the cluster, wherever the Service is. */
function externalAddresses(): readonly JsonObject[] {
  return validatingPolicy({
    name: 'external-ips',
    rules: [SERVICES],
    variables: [
      { name: 'addresses', expression: 'object.spec.?externalIPs.orValue([])' },
      { name: 'ports', expression: portsOf('object') },
      {
        name: 'oldAddresses',
        expression: 'oldObject == null ? [] : oldObject.spec.?externalIPs.orValue([])',
      },
      { name: 'oldPorts', expression: `oldObject == null ? [] : ${portsOf('oldObject')}` },
    ],
    validations: [
      {
        // An existing one can be labelled, narrowed and deleted. One of another type may not have used its addresses.
        expression: `size(variables.addresses) == 0 || variables.addresses.all(a, a in variables.oldAddresses) && variables.ports.all(p, p in variables.oldPorts) && object.spec.?type == oldObject.spec.?type || ${mayUpdate(networkPolicyKind.plural)}`,
        message: celMessage(
          `Cannot give Service "{object.metadata.name}" in Namespace "{request.namespace}" addresses or ports by spec.externalIPs: it would take what anybody in the cluster sends there. Leave externalIPs out, use type LoadBalancer, or ${OR_BY_WHOM}`,
        ),
      },
    ],
  });
}

function portsOf(object: 'object' | 'oldObject'): string {
  return `${object}.spec.?ports.orValue([]).map(p, p.?protocol.orValue('TCP') + ' ' + string(p.port))`;
}

/**
 * In every Namespace, too: Cilium leads to the pod what anybody on its node sends to such an address. Controllers make
 * pods, so nobody's rights can be asked; whoever may make privileged pods takes over more than an address anyway.
 */
function hostAddresses(): readonly JsonObject[] {
  const label = (key: string): string => `namespaceObject.metadata.?labels[?${celText(key)}]`;
  return validatingPolicy({
    name: 'host-ips',
    rules: [podRule('CREATE')],
    matchCondition: `!object.spec.?hostNetwork.orValue(false) && request.namespace != 'kube-system'`,
    variables: [
      {
        name: 'containers',
        expression: 'object.spec.containers + object.spec.?initContainers.orValue([])',
      },
      {
        name: 'isForAdministrators',
        expression: `!${label(WORKSPACE_LABEL)}.hasValue() && ${label('pod-security.kubernetes.io/enforce')}.orValue('') == 'privileged'`,
      },
    ],
    validations: [
      {
        expression: `variables.containers.all(c, c.?ports.orValue([]).all(p, p.?hostIP.orValue('') == '' || isIP(p.hostIP) && (ip(p.hostIP).isUnspecified() || ip(p.hostIP).isLoopback()))) || variables.isForAdministrators`,
        message: celMessage(
          'Cannot start a pod with hostIP at a port in Namespace "{request.namespace}": it would take what others send to that address. Leave hostIP out, or use a Namespace that is no workspace and has label "pod-security.kubernetes.io/enforce=privileged"',
        ),
      },
    ],
  });
}

/** Most load balancers have a pool to choose from, and some take any address. */
function loadBalancerAddresses(): readonly JsonObject[] {
  const address = (object: string): string => `${object}.spec.?loadBalancerIP.orValue('')`;
  return validatingPolicy({
    name: 'load-balancer-ips',
    rules: [SERVICES],
    namespaceSelector: IN_WORKSPACES,
    validations: [
      {
        expression: `${address('object')} == '' || oldObject != null && ${address('object')} == ${address('oldObject')} || ${mayUpdate(networkPolicyKind.plural)}`,
        message: celMessage(
          `Cannot choose address "{object.spec.loadBalancerIP}" for Service "{object.metadata.name}" in workspace "{request.namespace}": leave spec.loadBalancerIP out, so that the cluster chooses, or ${OR_BY_WHOM}`,
        ),
      },
    ],
  });
}

/**
 * Controllers may write them in every Namespace, tenants at most in theirs. Behind a Service of a workspace are then its
 * own pods, or nothing: else whoever dials the Service, an ingress gateway above all, could be led to any address.
 */
function endpoints(): readonly JsonObject[] {
  return [
    ['endpoint-slices', 'discovery.k8s.io', 'endpointslices'],
    ['endpoints', '', 'endpoints'],
  ].flatMap(([name = '', group = '', plural = '']) =>
    validatingPolicy({
      name,
      rules: [{ group, version: 'v1', resources: wholly(plural), operations: WRITTEN }],
      namespaceSelector: IN_WORKSPACES,
      validations: [
        {
          expression: `authorizer.group('${group}').resource('${plural}').check('update').allowed()`,
          message: celMessage(
            `Cannot write ${plural} "{object.metadata.name}" in workspace "{request.namespace}": they could lead a Service to pods of others. Give the Service a selector, or let somebody write it who may update ${plural} in every Namespace`,
          ),
        },
      ],
    }),
  );
}
