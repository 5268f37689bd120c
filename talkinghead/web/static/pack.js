// Arrays as web/pack.py stores them.
async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// {about, arrays}: arrays by name, Float32Array where they have a step, else Int32Array, with `rows` and `columns`.
function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  const size = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const arrays = {};
  let at = 4 + size;
  for (const { name, rows, columns, step, planes } of about.sections) {
    const count = rows * columns;
    const whole = new Int32Array(count);
    for (let plane = 0; plane < planes; plane++, at += count) {
      for (let i = 0; i < count; i++) whole[i] |= bytes[at + i] << (8 * plane);
    }
    for (let i = 0; i < count; i++) {
      whole[i] = (whole[i] >>> 1) ^ -(whole[i] & 1);
      if (i >= columns) whole[i] += whole[i - columns];
    }
    const array = step ? Float32Array.from(whole, (value) => value * step) : whole;
    arrays[name] = Object.assign(array, { rows, columns });
  }
  return { about, arrays };
}
