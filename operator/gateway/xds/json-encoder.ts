// The JSON of a message -> exactly the bytes that the library makes of it, several times as fast, since no message is
// built in between. Only what is plain is written here; all else, every error too, is left to the library.
import { type DescMessage, fromJson, type JsonValue, type Registry, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isObject, type JsonObject, type PlainField, plainFields } from './plain-fields.ts';

const TYPE_PREFIX = 'type.googleapis.com/';
/** Types whose JSON is not that of their fields. */
const WELL_KNOWN = 'google.protobuf.';
/** Durations, wrapped numbers and the like have few values. */
const MOST_REMEMBERED = 1000;

export class JsonEncoder {
  readonly #registry: Registry;
  /** One for all, since it keeps its buffer. */
  readonly #writer = new BinaryWriter();
  readonly #fields = new Map<DescMessage, ReadonlyMap<string, PlainField>>();
  readonly #remembered = new Map<DescMessage, Map<JsonValue, Uint8Array>>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Throws for what is no message of this type. */
  encode(type: DescMessage, json: JsonValue): Uint8Array {
    try {
      this.#message(type, json);
    } catch (error) {
      // Else the next one would begin with a part of this one.
      this.#writer.finish();
      throw error;
    }
    return this.#writer.finish();
  }

  #library(type: DescMessage, json: JsonValue): Uint8Array {
    return toBinary(type, fromJson(type, json, { registry: this.#registry }));
  }

  #message(type: DescMessage, json: JsonValue): void {
    if (!isObject(json)) this.#writer.raw(this.#scalarMessage(type, json));
    else if (!type.typeName.startsWith(WELL_KNOWN)) this.#ordinary(type, json);
    else if (type.typeName === 'google.protobuf.Any') this.#any(type, json);
    else if (type.typeName === 'google.protobuf.Struct') this.#struct(type, json);
    else this.#writer.raw(this.#library(type, json));
  }

  #scalarMessage(type: DescMessage, json: JsonValue): Uint8Array {
    const remembered = this.#remembered.get(type) ?? new Map<JsonValue, Uint8Array>();
    this.#remembered.set(type, remembered);
    const known = remembered.get(json);
    if (known !== undefined) return known;
    const bytes = this.#library(type, json);
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(json, bytes);
    return bytes;
  }

  #ordinary(type: DescMessage, json: JsonObject): void {
    const present = presentFields(this.#fieldsOf(type), json);
    if (present === undefined) {
      this.#writer.raw(this.#library(type, json));
      return;
    }
    for (const { field, write } of present) {
      const value = json[field.name] as JsonValue;
      if (!write(value)) this.#writer.raw(this.#library(type, { [field.name]: value }));
    }
  }

  #any(type: DescMessage, any: JsonObject): void {
    const { '@type': typeUrl, ...json } = any;
    const name = String(typeUrl).slice(TYPE_PREFIX.length);
    const packed = this.#registry.getMessage(name);
    const isOrdinary =
      packed !== undefined && typeUrl === `${TYPE_PREFIX}${name}` && !name.startsWith(WELL_KNOWN);
    // What has no bytes has no field for them either.
    if (!isOrdinary || !Object.entries(json).some(([key, value]) => hasBytes(packed, key, value))) {
      this.#writer.raw(this.#library(type, any));
      return;
    }
    this.#writer.tag(1, WireType.LengthDelimited).string(String(typeUrl));
    this.#writer.tag(2, WireType.LengthDelimited).fork();
    this.#ordinary(packed, json);
    this.#writer.join();
  }

  #struct(type: DescMessage, json: JsonObject): void {
    for (const [key, value] of Object.entries(json)) {
      if (typeof value === 'string') {
        this.#writer.tag(1, WireType.LengthDelimited).fork();
        this.#writer.tag(1, WireType.LengthDelimited).string(key);
        this.#writer.tag(2, WireType.LengthDelimited).fork();
        this.#writer.tag(3, WireType.LengthDelimited).string(value);
        this.#writer.join().join();
      } else this.#writer.raw(this.#library(type, { [key]: value }));
    }
  }

  #fieldsOf(type: DescMessage): ReadonlyMap<string, PlainField> {
    const known = this.#fields.get(type);
    if (known !== undefined) return known;
    const fields = plainFields(type, this.#writer, (child, json) => this.#message(child, json));
    this.#fields.set(type, fields);
    return fields;
  }
}

/** In the order of their bytes; undefined where one is unknown, or two of them exclude each other. */
function presentFields(
  fields: ReadonlyMap<string, PlainField>,
  json: JsonObject,
): readonly PlainField[] | undefined {
  const present: PlainField[] = [];
  for (const name of Object.keys(json)) {
    const found = fields.get(name);
    if (found === undefined) return undefined;
    const { oneof } = found.field;
    if (oneof !== undefined && present.some(({ field }) => field.oneof === oneof)) return undefined;
    present.push(found);
  }
  return present.sort((a, b) => a.field.number - b.field.number);
}

/** False where that is open. */
function hasBytes({ fields }: DescMessage, key: string, value: JsonValue): boolean {
  if (typeof value === 'object') return value !== null && Object.keys(value).length > 0;
  return Boolean(value) && fields.some(({ name, fieldKind }) => name === key && fieldKind !== 'enum');
}
