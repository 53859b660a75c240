// Filter state: what one listener tells the next. Objects that cross an internal listener must be hashable:
// with a plain string every further tunnel gets the first one's host and source (a test opens 100 at once).
import { extension, type Json } from './envoy-config.ts';

const HASHABLE = 'envoy.hashable_string';

/** Lower-case host without port: the key of the address cache, and what the SNI is compared with. */
export const HOST_KEY = 'envoy.upstream.dynamic_host';
const PORT_KEY = 'envoy.upstream.dynamic_port';

/** A CEL expression in a format string. */
export function celFormat(expression: string): Json {
  const cel = extension('envoy.formatter.cel', 'envoy.extensions.formatter.cel.v3.Cel', {
    cel_config: { enable_string_functions: true, enable_string_concat: true },
  });
  return { text_format_source: { inline_string: `%CEL(${expression})%` }, formatters: [cel] };
}

export function textFormat(text: string): Json {
  return { text_format_source: { inline_string: text } };
}

export interface SharedObject {
  readonly key: string;
  readonly format: Json;
}

/** Host and port of the request, for whoever dials it. */
export const DIALLED_HOST: SharedObject = {
  key: HOST_KEY,
  format: celFormat("request.host.lowerAscii().split(':')[0]"),
};
export const DIALLED_PORT: SharedObject = { key: PORT_KEY, format: celFormat("request.host.split(':')[1]") };

/** Sets objects on every request and hands them to the next internal listener, once. */
export function shareWithNextListener(objects: readonly SharedObject[]): Json {
  const type = 'envoy.extensions.filters.http.set_filter_state.v3.Config';
  return extension('envoy.filters.http.set_filter_state', type, {
    on_request_headers: objects.map(({ key, format }) => ({
      object_key: key,
      // Keys that Envoy itself knows have a factory of their own under the same name.
      ...(key.startsWith('envoy.') ? {} : { factory_key: HASHABLE }),
      shared_with_upstream: 'ONCE',
      format_string: format,
    })),
  });
}
