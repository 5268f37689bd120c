// The microphone moves the head that is shown: sound to the server in blocks of 20 ms, frames back, the newest is shown.
const BEHIND = 50; // blocks without an answer above which sound is left out: a machine that is too slow
const READY = "Speak: the head says it.";
const QUIET = 0.003; // largest sample of a microphone that is switched off, or nearly so

class Speaking {
  // on: { frame(frame), level(share), told(text, wrong), ended() }
  constructor(on) {
    Object.assign(this, { on, open: 0, loud: 0, blocks: 0 });
  }

  // asked: what the server is to know: result, emotion, settings. Throws what went wrong, in words for a visitor.
  async begin(asked) {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("this browser has a microphone only at localhost or over https");
    this.context = new AudioContext();
    try {
      const { microphone } = await import("./module/capture.js");
      this.release = await microphone(this.context, (samples) => this.heard(samples)).catch((error) => {
        throw new Error(this.words(error));
      });
      if (this.over) return this.end();
      await this.connect(asked);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  words({ name, message }) {
    if (name === "NotAllowedError") return "the microphone is not allowed: allow it in the browser, beside the address";
    if (name === "NotFoundError") return "no microphone was found: connect one, or choose a file";
    if (name === "NotReadableError") return "the microphone is used by another program";
    return `the microphone cannot be used: ${message}`;
  }

  connect(asked) {
    return new Promise((done, failed) => {
      const socket = new WebSocket(new URL("microphone", location.href.replace(/^http/, "ws").replace(/#.*/, "")));
      this.socket = socket;
      let why = "the demo's program has ended; start it again";
      socket.onopen = () => socket.send(JSON.stringify(asked));
      socket.onmessage = ({ data }) => {
        const { ready, error, frames } = JSON.parse(data);
        if (error) why = error;
        if (ready) {
          this.ready = true;
          done();
        }
        if (!frames) return;
        if (--this.open < BEHIND / 4) this.late(false);
        if (frames.length) this.on.frame(frames.at(-1));
      };
      socket.onclose = () => {
        failed(new Error(why));
        if (!this.over && this.ready) this.on.told(why, true);
        this.end();
      };
    });
  }

  heard(samples) {
    const most = samples.reduce((loud, x) => Math.max(loud, Math.abs(x)), 0);
    this.loud = Math.max(most, 0.9 * this.loud);
    this.on.level(Math.min(1, Math.max(0, 1 + Math.log10(Math.max(this.loud, 1e-6)) / 2.5))); // of 50 dB
    if (!this.ready || this.over) return;
    this.blocks++;
    if (this.slow || this.open > BEHIND) return this.late(true); // until it has caught up
    if (this.blocks === 100 && this.loud < QUIET) this.on.told("The microphone hears nothing: is it switched off?", true);
    this.open++;
    this.socket.send(Int16Array.from(samples, (x) => Math.round(32767 * Math.min(1, Math.max(-1, x)))));
  }

  late(now) {
    if (now !== Boolean(this.slow)) this.on.told(now ? "This machine is too slow: some sound is left out." : READY, now);
    this.slow = now;
  }

  feel(emotion) {
    if (this.ready && !this.over) this.socket.send(JSON.stringify({ emotion }));
  }

  end() {
    this.release?.();
    this.release = null;
    if (this.over) return;
    this.over = true;
    if (this.context.state !== "closed") this.context.close();
    this.socket?.close();
    this.on.ended();
  }
}
