// Filter state: what one listener passes to the next. Objects that cross an internal listener must be hashable: with a
// plain string every further tunnel gets the first one's host and source (a test opens 100 at once).
import { extension, type Json, typed } from './envoy-config.ts';

const HASHABLE = 'envoy.hashable_string';

/** Lower-case host without port: the key of the address cache, and what the SNI is compared with. */
export const HOST_KEY = 'envoy.upstream.dynamic_host';
export const PORT_KEY = 'envoy.upstream.dynamic_port';

/** A CEL expression in a format string. */
export function celFormat(expression: string): Json {
  const cel = extension('envoy.formatter.cel', 'envoy.extensions.formatter.cel.v3.Cel', {
    cel_config: { enable_string_functions: true, enable_string_conversion: true, enable_string_concat: true },
  });
  return { text_format_source: { inline_string: `%CEL(${expression})%` }, formatters: [cel] };
}

export function textFormat(text: string): Json {
  return { text_format_source: { inline_string: text } };
}

/** The text of an object, in a format string. */
export function stateText(key: string): string {
  return `%FILTER_STATE(${key}:PLAIN)%`;
}

export interface SharedObject {
  readonly key: string;
  readonly format: Json;
}

/** Name of the filter, under which a route may share more. */
const SET_FILTER_STATE = 'envoy.filters.http.set_filter_state';

// The routes have allowed nothing but "host[:port]" (model/authority.ts), so a colon outside brackets is that of the
// port, and the host here is the one that was matched.

/** Host of the request, for the cluster that dials it. */
export const DIALLED_HOST: SharedObject = {
  key: HOST_KEY,
  format: celFormat(
    "request.host.startsWith('[') ? request.host.lowerAscii().split(']')[0] + ']' : request.host.lowerAscii().split(':')[0]",
  ),
};

/** Any port of the request. An expression costs some 20 us, so only for routes without a known port. */
export const ASKED_PORT: SharedObject = {
  key: PORT_KEY,
  format: celFormat(
    "request.host.startsWith('[') ? request.host.split(']:')[1] : request.host.split(':')[1]",
  ),
};

/** A port that the route has matched already. */
export function knownPort(port: number): SharedObject {
  return { key: PORT_KEY, format: textFormat(`${port}`) };
}

/** Sets objects on every request and passes them to the next internal listener, once. */
export function shareWithNextListener(objects: readonly SharedObject[]): Json {
  return { name: SET_FILTER_STATE, typed_config: setOnRequest(objects) };
}

/** The same on the requests of one route, or of a whole route table, besides what is set on every request. */
export function shareOnRoute(object: SharedObject): Json {
  return { [SET_FILTER_STATE]: setOnRequest([object]) };
}

function setOnRequest(objects: readonly SharedObject[]): Json {
  return typed('envoy.extensions.filters.http.set_filter_state.v3.Config', {
    on_request_headers: objects.map(valueOf),
  });
}

/**
 * Sets an object on a connection as soon as it reaches the filter, and passes it to the next internal listener, once.
 */
export function setOnConnection(object: SharedObject): Json {
  return extension(
    'envoy.filters.network.set_filter_state',
    'envoy.extensions.filters.network.set_filter_state.v3.Config',
    { on_new_connection: [valueOf(object)] },
  );
}

function valueOf({ key, format }: SharedObject): Json {
  return {
    object_key: key,
    // Keys that Envoy itself knows have a factory of their own under the same name.
    ...(key.startsWith('envoy.') ? {} : { factory_key: HASHABLE }),
    shared_with_upstream: 'ONCE',
    format_string: format,
  };
}
