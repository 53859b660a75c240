// What a person can do about a denial that no line of YAML ends: for Events, `suggest` and `explain`, which add it to the
// sentence of the reason. Nothing here may lead people to allow more than what was denied.
import { isReason, REASONS, type Reason } from './reason.ts';

/** Null where the sentence of the reason says it already, and of reasons that allow. */
const NEXT_STEPS = {
  FULL_ACCESS: null,
  DESTINATION_ALLOWED: null,
  DESTINATION_NOT_ALLOWED:
    'if it is needed, add it to the allowed destinations; names of a private network need a PrivateEndpoint',
  DESTINATION_BLOCKED: 'if it is needed, change blockedInternetDestinations by hand',
  PORT_NOT_ALLOWED: 'if it is needed, add the port and its protocol to the entry',
  INTERNET_SEALED: 'run the workload as another product',
  BUCKET_NOT_ALLOWED: 'if it is needed, add the bucket or account to allowedStorageDestinations',
  STORAGE_PATH_STYLE: null,
  IP_LITERAL:
    'no entry allows addresses: let the client ask by name, and allow that name; for an address of a private network create a PrivateEndpoint with a name and the address range',
  METADATA_ADDRESS:
    'nothing allows them, since they give out the credentials of the node: give the workload credentials of its own',
  BAD_NAME: 'let the client ask for one host by its name, for example "api.example:443"',
  BAD_REQUEST: 'let the client send CONNECT with host and port, or plain HTTP with an absolute URL',
  HTTPS_WITHOUT_CONNECT: null,
  SNI_MISMATCH:
    'if the client may hide its server, an entry with protocol TCP for this port allows any bytes',
  NO_SNI:
    'if the client cannot send a server name, an entry with protocol TCP for this port allows any bytes',
  NOT_TLS: 'if other bytes are meant on port 443, write an entry with protocol TCP by hand',
  CLIENT_SILENT: null,
  CLIENT_HELLO_TOO_LARGE: 'let the client send fewer key shares and extensions',
  ECH_OUTER_NAME: null,
  HEADERS_TOO_LARGE: 'let the client send fewer or shorter headers, such as cookies',
  TOO_MANY_CONNECTIONS: 'let the workloads close connections that they do not use, or use one for more',
  GATEWAY_OVERLOADED: 'try again; if it goes on, give the gateways more memory or run more of them',
  ADDRESS_DENIED:
    'if that is the address of a private network that is meant, create a PrivateEndpoint with this name and the address range',
  UNRESOLVED_OR_PRIVATE:
    'check that the name resolves; if it leads to a private network, create a PrivateEndpoint with this name and the address range',
  TOO_MANY_NAMES: 'try again; let the workloads ask for fewer names at a time',
  TOO_MANY_QUESTIONS: 'let the client keep answers, or use the proxy, which needs no DNS of the client',
  DESTINATION_REVOKED: 'somebody took the entry away; add it by hand if that was a mistake',
  REVOKED_WITH_SHARD: null,
  POLICY_NOT_FOUND: 'create the policy or assign another',
  POLICY_UNREADABLE: 'correct the policy first',
  WORKSPACE_CONFLICTED: 'change the id of one of the namespaces first',
  DENIALS_NOT_KEPT: 'see why in the log of the gateway and in the metric sallyport_denials_lost_total',
} as const satisfies Record<Reason, string | null>;

/** A reason with its sentence and, where there is one, what to do: for people. */
export function reasonAndNextStep(reason: string): string {
  if (!isReason(reason)) return reason;
  const step = nextStep(reason);
  return step === undefined ? REASONS[reason] : `${REASONS[reason]}; ${step}`;
}

export function nextStep(reason: Reason): string | undefined {
  return NEXT_STEPS[reason] ?? undefined;
}
