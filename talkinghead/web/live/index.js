export { capture, microphone } from "./capture.js";
export { Idle } from "./idle.js";
export { Playout } from "./playout.js";
export { Resampler } from "./resampler.js";
export { Talker } from "./talker.js";
export { Targets } from "./targets.js";
