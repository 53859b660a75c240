// Names and labels by which the parts of an installation find each other. Imports nothing, so that the command line
// may.
/** Label of everything that the operator owns, and its value. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'sallyport';
/** Label of gateway pods, and its value. */
export const GATEWAY_LABEL = 'app.kubernetes.io/name';
export const GATEWAY_NAME = 'sallyport-gateway';
/** Value of that label on pods of ingress gateways. */
export const INGRESS_NAME = 'sallyport-ingress';
export const SYSTEM_NAMESPACE = 'sallyport-system';
/** State directory of `sallyport run`, in the present directory. */
export const DEFAULT_STATE = '.sallyport';
/** Of pods that only find out what the network lets through. */
export const CANARY_NAMESPACE = 'sallyport-canary';
/** Value of the label on those pods; also their ServiceAccount, and the KubeNetworkPolicy that restricts them. */
export const CANARY_NAME = 'sallyport-canary';
/** Port of health and metrics of our programs. */
export const GATEWAY_HEALTH_PORT = 8081;
/** Ports of ingress gateways, for the hosts of workspaces and for /authorize. */
export const INGRESS_HTTP_PORT = 8080;
export const INGRESS_HTTPS_PORT = 8443;
export const INGRESS_AUTHORIZE_PORT = 9180;
/** ServiceAccounts of our own programs, in that Namespace. */
export const OPERATOR_ACCOUNT = 'sallyport-operator';
export const GATEWAY_ACCOUNT = 'sallyport-gateway';
export const INGRESS_ACCOUNT = 'sallyport-ingress';
export const API_ACCOUNT = 'sallyport-api';
export const COLLECTOR_ACCOUNT = 'sallyport-collector';
/** Of `sallyport remove`, which exists only while an installation is removed. */
export const REMOVE_ACCOUNT = 'sallyport-remove';
/** Of the collector: its Service and Deployment, the Secret with its certificate, the ConfigMap with its authority. */
export const COLLECTOR_NAME = 'sallyport-collector';
export const COLLECTOR_PORT = 8444;
/** Audience of the tokens by which gateways sign in there, and nowhere else. */
export const COLLECTOR_AUDIENCE = 'sallyport-collector';
/** What of a Namespace people may `get` whose denials they may read. No object of that kind exists. */
export const DENIALS_RESOURCE = 'denials';
/** The Role by which ingress gateways read one Secret of a workspace, and its RoleBinding. */
export const INGRESS_TLS_ROLE = 'sallyport-ingress-tls';
export const INGRESS_TLS_VERBS = ['get', 'list', 'watch'];
/** Of the operator's replicas: its holder writes. */
export const LEASE_NAME = 'sallyport-operator';
/** Of the gateways: its holder writes the EndpointSlices of all lanes. */
export const GATEWAY_LEASE_NAME = 'sallyport-gateway';
/** All leases of an installation. */
export const LEASE_NAMES: readonly string[] = [LEASE_NAME, GATEWAY_LEASE_NAME];
/** Kubernetes' labels of an EndpointSlice: the Service that it is of, and who writes it. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const SLICE_MANAGER_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const SLICE_MANAGER = 'sallyport.dev';
/** As Events name the operator. */
export const EVENT_CONTROLLER = 'sallyport.dev/operator';
/** As Events about denials name the collector. */
export const DENIAL_EVENT_CONTROLLER = 'sallyport.dev/collector';
/** The KubeNetworkPolicy that isolates all pods of a workspace but those of open lanes. */
export const ISOLATION_NAME = 'sallyport-isolation';
/** That which isolates held pods alone, while the former waits for those that are exempt. */
export const HELD_ISOLATION_NAME = 'sallyport-held';
/** Label of what the operator owns for one workspace: name of the Namespace that is the workspace. */
export const WORKSPACE_NAME_LABEL = 'sallyport.dev/for-workspace';

/** Identities of our programs, for admission and RBAC. */
export interface Installation {
  readonly systemNamespace: string;
  readonly canaryNamespace: string;
  readonly operatorAccount: string;
  readonly gatewayAccount: string;
  readonly ingressAccount: string;
  readonly apiAccount: string;
  readonly collectorAccount: string;
}

export const USUAL_INSTALLATION: Installation = {
  systemNamespace: SYSTEM_NAMESPACE,
  canaryNamespace: CANARY_NAMESPACE,
  operatorAccount: OPERATOR_ACCOUNT,
  gatewayAccount: GATEWAY_ACCOUNT,
  ingressAccount: INGRESS_ACCOUNT,
  apiAccount: API_ACCOUNT,
  collectorAccount: COLLECTOR_ACCOUNT,
};

/** The name by which the API server knows a ServiceAccount. */
export function accountUser(namespace: string, account: string): string {
  return `system:serviceaccount:${namespace}:${account}`;
}

/** The name that the collector's certificate is for. */
export function collectorHost(systemNamespace: string): string {
  return `${COLLECTOR_NAME}.${systemNamespace}.svc`;
}

/** Extra user info of a token that is bound to a pod. */
export const POD_NAME_EXTRA = 'authentication.kubernetes.io/pod-name';
export const POD_UID_EXTRA = 'authentication.kubernetes.io/pod-uid';
