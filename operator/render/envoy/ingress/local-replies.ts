// What a client is told where Envoy answers itself: the address that was seen and why it is denied, or that nobody
// answers; as HTML where the client asks for it, else as JSON. No list, label or other workspace is mentioned.
import type { InboundReason } from '../../../model/inbound-reason.ts';
import { htmlPage, type RefusedPlace, refusalMessage, refusalPage } from '../../../model/inbound-refusal.ts';
import { REASON_HEADER } from '../../../model/reason.ts';
import { expressionFilter } from '../access-log.ts';
import type { Json } from '../envoy-config.ts';

/** Where a connection is for one workspace (TLS), another host is misdirected; else there is no such host. */
export type UnknownHostStatus = 404 | 421;

interface Reply {
  /** CEL on the response. */
  readonly when: string;
  readonly status: number;
  readonly errorCode: string;
  readonly message: string;
  /** HTML. */
  readonly page: string;
  readonly reason?: InboundReason;
}

const ADDRESS = '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%';

/** Of routes: what the client wanted to access, in words. */
export type PlaceMetadata = Readonly<Record<'placeKind' | 'placeId', string>>;

export function placeMetadata({ kind, id }: RefusedPlace): PlaceMetadata {
  return { placeKind: kind, placeId: id };
}

const PLACE: RefusedPlace = {
  kind: '%METADATA(ROUTE:sallyport:placeKind)%',
  id: '%METADATA(ROUTE:sallyport:placeId)%',
};
const DENIALS: readonly InboundReason[] = [
  'IN_BLOCK_LIST',
  'NOT_IN_ALLOW_LIST',
  'LIST_UNREADABLE',
  'BAD_ADDRESS',
];

const NO_ANSWER =
  'No server of this workspace answers; try again later, or ask its administrator to check the backends';

const NOTHING_THERE = 'There is nothing at this host';

export function localReplies(unknownHostStatus: UnknownHostStatus): Json {
  const replies: readonly Reply[] = [
    ...DENIALS.map(denial),
    {
      when: isDeniedBy('UNKNOWN_HOST'),
      status: unknownHostStatus,
      errorCode: 'RESOURCE_DOES_NOT_EXIST',
      message: NOTHING_THERE,
      page: htmlPage('Not found', [`${NOTHING_THERE}.`]),
      reason: 'UNKNOWN_HOST',
    },
    {
      when: isDeniedBy('BAD_REQUEST'),
      status: 400,
      errorCode: 'INVALID_PARAMETER_VALUE',
      message: 'The host of the request is malformed',
      page: htmlPage('Bad request', ['The host of the request is malformed.']),
      reason: 'BAD_REQUEST',
    },
    {
      when: "response.code == 503 && response.code_details != 'overload'",
      status: 503,
      errorCode: 'TEMPORARILY_UNAVAILABLE',
      message: NO_ANSWER,
      page: htmlPage('Not available', [`${NO_ANSWER}.`]),
    },
  ];
  return { mappers: replies.flatMap((reply) => [htmlReply(reply), jsonReply(reply)]) };
}

function denial(reason: InboundReason): Reply {
  const client = { reason, address: ADDRESS, place: PLACE };
  return {
    when: isDeniedBy(reason),
    status: 403,
    errorCode: 'PERMISSION_DENIED',
    message: refusalMessage(client),
    page: refusalPage(client),
    reason,
  };
}

function isDeniedBy(reason: string): string {
  return `response.code_details.startsWith('rbac_access_denied_matched_policy[${reason}')`;
}

/** Browsers ask for HTML; an API never does. */
const WANTS_HTML =
  "'accept' in request.headers && request.headers['accept'].contains('text/html') && !request.path.startsWith('/api/')";

function htmlReply(reply: Reply): Json {
  return {
    ...commonParts(reply, `${reply.when} && ${WANTS_HTML}`),
    body_format_override: {
      text_format_source: { inline_string: reply.page },
      content_type: 'text/html; charset=utf-8',
    },
  };
}

function jsonReply(reply: Reply): Json {
  return {
    ...commonParts(reply, reply.when),
    body_format_override: {
      json_format: { error_code: reply.errorCode, message: reply.message },
      content_type: 'application/json',
    },
  };
}

function commonParts({ status, reason }: Reply, expression: string): Json {
  return {
    filter: expressionFilter(expression),
    status_code: status,
    headers_to_add: [
      ...(reason === undefined ? [] : [{ key: REASON_HEADER, value: reason }]),
      { key: 'cache-control', value: 'no-store' },
    ].map((header) => ({ header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' })),
  };
}
