// Arrays of a safetensors file (f16 or f32) by name: { shape, values }.
export function read(buffer) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const arrays = {};
  delete header.__metadata__;
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const bytes = buffer.slice(8 + length + from, 8 + length + to);
    arrays[name] = { shape, values: dtype === "F32" ? new Float32Array(bytes) : Float32Array.from(new Uint16Array(bytes), half) };
  }
  return arrays;
}

function half(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

// Names of the blocks with the stride of each, from the input to the output.
export function blocks(arrays) {
  const found = [];
  for (let group = 1; group <= 3; group++)
    for (let i = 0; arrays[`block${group}.layer.${i}.conv1.weight`]; i++)
      found.push([`block${group}.layer.${i}`, i === 0 && group > 1 ? 2 : 1]);
  return found;
}

// Scale and shift of a batch normalisation with its running statistics.
export function affine(arrays, name) {
  const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((p) => arrays[`${name}.${p}`].values);
  const scale = gamma.map((g, i) => g / Math.sqrt(variance[i] + 1e-5));
  return { scale, shift: beta.map((b, i) => b - mean[i] * scale[i]) };
}
