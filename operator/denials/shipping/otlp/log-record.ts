// Rows of the denial log -> log records of OTLP, as its JSON says them. A column has the name of OpenTelemetry's semantic
// conventions where they have one, and "sallyport." before its own elsewhere; what is null is left out.
import { type ColumnType, type LogColumn, rowOf } from '../../../model/log-column.ts';
import { epochMicros } from '../../store/event-time.ts';
import type { LogTable } from '../../store/log-tables.ts';
import type { LogRow, RaisedRow } from '../../store/row-sink.ts';

type AttributeValue =
  | { readonly stringValue: string }
  /** 64 bits are text in JSON. */
  | { readonly intValue: string }
  | { readonly arrayValue: { readonly values: readonly { readonly stringValue: string }[] } };

interface Attribute {
  readonly key: string;
  readonly value: AttributeValue;
}

export interface LogRecord {
  readonly timeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly Attribute[];
}

/** Columns, and fields of columns, that have a name there. */
const CONVENTIONS: Readonly<Record<string, string>> = {
  workspace: 'k8s.namespace.name',
  pod: 'k8s.pod.name',
  pod_uid: 'k8s.pod.uid',
  node: 'k8s.node.name',
  destination: 'server.address',
  port: 'server.port',
  sni: 'tls.client.server_name',
  'dns_event.domain_name': 'dns.question.name',
  'source.ip': 'client.address',
  host: 'server.address',
  method: 'http.request.method',
  request_path: 'url.path',
  status: 'http.response.status_code',
};

/** WARN. */
const SEVERITY = { severityNumber: 13, severityText: 'WARN' } as const;

export function recordOf<Row extends LogRow>({ name, columns }: LogTable<Row>, row: Row): LogRecord {
  const values = rowOf(columns, row);
  const { reason } = values;
  return {
    ...{ timeUnixNano: nanos(row.eventTime), ...SEVERITY, eventName: `sallyport.${name}` },
    body: { stringValue: String(reason) },
    attributes: columns.flatMap((column) => attributesOf(column, values[column.name])),
  };
}

/** Says that a row which was sent before stands for more denials. */
export function raisedRecordOf({ name }: { readonly name: string }, raised: RaisedRow): LogRecord {
  const { eventId, eventTime, by } = raised;
  return {
    ...{ timeUnixNano: nanos(eventTime), ...SEVERITY, eventName: `sallyport.${name}.repeats` },
    body: { stringValue: `${by} more denials as in ${eventId}` },
    attributes: [
      { key: 'sallyport.event_id', value: { stringValue: eventId } },
      { key: 'sallyport.further_repeats', value: { intValue: String(by) } },
    ],
  };
}

function attributesOf<Row>({ name, type }: LogColumn<Row>, value: unknown): readonly Attribute[] {
  // It is the time of the record.
  if (value === null || type === 'time') return [];
  if (typeof type === 'string') return [attributeOf(name, type, value)];
  return Object.entries(value as object).flatMap(([field, inner]) =>
    inner === null ? [] : [attributeOf(`${name}.${field}`, type[field] ?? 'text', inner)],
  );
}

function attributeOf(name: string, type: ColumnType, value: unknown): Attribute {
  const key = Object.hasOwn(CONVENTIONS, name) ? String(CONVENTIONS[name]) : `sallyport.${name}`;
  if (type === 'integer' || type === 'count') return { key, value: { intValue: String(value) } };
  if (type !== 'texts') return { key, value: { stringValue: String(value) } };
  const values = (value as readonly string[]).map((text) => ({ stringValue: text }));
  return { key, value: { arrayValue: { values } } };
}

function nanos(time: string): string {
  return `${epochMicros(time)}000`;
}
