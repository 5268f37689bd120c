/** One frame: the face at `time` seconds of the sound. */
export interface Frame {
  time: number;
  /** Of the shapes `Talker.names`, in [0, 1]. */
  weights: Float32Array;
  /** Metres by which tip and body of the tongue are raised, beside what the jaw does. */
  tongue: Float32Array;
}

/** A name, a name with an intensity from 0 to 1, or intensities by name. */
export type Emotion = string | [name: string, intensity: number] | Record<string, number>;

export interface Settings {
  /** Frames a second that come out; 30. */
  fps?: number;
  /** Samples a second of what is pushed, where `push` is not told; 16000. */
  rate?: number;
  emotion?: Emotion;
  /** Blocks of 20 ms that the network takes at a time: 1, or 2, which take less of the processor and 20 ms more; 1. */
  hop?: 1 | 2;
  /** Gains from 0 to 3, as in Python; 1. */
  expressiveness?: number;
  articulation?: number;
  upperFace?: number;
  lowerFace?: number;
  /** Whose way of speaking: one of `Talker.styles`; the average. */
  style?: string;
}

export interface LoadOptions extends Settings {
  /** onnxruntime-web; imported as "onnxruntime-web/wasm" where it is not given. */
  ort?: unknown;
  /** Whether the network runs in a Worker, so that what the page draws does not wait for it; false. `ort` is left out then. */
  worker?: boolean;
  /** Threads of the network; 1. More need a page that is cross-origin isolated. */
  threads?: number;
  /** Called with the share of the files that has come. */
  progress?: (share: number) => void;
}

/** A streaming model and one stream of it: sound in, frames out. */
export class Talker {
  private constructor();
  /** The model in a folder that `talkinghead export-model --web` wrote. */
  static load(url: string | URL, options?: LoadOptions): Promise<Talker>;
  readonly names: readonly string[];
  readonly emotions: readonly string[];
  readonly styles: readonly string[];
  readonly rate: number;
  readonly fps: number;
  /** Seconds of sound that a frame waits for at the most; the time of the computer comes on top. */
  readonly latency: number;
  /** Seconds of sound that the network has heard, and seconds that it took for them. */
  readonly time: { readonly seconds: number; readonly busy: number };
  /** Can be set while it runs; the face changes within half a second. */
  emotion: Emotion;
  /** Begins another stream, at time 0. */
  start(): void;
  /** The frames that mono samples in [-1, 1] complete, maybe none. They do not depend on how the sound is cut. */
  push(samples: Float32Array, rate?: number): Promise<Frame[]>;
  /** The frames that are left at the end of the sound. */
  finish(): Promise<Frame[]>;
  /** Frees the network. */
  release(): Promise<void>;
}

/** 320 mono samples at 16 kHz, and the time of the first on the clock of the AudioContext. */
export type Heard = (samples: Float32Array, time: number) => void;

/** Calls `heard` for each 20 ms of an AudioNode. The function that comes back ends it. */
export function capture(node: AudioNode, heard: Heard, options?: { worklet?: string | URL }): Promise<() => void>;

/** The same of a microphone. */
export function microphone(
  context: AudioContext,
  heard: Heard,
  options?: { worklet?: string | URL; deviceId?: string },
): Promise<() => void>;

/** Sound of another rate; pieces of any size. */
export class Resampler {
  constructor(from: number, to?: number);
  readonly delay: number;
  push(samples: Float32Array): Float32Array;
  finish(): Float32Array;
}

/** Frames on a clock that is `begin` where the stream begins, `delay` seconds later. */
export class Playout {
  constructor(begin: number, delay: number);
  push(frames: Frame[]): void;
  at(now: number): Frame | null;
  ahead(now: number): number;
}

/** Frames on the morph targets of three.js's meshes below `root`. */
export class Targets {
  constructor(root: { traverse(visit: (node: any) => void): void }, names: readonly string[]);
  /** How many of the names some mesh has. */
  readonly count: number;
  show(frame: { weights: ArrayLike<number>; tongue?: ArrayLike<number> }): void;
}

/** Blinks, gaze and sway of the head, for faces that would stare; the voice does not move them. */
export class Idle {
  constructor(names: readonly string[], seed?: number);
  /** A copy of a frame with them, at `now` seconds of a clock that goes on; rotation: rad of the head about x, y and z. */
  add<F extends { weights: ArrayLike<number> }>(frame: F, now: number): F & { weights: Float32Array; rotation: number[] };
}
