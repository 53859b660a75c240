// Listeners inside Envoy, which only other listeners of the same Envoy reach.
import { BUFFER_BYTES } from '../../model/limits.ts';
import { type Json, type NamedResource, typed } from './envoy-config.ts';

export function internalListener(name: string, config: Json): NamedResource {
  const body = typed('envoy.config.listener.v3.Listener', {
    name,
    internal_listener: {},
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    ...config,
  });
  return { name, body };
}
