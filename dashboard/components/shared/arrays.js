// Arrays as Python packs them: base64 of little-endian float32.

export function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0))
  return new Float32Array(bytes.buffer)
}

/** Views of `count` equally long rows. */
export function rows(values, count) {
  const width = values.length / count
  return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width))
}
