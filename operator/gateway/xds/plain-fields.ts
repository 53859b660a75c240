// Fields of a message, each with what writes its plain values: those whose bytes follow from the value alone. A zero is
// none, since whether it is written depends on the kind of field.
import { type DescField, type DescMessage, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export type JsonObject = Readonly<Record<string, JsonValue>>;
export type WriteMessage = (type: DescMessage, json: JsonValue) => void;

export interface PlainField {
  readonly field: DescField;
  /** With its tag; returns false, and writes nothing, for a value that is not plain. */
  readonly write: (value: JsonValue) => boolean;
}

const MOST = new Map([
  [ScalarType.UINT32, 2 ** 32 - 1],
  [ScalarType.INT32, 2 ** 31 - 1],
]);

/** By their names. */
export function plainFields(
  { fields }: DescMessage,
  writer: BinaryWriter,
  writeMessage: WriteMessage,
): ReadonlyMap<string, PlainField> {
  return new Map(
    fields.map((field) => [field.name, { field, write: writerOf(field, writer, writeMessage) }]),
  );
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notPlain(): boolean {
  return false;
}

function writerOf(field: DescField, writer: BinaryWriter, writeMessage: WriteMessage): PlainField['write'] {
  const { number } = field;
  const message = (type: DescMessage, value: JsonValue): void => {
    writer.tag(number, WireType.LengthDelimited).fork();
    writeMessage(type, value);
    writer.join();
  };
  switch (field.fieldKind) {
    case 'scalar':
      return scalarWriter(field, writer);
    case 'enum':
      return (value) => {
        const found = field.enum.values.find(({ name }) => name === value)?.number ?? 0;
        if (found <= 0) return false;
        writer.tag(number, WireType.Varint).int32(found);
        return true;
      };
    case 'message':
      return (value) => {
        if (value === null || value === undefined) return false;
        message(field.message, value);
        return true;
      };
    case 'list':
      if (field.listKind !== 'message') return notPlain;
      return (values) => {
        if (!Array.isArray(values) || !values.every(isObject)) return false;
        for (const value of values) message(field.message, value);
        return true;
      };
    case 'map':
      return mapWriter(field, writer, writeMessage);
  }
}

function scalarWriter(
  { number, scalar }: DescField & { fieldKind: 'scalar' },
  writer: BinaryWriter,
): PlainField['write'] {
  if (scalar === ScalarType.STRING)
    return (value) => {
      if (typeof value !== 'string' || value === '') return false;
      writer.tag(number, WireType.LengthDelimited).string(value);
      return true;
    };
  if (scalar === ScalarType.BOOL)
    return (value) => {
      if (value !== true) return false;
      writer.tag(number, WireType.Varint).bool(true);
      return true;
    };
  const most = MOST.get(scalar) ?? 0;
  return (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0 || value > most) return false;
    writer.tag(number, WireType.Varint).uint32(value);
    return true;
  };
}

function mapWriter(
  field: DescField & { fieldKind: 'map' },
  writer: BinaryWriter,
  writeMessage: WriteMessage,
): PlainField['write'] {
  if (field.mapKind !== 'message' || field.mapKey !== ScalarType.STRING) return notPlain;
  return (map) => {
    if (!isObject(map) || !Object.values(map).every(isObject)) return false;
    for (const [key, value] of Object.entries(map)) {
      writer.tag(field.number, WireType.LengthDelimited).fork();
      writer.tag(1, WireType.LengthDelimited).string(key);
      writer.tag(2, WireType.LengthDelimited).fork();
      writeMessage(field.message, value);
      writer.join().join();
    }
    return true;
  };
}
