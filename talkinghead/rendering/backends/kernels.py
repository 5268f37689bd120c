"""Compiled loops of the software renderer. `_shade` is the formula of `shader.SHADE`; change both together."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
from numba import njit

from talkinghead.rendering.scene import look

TO_LIGHT = look.decode(np.arange(4081) / 4080).astype(np.float32)  # by byte * 16
TO_BYTE = (look.encode((np.arange(4097) / 4096) ** 2) * 255).astype(np.float32)  # by the root of linear light * 4096
MIRROR = np.array([look.SPECULAR[k] for k in sorted(look.SPECULAR)], np.float32)
WRAP, LINE = np.array(look.WRAP, np.float32), np.array(look.LINE, np.float32) * 255
JOIN = 0.0015  # share of the distance within which two samples of a pixel lie on one surface


def _compiled(function):
    """njit, cached on disk where a folder is writable."""
    try:
        return njit(nogil=True, fastmath={"contract", "arcp", "reassoc", "nsz"}, cache=True)(function)
    except RuntimeError:  # numba found no folder it may write to
        return njit(nogil=True, fastmath={"contract", "arcp", "reassoc", "nsz"})(function)


@_compiled
def visibility(first, last, screen, triangles, depth, owner):
    """Nearest triangle at four points of each pixel of rows first..last. screen: (U, 4) of `SoftwareBackend._project`."""
    width = depth.shape[1]
    depth[2 * first : 2 * last] = 2.0
    owner[2 * first : 2 * last] = -1
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        if screen[a, 3] <= 0 or screen[b, 3] <= 0 or screen[c, 3] <= 0:
            continue
        ax, ay, bx, by = 2 * screen[a, 0], 2 * screen[a, 1], 2 * screen[b, 0], 2 * screen[b, 1]
        cx, cy = 2 * screen[c, 0], 2 * screen[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area > -1e-9:  # seen from behind, or edge on
            continue
        top, bottom = max(min(ay, by, cy) - 0.5, 2.0 * first), min(max(ay, by, cy) + 0.5, 2.0 * last)
        left, right = max(min(ax, bx, cx) - 0.5, 0.0), min(max(ax, bx, cx) + 0.5, float(width))
        if top >= bottom or left >= right:
            continue
        scale = 1 / area
        az, bz, cz = screen[a, 2], screen[b, 2], screen[c, 2]
        for y in range(int(top), min(int(bottom) + 1, 2 * last)):
            py = y + 0.5 - ay
            for x in range(int(left), min(int(right) + 1, width)):
                px = x + 0.5 - ax
                v = (px * (cy - ay) - (cx - ax) * py) * scale
                w = ((bx - ax) * py - px * (by - ay)) * scale
                if v >= 0 and w >= 0 and v + w <= 1:
                    z = az + v * (bz - az) + w * (cz - az)
                    if z < depth[y, x] and z > -1:
                        depth[y, x] = z
                        owner[y, x] = t


@_compiled
def light(first, last, screen, triangles, depth, owner, data, still, eye, lights, level, texels, levels, out):
    """Colour the pixels of rows first..last over what is in `out`, (H, W, 3) uint8 or (H, W, 4) times opacity.

    lights: of `Lights.table`.
    """
    colour = np.empty(5, np.float32)
    channels = out.shape[2]
    total = np.empty(channels, np.float32)
    colour[4] = 255.0
    mine = np.empty(4, np.int64)
    for y in range(first, last):
        for x in range(out.shape[1]):
            total[:] = 0
            empty = 0
            for s in range(4):
                mine[s] = owner[2 * y + s // 2, 2 * x + s % 2]
                if mine[s] < 0:
                    empty += 1
            if empty == 4:
                continue
            for s in range(4):
                if mine[s] < 0:
                    continue
                weight = 1
                for other in range(s + 1, 4):
                    if mine[other] >= 0 and _same(s, other, y, x, mine, depth, triangles, still, screen):
                        weight += 1
                        mine[other] = -1
                dx, dy = (0.5, 0.5) if weight == 4 else (0.25 + 0.5 * (s % 2), 0.25 + 0.5 * (s // 2))
                picture = levels[level[mine[s]]]
                _sample(x + dx, y + dy, mine[s], screen, triangles, data, still, eye, lights, picture, texels, colour)
                for k in range(channels):
                    own = colour[k] if k < 3 else colour[4]
                    total[k] += 0.25 * weight * (own * colour[3] + out[y, x, k] * (1 - colour[3]))
            for k in range(channels):
                out[y, x, k] = np.uint8(min(total[k] + 0.25 * empty * out[y, x, k] + 0.5, 255.0))


@_compiled
def _same(one, two, y, x, mine, depth, triangles, still, screen):
    """Whether two of a pixel's samples lie on one surface, so that one colour serves both."""
    if mine[one] == mine[two]:
        return True
    a, b = triangles[mine[one], 0], triangles[mine[two], 0]
    if still[a, 6] != still[b, 6] or still[a, 6] == 3:
        return False
    return abs(screen[a, 3] - screen[b, 3]) < JOIN * screen[a, 3]


@_compiled
def _sample(px, py, t, screen, triangles, data, still, eye, lights, picture, texels, colour):
    """Colour (3 bytes as floats) and opacity of triangle t at a point of the picture."""
    a, b, c = triangles[t]
    ax, ay = screen[a, 0], screen[a, 1]
    bx, by, cx, cy = screen[b, 0] - ax, screen[b, 1] - ay, screen[c, 0] - ax, screen[c, 1] - ay
    scale = 1 / (bx * cy - cx * by)
    v, w = ((px - ax) * cy - cx * (py - ay)) * scale, (bx * (py - ay) - (px - ax) * by) * scale
    v, w = max(v, 0.0), max(w, 0.0)  # a pixel's middle may lie just outside
    if v + w > 1:
        v, w = v / (v + w), w / (v + w)
    area = abs(bx * cy - cx * by)
    away = min((1 - v - w) * area / sqrt((cx - bx) ** 2 + (cy - by) ** 2 + 1e-12), v * area / sqrt(cx * cx + cy * cy + 1e-12))
    away = min(away, w * area / sqrt(bx * bx + by * by + 1e-12))
    u = (1 - v - w) * screen[a, 3]
    v, w = v * screen[b, 3], w * screen[c, 3]
    whole = 1 / (u + v + w)
    u, v, w = np.float32(u * whole), np.float32(v * whole), np.float32(w * whole)
    values = np.empty(10, np.float32)
    for i in range(10):
        values[i] = u * data[a, i] + v * data[b, i] + w * data[c, i]
    colour[3] = min(max(u * still[a, 7] + v * still[b, 7] + w * still[c, 7], 0.0), 1.0)
    if still[a, 6] > 5.5:
        _painted(values, still, a, away, colour)
        return
    _texel(u * still[a, 0] + v * still[b, 0] + w * still[c, 0], u * still[a, 1] + v * still[b, 1] + w * still[c, 1],
           picture, texels, colour)  # fmt: skip
    for k in range(3):
        colour[k] *= still[a, 2 + k]
    _shade(values, eye, lights, still[a, 5], int(still[a, 6] + 0.5), colour)
    for k in range(3):
        colour[k] = TO_BYTE[int(sqrt(max(min(colour[k], 1.0), 0.0)) * 4096 + 0.5)]


@_compiled
def _painted(values, still, a, away, colour):
    """Colour of a style, which has no lights. away: pixels to the nearest edge of the triangle. See `shader.SHADE`."""
    share = min(max(away + 0.1, 0.0), 1.0)
    for k in range(3):
        colour[k] = min(max(values[6 + k], 0.0), 1.0) * 255
        if still[a, 6] > 6.5:
            colour[k] = LINE[k] + share * (min(max(still[a, 2 + k] * values[9], 0.0), 1.0) * 255 - LINE[k])


@_compiled
def _texel(u, v, picture, texels, colour):
    """Linear light of a texture (start, height, width) at u right, v up, between four texels; it repeats beyond its edges."""
    start, height, width = picture
    x, y = u * width - 0.5, (1 - v) * height - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    dx, dy = x - left, y - top
    x0, x1, y0, y1 = left % width, (left + 1) % width, top % height, (top + 1) % height
    for k in range(3):
        upper = texels[start + y0 * width + x0, k] * (1 - dx) + texels[start + y0 * width + x1, k] * dx
        lower = texels[start + y1 * width + x0, k] * (1 - dx) + texels[start + y1 * width + x1, k] * dx
        colour[k] = TO_LIGHT[int((upper * (1 - dy) + lower * dy) * 16 + 0.5)]


@_compiled
def _shade(values, eye, lights, roughness, kind, colour):
    """Linear light that leaves a surface: `colour` comes in as its own and goes out lit. values: (10,) of `Scene.frame`."""
    gloss, sky, ground, catch = lights[6], lights[7], lights[8], lights[9]
    skin, shiny, wet, hair = kind == 0, kind == 1, kind == 2, kind >= 3
    nx, ny, nz = _unit(values[3], values[4], values[5])
    vx, vy, vz = _unit(eye[0] - values[0], eye[1] - values[1], eye[2] - values[2])
    creep = 1.0 if skin else 0.6 if hair else 0.35
    facing = nx * vx + ny * vy + nz * vz
    if hair and facing < 0:
        nx, ny, nz, facing = -nx, -ny, -nz, -facing
    nv = min(max(facing, 0.04), 1.0)
    if wet:
        for i in range(6, 10):
            values[i] = sqrt(max(values[i], 0.0))
    ao = values[6]
    edge = (1 - nv) ** 4 * ao * (0.10 if skin else 0.25 if shiny else 0.05)
    rough = roughness * roughness
    rough2, k = rough * rough, 0.5 * rough
    base_r, base_g, base_b = colour[0], colour[1], colour[2]
    for j in range(3):
        base = colour[j]
        open_ = ((ao * (2.0404 * base - 0.3324) + (0.6417 - 4.7951 * base)) * ao + (2.7552 * base + 0.6903)) * ao
        around = ground[j] + (sky[j] - ground[j]) * (0.5 + 0.5 * ny)
        colour[j] = base * around * max(ao, open_) + around * edge
    for i in range(3):
        lx, ly, lz = lights[i, 0], lights[i, 1], lights[i, 2]
        d, seen = nx * lx + ny * ly + nz * lz, values[7 + i]
        lobe = 0.0
        if d > 0 and not shiny:
            hx, hy, hz = _unit(lx + vx, ly + vy, lz + vz)
            nh = nx * hx + ny * hy + nz * hz
            q = nh * nh * (rough2 - 1) + 1
            fresnel = MIRROR[kind] + (1 - MIRROR[kind]) * (1 - (vx * hx + vy * hy + vz * hz)) ** 5
            lobe = rough2 / (q * q) * fresnel / ((d * (1 - k) + k) * (nv * (1 - k) + k)) * 0.25
            lobe = min(lobe, 4.0) * d * seen * gloss[i]
        for j in range(3):
            wrap = WRAP[j] * creep
            diffuse = min(max((d + wrap) / (1 + wrap), 0.0), 1.0)
            tint = (0.35 if j == 0 else 0.05 if j == 1 else 0.0) if skin else 0.0
            base = base_r if j == 0 else base_g if j == 1 else base_b
            colour[j] += lights[3 + i, j] * (base * diffuse * diffuse * (seen + seen * (1 - seen) * tint) + lobe)
    shine = 0.0
    if shiny:
        hx, hy, hz = _unit(vx + catch[0], vy + catch[1], vz + catch[2])
        mirror = 2 * facing * (nx * hx + ny * hy + nz * hz) - (vx * hx + vy * hy + vz * hz)
        shine = (0.85 * _step(0.972, 0.984, mirror) + 0.10 * _step(0.80, 1.0, mirror)) * _step(0.02, 0.25, ao)
    for j in range(3):
        value = colour[j] + shine
        colour[j] = value if value <= 0.7 else 0.7 + 0.3 * (1 - exp(-(value - 0.7) / 0.3))


@_compiled
def _unit(x, y, z):
    length = 1 / sqrt(max(x * x + y * y + z * z, 1e-20))
    return x * length, y * length, z * length


@_compiled
def _step(low, high, value):
    """GLSL's smoothstep; `motion.easing.smoothstep` is the same for arrays."""
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return share * share * (3 - 2 * share)
