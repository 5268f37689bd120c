// Speech to the weights of a face, as it comes: what `talker.stream()` does in Python.
import { Feeling, FrameClock, Layers } from "./layers.js";
import { Network } from "./network.js";
import { RemoteTalker } from "./remote.js";
import { Resampler } from "./resampler.js";

const FORMAT = 1; // of talker.json

/** A model and one stream of it. `load` gives one; `push` takes sound and gives frames. */
export class Talker {
  constructor(network, about, settings) {
    Object.assign(this, { network, about, settings });
    this.names = about.names;
    this.emotions = about.emotions;
    this.styles = about.styles;
    this.rate = settings.rate ?? about.rate;
    this.fps = settings.fps ?? 30;
    if (!(this.fps >= 1 && this.fps <= 240)) throw new RangeError(`fps is ${this.fps}: 1 to 240`);
    this.style = settings.style == null ? 0 : 1 + about.styles.indexOf(settings.style);
    if (!this.style && settings.style != null) throw new RangeError(`style ${settings.style}: choose ${about.styles.join(", ")}`);
    this.hop = settings.hop ?? 1;
    const { delay, encoderDelay } = about.network;
    if (!(this.hop >= 1) || delay % this.hop || encoderDelay % this.hop) throw new RangeError(`hop is ${this.hop}: 1 or 2`);
    this.work = Promise.resolve();
    this.wanted = settings.emotion ?? "neutral";
    this.start();
  }

  /** The model of a folder that `talkinghead export-model --web` wrote; see index.d.ts for the options. */
  static async load(url, { worker, ...options } = {}) {
    const place = new URL(`${url}`.replace(/\/?$/, "/"), globalThis.document?.baseURI ?? globalThis.location?.href);
    if (worker) return RemoteTalker.load(place, options);
    const { ort, threads, progress, ...settings } = options;
    const answer = await fetch(new URL("talker.json", place));
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${answer.statusText}`);
    const about = await answer.json();
    if (about.format !== FORMAT) throw new Error(`${answer.url}: is of format ${about.format}, this module reads ${FORMAT}`);
    return new Talker(await Network.load(place, about.network, { ort, threads, progress }), about, settings);
  }

  /** Seconds of sound after a frame that it waits for at the most; the time that the computer takes comes on top. */
  get latency() {
    const { delay } = this.about.network;
    return (delay + this.hop + 0.5) / this.about.fps - this.about.offset + (this.resampler?.delay ?? 0);
  }

  get emotion() {
    return this.wanted;
  }

  /** "angry", ["angry", 0.7] or { happy: 0.6, surprised: 0.3 }: from the next sound on, within half a second. */
  set emotion(wanted) {
    const felt = this.row(wanted);
    this.wanted = wanted;
    const { stream } = this;
    this.work = this.work.then(() => stream.feeling.set(felt, this.number(stream)));
  }

  /** Begins a new stream, at time 0; the emotion stays. Frames of the one before that are under way are dropped. */
  start() {
    const { about, settings } = this;
    this.resampler = null;
    this.time = { seconds: 0, busy: 0 }; // of sound that the network has heard; that all of it took
    this.stream = {
      state: this.network.start(this.style),
      layers: new Layers(about, settings),
      clock: new FrameClock(this.fps, about),
      feeling: new Feeling(this.row(this.wanted), { change: about.layers.change, fps: about.fps, offset: about.offset }),
      waiting: new Float32Array(0),
      seconds: 0, // that were pushed
      steps: 0,
      ended: false,
    };
  }

  /** The frames that (n,) float32 mono samples in [-1, 1] complete. Calls that overlap are done one after the other. */
  push(samples, rate = this.rate) {
    if (!(samples instanceof Float32Array)) throw new TypeError("samples: a Float32Array of mono samples in [-1, 1]");
    const clean = samples.map((x) => (Number.isFinite(x) ? Math.min(1, Math.max(-1, x)) : 0));
    return this.queue((stream) => this.heard(stream, this.resampled(stream, clean, rate)));
  }

  /** The rest of the frames, as many in all as the sound has. After it `push` throws, until `start`. */
  finish() {
    const done = this.queue(async (stream) => {
      const total = stream.seconds ? Math.max(1, Math.ceil(stream.seconds * this.fps - 1e-6)) : 0;
      const before = stream.clock.made;
      const frames = await this.heard(stream, this.resampler?.finish() ?? new Float32Array(0));
      while (stream.clock.made < total) frames.push(...(await this.heard(stream, new Float32Array(this.about.network.frame * this.hop))));
      return frames.slice(0, total - before);
    });
    this.stream.ended = true;
    return done;
  }

  /** Frees the memory of the network. */
  async release() {
    await this.work;
    await this.network.release();
  }

  queue(work) {
    const { stream } = this;
    if (stream.ended) throw new Error("this stream is finished: start() begins another");
    const done = this.work.then(() => (this.stream === stream ? work(stream) : []));
    this.work = done.catch(() => {});
    return done.then((frames) => (this.stream === stream ? frames : []));
  }

  resampled(stream, samples, rate) {
    let before = new Float32Array(0);
    if (rate !== this.resampler?.rate) {
      before = this.resampler?.finish() ?? before;
      this.resampler = new Resampler(rate, this.about.rate);
    }
    stream.seconds += samples.length / rate;
    return joined(before, this.resampler.push(samples));
  }

  async heard(stream, samples) {
    const frame = this.about.network.frame * this.hop;
    const waiting = joined(stream.waiting, samples);
    const frames = [];
    let at = 0;
    for (; at + frame <= waiting.length && this.stream === stream; at += frame) {
      const begin = performance.now();
      frames.push(...(await this.step(stream, waiting.slice(at, at + frame))));
      this.time.seconds += frame / this.about.rate;
      this.time.busy += (performance.now() - begin) / 1000;
    }
    stream.waiting = waiting.slice(at);
    return frames;
  }

  async step(stream, sound) {
    const { layers, feeling, clock } = stream;
    const first = this.number(stream);
    const felt = Array.from({ length: this.hop }, (_, i) => feeling.at(first + i));
    const emotion = felt.flatMap((row) => Array.from(layers.expression.input(row)));
    const { posteriors, motion } = await this.network.step(stream.state, sound, Float32Array.from(emotion));
    stream.steps++;
    if (first < 0) return [];
    const faces = posteriors.map((row, i) => layers.row(first + i, row, motion.map((one) => one[i]), felt[i], feeling.any));
    return faces.flatMap((face) => (face ? clock.frames(face) : []));
  }

  // The row whose phonemes come out of the next step.
  number(stream) {
    return stream.steps * this.hop - this.about.network.encoderDelay;
  }

  row(felt) {
    const pairs = typeof felt === "string" ? [[felt, 1]] : Array.isArray(felt) ? [felt] : Object.entries(felt);
    const row = new Float64Array(this.emotions.length);
    for (const [name, intensity] of pairs) {
      const place = this.emotions.indexOf(name);
      if (place < 0) throw new RangeError(`emotion ${name}: choose ${this.emotions.join(", ")}`);
      if (!(intensity >= 0 && intensity <= 1)) throw new RangeError(`emotion ${name}: an intensity of ${intensity}: 0 to 1`);
      row[place] = intensity;
    }
    row[0] = 0; // neutral is the rest to 1
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((x) => x / Math.max(1, sum));
  }
}

function joined(before, after) {
  const out = new Float32Array(before.length + after.length);
  out.set(before);
  out.set(after, before.length);
  return out;
}
