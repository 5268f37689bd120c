// A Talker in a Worker, so that the network takes no time from what a page draws; remote.js is its other end.
import { Talker } from "./talker.js";

let talker;

const verbs = {
  async load({ url, ort, settings }) {
    const progress = (share) => postMessage({ share });
    talker = await Talker.load(url, { ...settings, ort: ort && (await import(/* webpackIgnore: true */ /* @vite-ignore */ ort)), progress });
    const { names, emotions, styles, rate, fps } = talker;
    return { names, emotions, styles, rate, fps };
  },
  push: ({ samples, rate }) => talker.push(samples, rate),
  finish: () => talker.finish(),
  start: () => talker.start(),
  feel: ({ emotion }) => void (talker.emotion = emotion),
  release: () => talker.release(),
};

onmessage = async ({ data: { id, verb, given } }) => {
  try {
    const result = await verbs[verb](given);
    postMessage({ id, result, latency: talker.latency, time: talker.time });
  } catch (error) {
    postMessage({ id, error: { name: error.name, message: error.message } });
  }
};
