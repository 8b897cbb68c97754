import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The numbers of a constant of the graph: float32, or int64 as the shapes of ONNX are. */
export interface TensorMessage {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

export type Attribute =
  | { readonly float: number }
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export interface NodeMessage {
  readonly operator: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A float32 input or output; a side that is a word stands for any size. */
export interface ValueMessage {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface ModelMessage {
  readonly name: string;
  readonly producer: string;
  readonly irVersion: number;
  readonly opset: number;
  readonly nodes: readonly NodeMessage[];
  readonly tensors: readonly TensorMessage[];
  readonly inputs: readonly ValueMessage[];
  readonly outputs: readonly ValueMessage[];
  readonly metadata: Readonly<Record<string, string>>;
}

const FLOAT = 1;
const INT64 = 7;

/** A model as the bytes of ONNX's `ModelProto`; the field numbers are those of `onnx.proto`. */
export function encodeModel(model: ModelMessage): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(model.irVersion);
  writer.tag(2, WireType.LengthDelimited).string(model.producer);
  nested(writer, 7, () => {
    for (const node of model.nodes) nested(writer, 1, () => encodeNode(writer, node));
    writer.tag(2, WireType.LengthDelimited).string(model.name);
    for (const tensor of model.tensors) nested(writer, 5, () => encodeTensor(writer, tensor));
    for (const value of model.inputs) nested(writer, 11, () => encodeValue(writer, value));
    for (const value of model.outputs) nested(writer, 12, () => encodeValue(writer, value));
  });
  // The empty domain is ONNX's own operators.
  nested(writer, 8, () => writer.tag(2, WireType.Varint).int64(model.opset));
  for (const [key, value] of Object.entries(model.metadata)) {
    nested(writer, 14, () =>
      writer.tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).string(value),
    );
  }
  return writer.finish();
}

function nested(writer: BinaryWriter, field: number, content: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  content();
  writer.join();
}

function encodeNode(
  writer: BinaryWriter,
  { inputs, outputs, name, operator, attributes }: NodeMessage,
): void {
  for (const input of inputs) writer.tag(1, WireType.LengthDelimited).string(input);
  for (const output of outputs) writer.tag(2, WireType.LengthDelimited).string(output);
  writer.tag(3, WireType.LengthDelimited).string(name);
  writer.tag(4, WireType.LengthDelimited).string(operator);
  for (const [attribute, value] of Object.entries(attributes)) {
    nested(writer, 5, () => encodeAttribute(writer, attribute, value));
  }
}

function encodeAttribute(writer: BinaryWriter, name: string, value: Attribute): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  const type = (number: number) => writer.tag(20, WireType.Varint).int32(number);
  if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    type(1);
  } else if ("int" in value) {
    writer.tag(3, WireType.Varint).int64(value.int);
    type(2);
  } else if ("string" in value) {
    writer.tag(4, WireType.LengthDelimited).string(value.string);
    type(3);
  } else {
    for (const each of value.ints) writer.tag(8, WireType.Varint).int64(each);
    type(7);
  }
}

function encodeTensor(writer: BinaryWriter, { name, shape, values }: TensorMessage): void {
  for (const side of shape) writer.tag(1, WireType.Varint).int64(side);
  writer.tag(2, WireType.Varint).int32(values instanceof Float32Array ? FLOAT : INT64);
  writer.tag(8, WireType.LengthDelimited).string(name);
  writer.tag(9, WireType.LengthDelimited).bytes(littleEndian(values));
}

/** `raw_data` is little-endian, as every machine is that JavaScript runs on today; typed arrays are as the machine is. */
function littleEndian(values: Float32Array | BigInt64Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return bytes;
  const turned = bytes.slice();
  const { BYTES_PER_ELEMENT } = values;
  for (let at = 0; at < turned.length; at += BYTES_PER_ELEMENT) {
    turned.subarray(at, at + BYTES_PER_ELEMENT).reverse();
  }
  return turned;
}

function encodeValue(writer: BinaryWriter, { name, shape }: ValueMessage): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  // TypeProto, of a tensor; then its shape's sides.
  nested(writer, 2, () =>
    nested(writer, 1, () => {
      writer.tag(1, WireType.Varint).int32(FLOAT);
      nested(writer, 2, () => {
        for (const side of shape) {
          nested(writer, 1, () => {
            if (typeof side === "number") writer.tag(1, WireType.Varint).int64(side);
            else writer.tag(2, WireType.LengthDelimited).string(side);
          });
        }
      });
    }),
  );
}
