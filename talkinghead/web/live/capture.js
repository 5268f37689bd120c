// Sound of a page: a microphone, or any node of an AudioContext, as blocks that a Talker takes.
const ready = new WeakMap(); // AudioContext -> promise that its worklet is there

/**
 * Calls `heard(samples, time)` for each 20 ms of what `node` gives: 320 mono samples at 16 kHz, and the time of the first of them
 * on the clock of the context. Returns a function that ends it.
 */
export async function capture(node, heard, { worklet = new URL("./worklet.js", import.meta.url) } = {}) {
  const { context } = node;
  if (!context.audioWorklet) throw new Error("no AudioWorklet here: pages have it at https:// and localhost only");
  if (!ready.has(context)) ready.set(context, context.audioWorklet.addModule(worklet));
  await ready.get(context);
  const tap = new AudioWorkletNode(context, "talkinghead-capture", { numberOfInputs: 1, numberOfOutputs: 1, outputChannelCount: [1] });
  tap.port.onmessage = ({ data }) => heard(data.samples, data.time);
  node.connect(tap).connect(context.destination); // it gives silence; a node that leads nowhere is not run
  return () => {
    tap.port.onmessage = null;
    tap.port.postMessage("end");
    node.disconnect(tap);
    tap.disconnect();
  };
}

/** The same of a microphone. Asks the visitor; throws what `getUserMedia` throws where that is refused, or there is none. */
export async function microphone(context, heard, { deviceId, ...options } = {}) {
  if (!navigator.mediaDevices) throw new Error("no microphone here: pages have it at https:// and localhost only");
  const wanted = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
  if (deviceId) wanted.deviceId = { exact: deviceId };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
  const node = context.createMediaStreamSource(stream);
  const end = await capture(node, heard, options);
  return () => {
    end();
    for (const track of stream.getTracks()) track.stop();
  };
}
