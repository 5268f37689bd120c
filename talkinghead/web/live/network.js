// The network: `step.onnx` on onnxruntime-web, a block of sound at a time. What it must remember goes in and out of the graph.

/** The graph of a folder, and streams of it. */
export class Network {
  constructor(session, about, ort) {
    Object.assign(this, { session, about, ort });
  }

  // onnxruntime-web, of the page's choice or by the name that npm and import maps know.
  static async load(url, about, { ort, threads = 1, progress } = {}) {
    ort ??= await import("onnxruntime-web/wasm");
    ort.env.wasm.numThreads = threads;
    const graph = await download(new URL(about.graph, url), about.bytes, progress);
    const session = await ort.InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 3, // errors
    });
    return new Network(session, about, ort);
  }

  /** What is kept of a stream that has heard nothing. style: 0 is the average. */
  start(style = 0) {
    const { past } = this.about;
    const kept = past.map(({ shape, fill }) => {
      const array = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < array.length; i++) array[i] = fill[i % fill.length]; // all rows alike
      return this.tensor(array, [1, ...shape]);
    });
    return { kept, row: 0, style };
  }

  /**
   * Takes (N * 320,) samples and (N, F) emotions of the rows whose phonemes come out; the state goes on. Gives N rows of
   * probabilities of phonemes, and twice N rows of motion, without and with the emotion, `encoderDelay` and `delay` before the new ones.
   */
  async step(state, sound, emotion) {
    const { about, ort } = this;
    const count = sound.length / about.frame;
    const style = new ort.Tensor("int64", BigInt64Array.of(BigInt(state.style)), [1]);
    const row = new ort.Tensor("int64", BigInt64Array.of(BigInt(Math.min(state.row, about.long))), [1]);
    const inputs = {
      sound: this.tensor(sound, [1, sound.length]),
      emotion: this.tensor(emotion, [1, count, emotion.length / count]),
      positions: this.tensor(this.positions(state.row, count), [1, count, about.width]),
      template: this.tensor(Float32Array.from(about.template.flat()), [1, about.template.length, 3]),
      row,
      style,
    };
    about.past.forEach(({ input }, i) => (inputs[input] = state.kept[i]));
    const out = await this.session.run(inputs);
    state.kept = about.past.map(({ output }) => out[output]);
    state.row += count;
    const rows = ({ data }, parts) => Array.from({ length: parts }, (_, i) => data.subarray((i * data.length) / parts, ((i + 1) * data.length) / parts));
    const motion = rows(out.motion, 2 * count);
    return { posteriors: rows(out.posteriors, count), motion: [motion.slice(0, count), motion.slice(count)] };
  }

  // Sines and cosines that tell the transformer where a feature is; they repeat after `period` of them.
  positions(first, count) {
    const { width, period } = this.about;
    const half = width / 2;
    const out = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < half; k++) {
        const turns = Math.round((Math.exp((-Math.log(10000) / (half - 1)) * k) * period) / (2 * Math.PI)); // in a period
        const angle = (((first + i) % period) * turns * 2 * Math.PI) / period;
        out[i * width + k] = Math.sin(angle);
        out[i * width + half + k] = Math.cos(angle);
      }
    }
    return out;
  }

  tensor(array, shape) {
    return new this.ort.Tensor("float32", array, shape);
  }

  async release() {
    await this.session.release();
  }
}

// progress(share) is called as the bytes come.
async function download(url, bytes, progress) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  const parts = [];
  let seen = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(value);
    seen += value.length;
    progress?.(Math.min(1, seen / bytes));
  }
}
