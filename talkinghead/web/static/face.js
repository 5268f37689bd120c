// Vertices, normals and light of a head at any time: what Animation.vertices, Scene.frame and finer.middles do in Python.
const COLUMNS = 12; // of a drawn vertex: position, normal, share of ambient, key, fill and rim light, depth of creases, blood
class Face {
  constructor({ about, arrays }) {
    Object.assign(this, { about, ...arrays });
    this.count = this.template.rows;
    this.drawn = this.uv.rows;
    this.vertices = new Float32Array(this.count * 3);
    this.normals = new Float32Array(this.count * 3);
    this.moving = new Float32Array(this.drawn * COLUMNS);
    this.flow = new Float32Array(this.count * 2); // depth of creases, blood
    this.firsts = [0];
    for (const size of about.counts) this.firsts.push(this.firsts.at(-1) + size);
  }

  // Row of (T, C) `values` at a place between frames.
  at(values, place) {
    const width = values.columns;
    const low = Math.floor(place);
    const high = Math.min(low + 1, values.rows - 1);
    const share = place - low;
    return Array.from({ length: width }, (_, i) => values[low * width + i] * (1 - share) + values[high * width + i] * share);
  }

  // Frame t is shown at (t + 0.5) / fps seconds.
  place(time) {
    return Math.min(Math.max(time * this.about.fps - 0.5, 0), this.about.frames - 1);
  }

  // shown: a frame in place of that of the motion: weights, tongue in metres, rotation, gaze of the left and of the right eye.
  update(time, shown) {
    const place = this.place(time);
    const value = (name) => this[name] && (shown ? shown[name] : this.at(this[name], place));
    const v = this.vertices;
    v.set(this.template);
    const weights = shown ? [...shown.weights] : this.at(this.coefficients, place);
    if (this.tongue) weights.push(...(shown ? shown.tongue.map((metres) => metres / this.about.tall) : this.at(this.tongue, place)));
    if (this.drivers) this.findCreases(weights);
    weights.forEach((weight, shape) => {
      if (Math.abs(weight) < 1e-6) return;
      for (let i = this.firsts[shape]; i < this.firsts[shape + 1]; i++) {
        for (let axis = 0; axis < 3; axis++) v[3 * this.moved[i] + axis] += weight * this.shifts[3 * i + axis];
      }
    });
    if (this.gaze && this.about.eyes.length === 2) this.turnEyes(value("gaze"));
    this.pose(value("rotation"), value("translation"));
    this.findNormals();
    this.fill();
  }

  // By (yaw, pitch) of each eye about its joint: first up or down, then to the side.
  turnEyes(gaze) {
    const { template, vertices: v } = this;
    [this.left_eye, this.right_eye].forEach((ball, eye) => {
      const [cx, cy, cz] = this.about.eyes[eye];
      const [cosYaw, sinYaw] = [Math.cos(gaze[2 * eye]), Math.sin(gaze[2 * eye])];
      const [cosPitch, sinPitch] = [Math.cos(-gaze[2 * eye + 1]), Math.sin(-gaze[2 * eye + 1])];
      for (const row of ball) {
        const [x, y, z] = [template[3 * row] - cx, template[3 * row + 1] - cy, template[3 * row + 2] - cz];
        const [up, front] = [y * cosPitch - z * sinPitch, y * sinPitch + z * cosPitch];
        v[3 * row] += x * cosYaw + front * sinYaw - x;
        v[3 * row + 1] += up - y;
        v[3 * row + 2] += front * cosYaw - x * sinYaw - z;
      }
    });
  }

  // Axis-angle about the neck joint, then a shift, of all but the clothes, which come last.
  pose(turn, shift) {
    const v = this.vertices;
    const end = 3 * this.about.posed;
    const angle = turn ? Math.hypot(...turn) : 0;
    if (angle > 1e-9) {
      const [x, y, z] = turn.map((value) => value / angle);
      const [c, s, t] = [Math.cos(angle), Math.sin(angle), 1 - Math.cos(angle)];
      const m = [
        t * x * x + c, t * x * y - s * z, t * x * z + s * y,
        t * x * y + s * z, t * y * y + c, t * y * z - s * x,
        t * x * z - s * y, t * y * z + s * x, t * z * z + c,
      ];
      const [px, py, pz] = this.about.neck;
      for (let i = 0; i < end; i += 3) {
        const [a, b, d] = [v[i] - px, v[i + 1] - py, v[i + 2] - pz];
        v[i] = m[0] * a + m[1] * b + m[2] * d + px;
        v[i + 1] = m[3] * a + m[4] * b + m[5] * d + py;
        v[i + 2] = m[6] * a + m[7] * b + m[8] * d + pz;
      }
    }
    if (shift) for (let i = 0; i < end; i++) v[i] += shift[i % 3];
  }

  // The area-weighted mean of the faces around each vertex.
  findNormals() {
    const { vertices: v, normals: n, faces } = this;
    n.fill(0);
    for (let i = 0; i < faces.length; i += 3) {
      const [a, b, c] = [3 * faces[i], 3 * faces[i + 1], 3 * faces[i + 2]];
      const ux = v[b] - v[a], uy = v[b + 1] - v[a + 1], uz = v[b + 2] - v[a + 2];
      const wx = v[c] - v[a], wy = v[c + 1] - v[a + 1], wz = v[c + 2] - v[a + 2];
      const x = uy * wz - uz * wy, y = uz * wx - ux * wz, z = ux * wy - uy * wx;
      n[a] += x; n[a + 1] += y; n[a + 2] += z;
      n[b] += x; n[b + 1] += y; n[b + 2] += z;
      n[c] += x; n[c + 1] += y; n[c + 2] += z;
    }
    for (let i = 0; i < n.length; i += 3) {
      const length = Math.max(Math.sqrt(n[i] * n[i] + n[i + 1] * n[i + 1] + n[i + 2] * n[i + 2]), 1e-20);
      n[i] /= length; n[i + 1] /= length; n[i + 2] /= length;
    }
  }

  // What `Creases.at` does in Python, by the weights themselves.
  findCreases(weights) {
    const { drivers, folds, blood, flow } = this;
    flow.fill(0);
    for (let group = 0; group < drivers.rows; group++) {
      let drawn = 0;
      for (let k = 0; k < drivers.columns; k++) drawn += drivers[group * drivers.columns + k] * weights[k];
      drawn = Math.min(Math.max(drawn, 0), 1);
      if (drawn < 1e-3) continue;
      for (let i = 0, at = group * folds.columns; i < folds.columns; i++, at++) {
        flow[2 * i] += drawn * folds[at];
        flow[2 * i + 1] += drawn * blood[at];
      }
    }
    for (let i = 0; i < flow.length; i += 2) flow[i] = Math.min(flow[i], this.about.deepest);
  }

  // Metres between the inner lips.
  lipGap() {
    if (!this.about.lips.length) return 0;
    const [upper, lower] = this.about.lips.map(([face, u, w]) => {
      const [a, b, c] = [0, 1, 2].map((corner) => 3 * this.faces[3 * face + corner]);
      const v = this.vertices;
      return [0, 1, 2].map((axis) => (1 - u - w) * v[a + axis] + u * v[b + axis] + w * v[c + axis]);
    });
    return Math.hypot(upper[0] - lower[0], upper[1] - lower[1], upper[2] - lower[2]);
  }

  fill() {
    const { vertices: v, normals: n, moving: out, source, edges, closed, opened, flow } = this;
    const [shut, wide] = this.about.gap;
    const share = wide > shut ? Math.min(Math.max((this.lipGap() - shut) / (wide - shut), 0), 1) : 0;
    for (let i = 0, o = 0; i < source.length; i++, o += COLUMNS) {
      const [row, light] = [3 * source[i], 4 * source[i]];
      out[o] = v[row]; out[o + 1] = v[row + 1]; out[o + 2] = v[row + 2];
      out[o + 3] = n[row]; out[o + 4] = n[row + 1]; out[o + 5] = n[row + 2];
      for (let k = 0; k < 4; k++) out[o + 6 + k] = closed[light + k] + share * (opened[light + k] - closed[light + k]);
      out[o + 10] = flow[2 * source[i]]; out[o + 11] = flow[2 * source[i] + 1];
    }
    for (let i = 0, o = COLUMNS * source.length; i < edges.rows; i++, o += COLUMNS) {
      this.middle(COLUMNS * edges[2 * i], COLUMNS * edges[2 * i + 1], o);
    }
  }

  // The vertex between two others, on the curve of a PN triangle's edge.
  middle(a, b, o) {
    const out = this.moving;
    for (let k = 0; k < COLUMNS; k++) out[o + k] = (out[a + k] + out[b + k]) / 2;
    const x = out[b] - out[a], y = out[b + 1] - out[a + 1], z = out[b + 2] - out[a + 2];
    const onB = x * out[b + 3] + y * out[b + 4] + z * out[b + 5];
    const onA = x * out[a + 3] + y * out[a + 4] + z * out[a + 5];
    const rise = [3, 4, 5].map((k) => (onB * out[b + k] - onA * out[a + k]) / 8);
    const size = Math.max(Math.hypot(...rise), 1e-12);
    const scale = Math.min(1, (this.about.bulge * Math.hypot(x, y, z)) / size);
    for (let k = 0; k < 3; k++) out[o + k] += rise[k] * scale;
    const length = Math.max(Math.hypot(out[o + 3], out[o + 4], out[o + 5]), 1e-9);
    for (let k = 3; k < 6; k++) out[o + k] /= length;
  }
}
