#pragma once
// What a level offers, and what all levels share.
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

struct level {
  void (*unary)(plumb_unary_op, const float *, float *, size_t);
  void (*binary)(plumb_binary_op, const float *, ptrdiff_t, const float *, ptrdiff_t, float *,
                 size_t);
  void (*gated)(plumb_unary_op, const float *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t,
                size_t);
  void (*accumulate)(float *, const float *, float, size_t);
  void (*epilogue)(float *, ptrdiff_t, size_t, size_t, const float *, const float *, const float *,
                   ptrdiff_t, plumb_unary_op);
  void (*softmax)(const float *, float *, size_t, float, const float *);
  float (*exponentials)(float *, size_t, float, const float *, float *);
  void (*channel_sums)(const float *, size_t, size_t, double *, double *);
  void (*scale_shift)(const float *, float *, size_t, size_t, const float *, const float *,
                      const float *, plumb_unary_op);
  void (*layer_norm)(const float *, float *, size_t, size_t, const float *, const float *, float);
  void (*transpose)(const float *, ptrdiff_t, float *, ptrdiff_t, size_t, size_t);
  void (*product)(const struct plumb_patches *, size_t, size_t, struct plumb_packed, size_t,
                  size_t, float *, ptrdiff_t, const struct plumb_addends *, plumb_unary_op, float *);
  void (*winograd)(const struct plumb_patches *, size_t, size_t, struct plumb_packed, size_t,
                   size_t, float *, ptrdiff_t, const struct plumb_addends *, plumb_unary_op, float *);
  void (*window_maximum)(const float *, ptrdiff_t, ptrdiff_t, size_t, size_t, size_t, float *);
  void (*window_sum)(const float *, ptrdiff_t, ptrdiff_t, size_t, size_t, size_t, float, float *);
  void (*depthwise)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, size_t, size_t, const float *,
                    ptrdiff_t, ptrdiff_t, size_t, size_t, float *, ptrdiff_t);
  double (*multiply_adds)(size_t);
  void (*half_to_float)(const uint16_t *, float *, size_t);
  void (*float_to_half)(const float *, uint16_t *, size_t);
  void (*bfloat16_to_float)(const uint16_t *, float *, size_t);
  void (*float_to_bfloat16)(const float *, uint16_t *, size_t);
};

/// NULL where the level was not compiled (another architecture).
extern const struct level *const plumb_level_plain;
extern const struct level *const plumb_level_avx2;
extern const struct level *const plumb_level_avx512;
extern const struct level *const plumb_level_neon;

/// IEEE 754 binary16, for tails and for levels without an instruction.
static inline float half_to_float(uint16_t bits) {
  const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = bits & 0x7fff;
  uint32_t wide;
  if (rest >= 0x7c00) {
    wide = sign | 0x7f800000 | (rest & 0x3ff) << 13 | (rest > 0x7c00 ? 0x400000 : 0);
  } else if (rest >= 0x400) {
    wide = sign | ((rest << 13) + ((127 - 15) << 23));
  } else {
    const float magnitude = (float)rest * 0x1p-24f;
    memcpy(&wide, &magnitude, sizeof wide);
    wide |= sign;
  }
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

static inline uint16_t float_to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = (bits >> 16) & 0x8000, rest = bits & 0x7fffffff;
  if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00 | ((rest >> 13) & 0x3ff));
  if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // rounds to 65536 and more
  if (rest >= 0x38800000) {
    const uint32_t rounded = rest + 0xfff + ((rest >> 13) & 1);
    return (uint16_t)(sign | ((rounded - ((127u - 15u) << 23)) >> 13));
  }
  // Below 2^-14 the unit in the last place is 2^-24; adding 0.5 leaves just those bits, rounded.
  float magnitude;
  memcpy(&magnitude, &rest, sizeof magnitude);
  magnitude += 0.5f;
  uint32_t shifted;
  memcpy(&shifted, &magnitude, sizeof shifted);
  return (uint16_t)(sign | (shifted - 0x3f000000));
}
