// The page's end of a Talker in a Worker; it has what a Talker has.

export class RemoteTalker {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map(); // number of a request -> what settles its promise
    this.count = 0;
    this.time = { seconds: 0, busy: 0 };
    this.worker.onmessage = ({ data }) => this.heard(data);
    this.worker.onerror = (event) => this.fail(new Error(event.message || "the worker of the network cannot be loaded"));
  }

  static async load(url, { ort, progress, ...settings }) {
    if (ort) throw new TypeError("ort: a Worker imports its own; leave it out");
    const talker = new RemoteTalker();
    talker.progress = progress;
    talker.felt = settings.emotion ?? "neutral";
    // Workers know no import maps.
    const place = import.meta.resolve?.("onnxruntime-web/wasm");
    try {
      Object.assign(talker, await talker.ask("load", { url: `${url}`, ort: place, settings }));
    } catch (error) {
      talker.worker.terminate();
      throw error;
    }
    return talker;
  }

  ask(verb, given) {
    return new Promise((done, failed) => {
      this.waiting.set(this.count, [done, failed]);
      this.worker.postMessage({ id: this.count++, verb, given });
    });
  }

  heard({ share, id, result, error, latency, time }) {
    if (share !== undefined) return this.progress?.(share);
    const [done, failed] = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) return failed(Object.assign(new Error(error.message), { name: error.name }));
    Object.assign(this, { latency, time });
    done(result);
  }

  fail(error) {
    for (const [, failed] of this.waiting.values()) failed(error);
    this.waiting.clear();
  }

  get emotion() {
    return this.felt;
  }

  set emotion(felt) {
    this.felt = felt;
    this.ask("feel", { emotion: felt }).catch((error) => console.error(error));
  }

  start() {
    this.ask("start").catch((error) => console.error(error));
  }

  push(samples, rate) {
    return this.ask("push", { samples, rate });
  }

  finish() {
    return this.ask("finish");
  }

  async release() {
    await this.ask("release");
    this.worker.terminate();
  }
}
