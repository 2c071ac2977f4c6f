#pragma once
// Transpose and conversions.

/// Blocks of 16 x 16 keep both sides within a few cache lines.
static void level_transpose(const float *in, ptrdiff_t ldi, float *out, ptrdiff_t ldo,
                            size_t rows, size_t columns) {
  enum { side = 16 };
  for (size_t r = 0; r < rows; r += side) {
    const size_t r_end = r + side < rows ? r + side : rows;
    for (size_t c = 0; c < columns; c += side) {
      const size_t c_end = c + side < columns ? c + side : columns;
      for (size_t j = c; j < c_end; j++)
        for (size_t i = r; i < r_end; i++)
          out[(ptrdiff_t)j * ldo + (ptrdiff_t)i] = in[(ptrdiff_t)i * ldi + (ptrdiff_t)j];
    }
  }
}

static void level_half_to_float(const uint16_t *in, float *out, size_t count) {
  size_t i = 0;
#if HAVE_HALF
  for (; i + VW <= count; i += VW) v_store(out + i, v_from_half(in + i));
#endif
  for (; i < count; i++) out[i] = half_to_float(in[i]);
}

static void level_float_to_half(const float *in, uint16_t *out, size_t count) {
  size_t i = 0;
#if HAVE_HALF
  for (; i + VW <= count; i += VW) v_to_half(out + i, v_load(in + i));
#endif
  for (; i < count; i++) out[i] = float_to_half(in[i]);
}

static void level_bfloat16_to_float(const uint16_t *in, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)in[i] << 16;
    memcpy(out + i, &bits, sizeof bits);
  }
}

static void level_float_to_bfloat16(const float *in, uint16_t *out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, in + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const uint32_t quiet_nan = (bits >> 16) | 0x40;
    out[i] = (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet_nan : rounded);
  }
}
