// Listener filters that read a ClientHello from the first bytes of a connection. The TLS inspector closes a connection
// that begins with a TLS alert without a log line; so the HTTP inspector comes before it, which continues at the first
// bytes that are not HTTP, and then the connection is marked as one whose client sent something.
import { MAX_CLIENT_HELLO_BYTES } from '../../model/limits.ts';
import { SPOKE_KEY } from './access-log.ts';
import { extension, type Json } from './envoy-config.ts';
import { textFormat } from './filter-state.ts';

/** `closesOthers`: whether they close a connection without a ClientHello, or let it continue. */
export function inspectTls(closesOthers: boolean): readonly Json[] {
  return closesOthers ? CLOSING : CONTINUING;
}

function inspection(closesOthers: boolean): readonly Json[] {
  return [
    extension(
      'envoy.filters.listener.http_inspector',
      'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector',
    ),
    markAs(SPOKE_KEY),
    extension(
      'envoy.filters.listener.tls_inspector',
      'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
      {
        close_connection_on_client_hello_parsing_errors: closesOthers,
        max_client_hello_size: MAX_CLIENT_HELLO_BYTES,
      },
    ),
  ];
}

/** Sets filter state of a connection that came so far. */
export function markAs(object_key: string): Json {
  const mark = { object_key, factory_key: 'envoy.string', format_string: textFormat('yes') };
  return extension(
    'envoy.filters.listener.set_filter_state',
    'envoy.extensions.filters.listener.set_filter_state.v3.Config',
    { on_accept: [mark] },
  );
}

/** Of a TCP proxy behind a filter that decides by the first bytes: until then nothing is dialled. */
export const AFTER_FIRST_BYTES: Json = {
  upstream_connect_mode: 'ON_DOWNSTREAM_DATA',
  max_early_data_bytes: MAX_CLIENT_HELLO_BYTES,
};

/** Thousands of listeners have them. */
const [CLOSING, CONTINUING] = [inspection(true), inspection(false)];
