// Frames on the morph targets of meshes: three.js, or anything whose meshes have `morphTargetDictionary` and
// `morphTargetInfluences`.

/** The meshes below `root` that have shapes of these names; ARKit's are also known as JawOpen, jaw_open, browDown_L and the like. */
export class Targets {
  constructor(root, names) {
    this.places = []; // [influences, index, number of the name]
    this.tongue = []; // [influences, index, which of the tongue's numbers, metres at weight 1]
    const wanted = new Map(names.map((name, i) => [plain(name), i]));
    const bends = new Map(TONGUE.map(([name, column, metres]) => [plain(name), [column, metres]]));
    const found = new Set();
    root.traverse(({ morphTargetDictionary: known, morphTargetInfluences: influences }) => {
      for (const [name, index] of Object.entries(known ?? {})) {
        const place = wanted.get(plain(name));
        if (place !== undefined) {
          this.places.push([influences, index, place]);
          found.add(place);
        } else if (bends.has(plain(name))) {
          this.tongue.push([influences, index, ...bends.get(plain(name))]);
        }
      }
    });
    this.count = found.size; // of the names, those that some mesh has
  }

  show({ weights, tongue }) {
    for (const [influences, index, place] of this.places) influences[index] = weights[place];
    if (tongue) for (const [influences, index, column, metres] of this.tongue) influences[index] = Math.max(0, tongue[column] / metres);
  }
}

// Shapes of the head that talkinghead writes, as `talkinghead.motion.tongue` has them.
const TONGUE = [
  ["tongueTipUp", 0, 0.016], ["tongueTipDown", 0, -0.004], ["tongueBodyUp", 1, 0.016], ["tongueBodyDown", 1, -0.004],
];

const plain = (name) =>
  name.split(".").at(-1).replace(/[_-]L$/i, "Left").replace(/[_-]R$/i, "Right").replace(/[^a-z0-9]/gi, "").toLowerCase();
