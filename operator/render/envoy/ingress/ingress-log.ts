// The log of an ingress gateway: one line for each request, and for each connection that is passed through, in the form
// of model/inbound-line.ts. A client's text has a maximum length, and a query, which may hold tokens, is left out.
import { INBOUND_TEXT_BYTES } from '../../../model/inbound-line.ts';
import type { InboundReason } from '../../../model/inbound-reason.ts';
import { expressionFilter, SPOKE_KEY } from '../access-log.ts';
import { extension, type Json } from '../envoy-config.ts';

const PEER = '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%';
const COMMON: Json = {
  listener: 'ingress',
  time: '%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%',
  source: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  peer: PEER,
  durationMs: '%DURATION%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
  closing: '%DOWNSTREAM_LOCAL_CLOSE_REASON%',
};

/** What a plan says of itself, in the metadata of its routes or its filter chain. */
export type LoggedPlan = Readonly<Record<'workspace' | 'workspaceId' | 'level' | 'revision', string>>;

const OF_REQUEST: Json = {
  code: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  protocol: '%PROTOCOL%',
  host: `%REQ(:AUTHORITY):${INBOUND_TEXT_BYTES.host}%`,
  method: `%REQ(:METHOD):${INBOUND_TEXT_BYTES.method}%`,
  path: `%REQ_WITHOUT_QUERY(:PATH):${INBOUND_TEXT_BYTES.path}%`,
};

const OF_CONNECTION: Json = { details: '%CONNECTION_TERMINATION_DETAILS%', host: '%REQUESTED_SERVER_NAME%' };

/** Of a listener with filter chains that pass through: nothing else sees a connection that they deny. */
const PASSED_THROUGH: Json = { filter: expressionFilter("xds.filter_chain_name.endsWith('-passthrough')") };

/** Of what a network filter notes of its enforced rules. */
export const ENFORCED_PREFIX = 'enforced_';

/** Filter state of a connection from which a request is awaited. */
export const HEARD_KEY = 'sallyport.heard';

/**
 * Connections that were closed before they belonged to any workspace. What a PROXY header says of their source is not
 * believed: whoever wrote it may be the one who was turned away.
 */
function closedAs(reason: InboundReason) {
  const fields = { ...OF_CONNECTION, source: PEER };
  return { metadata: 'LISTENER_FILTER_CHAIN', enforced: reason, shadow: '', fields };
}

function withoutChain(expression: string): Json {
  return { filter: expressionFilter(`xds.filter_chain_name == '' && ${expression}`) };
}

const SOURCES = {
  http: {
    metadata: 'ROUTE',
    enforced: '%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%',
    shadow: '%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_effective_policy_id)%',
    fields: OF_REQUEST,
    more: {},
  },
  passthrough: {
    metadata: 'LISTENER_FILTER_CHAIN',
    enforced: `%DYNAMIC_METADATA(envoy.filters.network.rbac:${ENFORCED_PREFIX}shadow_effective_policy_id)%`,
    shadow: '%DYNAMIC_METADATA(envoy.filters.network.rbac:shadow_effective_policy_id)%',
    fields: OF_CONNECTION,
    more: PASSED_THROUGH,
  },
  'unknown name': {
    ...closedAs('UNKNOWN_HOST'),
    more: withoutChain("connection.requested_server_name != ''"),
  },
  'no chain': {
    ...closedAs('BAD_REQUEST'),
    more: withoutChain(`(!('${HEARD_KEY}' in filter_state) || '${SPOKE_KEY}' in filter_state)`),
  },
  'no name': { ...closedAs('BAD_REQUEST'), more: withoutChain("connection.requested_server_name == ''") },
};

export function ingressLog(directory: string, kind: keyof typeof SOURCES): Json {
  const { metadata, enforced, shadow, fields, more } = SOURCES[kind];
  const ofPlan = (part: keyof LoggedPlan): string => `%METADATA(${metadata}:sallyport:${part})%`;
  const log = extension(
    'envoy.access_loggers.file',
    'envoy.extensions.access_loggers.file.v3.FileAccessLog',
    {
      path: `${directory}/log/access.log`,
      log_format: {
        json_format: {
          ...COMMON,
          workspace: ofPlan('workspace'),
          workspaceId: ofPlan('workspaceId'),
          level: ofPlan('level'),
          revision: ofPlan('revision'),
          enforced,
          shadow,
          ...fields,
        },
        formatters: [WITHOUT_QUERY],
      },
    },
  );
  return { ...log, ...more };
}

const WITHOUT_QUERY = extension(
  'envoy.formatter.req_without_query',
  'envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery',
);
