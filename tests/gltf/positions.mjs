// Decodes every compressed POSITION of a GLB with meshoptimizer's own decoder; prints their sums by mesh as JSON.
import { readFileSync } from "node:fs";
import { MeshoptDecoder } from "meshoptimizer";

await MeshoptDecoder.ready;
const file = readFileSync(process.argv[2]);
const length = file.readUInt32LE(12);
const document = JSON.parse(file.subarray(20, 20 + length).toString());
const binary = file.subarray(28 + length);
const decoded = (view) => {
  const packed = document.bufferViews[view].extensions.EXT_meshopt_compression;
  const target = new Uint8Array(packed.count * packed.byteStride);
  const source = binary.subarray(packed.byteOffset, packed.byteOffset + packed.byteLength);
  MeshoptDecoder.decodeGltfBuffer(target, packed.count, packed.byteStride, source, packed.mode, packed.filter);
  return target;
};
const result = {};
for (const mesh of document.meshes) {
  const primitive = mesh.primitives[0];
  const accessor = document.accessors[primitive.attributes.POSITION];
  const bytes = decoded(accessor.bufferView);
  const values = new Int16Array(bytes.buffer);
  const points = [];
  for (let index = 0; index < accessor.count; index += 1) points.push([0, 1, 2].map((axis) => values[index * 4 + axis]));
  const indices = document.accessors[primitive.indices];
  const raw = decoded(indices.bufferView);
  const corners = indices.componentType === 5123 ? new Uint16Array(raw.buffer) : new Uint32Array(raw.buffer);
  result[mesh.name] = { points, highest: corners.reduce((most, one) => Math.max(most, one), 0) };
}
console.log(JSON.stringify(result));
