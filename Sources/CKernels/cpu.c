// The choice of level, and the public functions, which call through it.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "level.h"

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t enabled_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

/// The processor's and the system's word on AVX2 with FMA and F16C (1) and AVX-512 beside (2).
static int x86_level(void) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  const uint32_t needed = fma | osxsave | avx | f16c;
  if ((c & needed) != needed) return 0;
  const uint64_t state = enabled_state();
  if ((state & 0x06) != 0x06 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(b & (1u << 5))) return 0;
  const uint32_t f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
  const uint32_t wide = f | dq | bw | vl;
  return (b & wide) == wide && (state & 0xe0) == 0xe0 ? 2 : 1;
}
#else
static int x86_level(void) { return 0; }
#endif

static const struct level *table_of(plumb_cpu_level level) {
  switch (level) {
    case PLUMB_CPU_PLAIN: return plumb_level_plain;
    case PLUMB_CPU_AVX2: return x86_level() >= 1 ? plumb_level_avx2 : NULL;
    case PLUMB_CPU_AVX512: return x86_level() >= 2 ? plumb_level_avx512 : NULL;
    case PLUMB_CPU_NEON: return plumb_level_neon;
  }
  return NULL;
}

const char *plumb_cpu_name(plumb_cpu_level level) {
  switch (level) {
    case PLUMB_CPU_PLAIN: return "plain";
    case PLUMB_CPU_AVX2: return "avx2";
    case PLUMB_CPU_AVX512: return "avx512";
    case PLUMB_CPU_NEON: return "neon";
  }
  return "unknown";
}

bool plumb_cpu_has(plumb_cpu_level level) { return table_of(level) != NULL; }

static plumb_cpu_level best_level(void) {
  if (plumb_level_neon) return PLUMB_CPU_NEON;
  if (plumb_cpu_has(PLUMB_CPU_AVX512)) return PLUMB_CPU_AVX512;
  if (plumb_cpu_has(PLUMB_CPU_AVX2)) return PLUMB_CPU_AVX2;
  return PLUMB_CPU_PLAIN;
}

static _Atomic(const struct level *) current;
static _Atomic(plumb_cpu_level) current_level;

/// Two threads that come here first at once write the same values.
static const struct level *choose(void) {
  const plumb_cpu_level best = best_level();
  plumb_cpu_level level = best;
  const char *wish = getenv("PLUMB_CPU");
  if (wish && !strcmp(wish, "plain")) level = PLUMB_CPU_PLAIN;
  if (wish && !strcmp(wish, "avx2") && best == PLUMB_CPU_AVX512) level = PLUMB_CPU_AVX2;
  const struct level *chosen = table_of(level);
  atomic_store(&current_level, level);
  atomic_store(&current, chosen);
  return chosen;
}

static inline const struct level *level(void) {
  const struct level *chosen = atomic_load_explicit(&current, memory_order_acquire);
  return chosen ? chosen : choose();
}

plumb_cpu_level plumb_cpu_current(void) {
  level();
  return atomic_load(&current_level);
}

bool plumb_cpu_use(plumb_cpu_level wanted) {
  const struct level *chosen = table_of(wanted);
  if (!chosen) return false;
  atomic_store(&current_level, wanted);
  atomic_store(&current, chosen);
  return true;
}

const char *plumb_cpu_description(void) {
  static const char *const lowered[3][3] = {
      {"plain", "plain (lowered; the processor has avx2)",
       "plain (lowered; the processor has avx512)"},
      {"avx2", "avx2", "avx2 (lowered; the processor has avx512)"},
      {"avx512", "avx512", "avx512"},
  };
  const plumb_cpu_level now = plumb_cpu_current(), best = best_level();
  if (now == PLUMB_CPU_NEON) return "neon";
  if (best == PLUMB_CPU_NEON) return "plain (lowered; the processor has neon)";
  return lowered[now][best];
}

// MARK: through the table

void plumb_unary(plumb_unary_op op, const float *in, float *out, size_t count) {
  level()->unary(op, in, out, count);
}

void plumb_binary(plumb_binary_op op, const float *a, ptrdiff_t a_step, const float *b,
                  ptrdiff_t b_step, float *out, size_t count) {
  level()->binary(op, a, a_step, b, b_step, out, count);
}

void plumb_gated(plumb_unary_op op, const float *in, const float *gate, ptrdiff_t in_stride,
                 float *out, ptrdiff_t out_stride, size_t rows, size_t width) {
  level()->gated(op, in, gate, in_stride, out, out_stride, rows, width);
}

void plumb_accumulate(float *out, const float *in, float scale, size_t count) {
  level()->accumulate(out, in, scale, count);
}

void plumb_epilogue(float *c, ptrdiff_t ldc, size_t m, size_t n, const float *bias,
                    const float *added, const float *residual, ptrdiff_t ldr,
                    plumb_unary_op activation) {
  level()->epilogue(c, ldc, m, n, bias, added, residual, ldr, activation);
}

void plumb_softmax(const float *in, float *out, size_t count, float scale, const float *addend) {
  level()->softmax(in, out, count, scale, addend);
}

float plumb_exponentials(float *x, size_t count, float scale, const float *addend, float *peak) {
  return level()->exponentials(x, count, scale, addend, peak);
}

void plumb_channel_sums(const float *x, size_t rows, size_t channels, double *sums,
                        double *squares) {
  level()->channel_sums(x, rows, channels, sums, squares);
}

void plumb_scale_shift(const float *x, float *out, size_t rows, size_t channels,
                       const float *center, const float *scale, const float *shift,
                       plumb_unary_op activation) {
  level()->scale_shift(x, out, rows, channels, center, scale, shift, activation);
}

void plumb_layer_norm(const float *x, float *out, size_t rows, size_t n, const float *gamma,
                      const float *beta, float epsilon) {
  level()->layer_norm(x, out, rows, n, gamma, beta, epsilon);
}

void plumb_transpose(const float *in, ptrdiff_t ldi, float *out, ptrdiff_t ldo, size_t rows,
                     size_t columns) {
  level()->transpose(in, ldi, out, ldo, rows, columns);
}

void plumb_product(const struct plumb_patches *patches, size_t first, size_t rows,
                   struct plumb_packed packed, size_t column, size_t columns, float *c,
                   ptrdiff_t ldc, const struct plumb_addends *addends, plumb_unary_op activation,
                   float *scratch) {
  level()->product(patches, first, rows, packed, column, columns, c, ldc, addends, activation,
                   scratch);
}

void plumb_winograd(const struct plumb_patches *patches, size_t first, size_t tiles,
                    struct plumb_packed packed, size_t column, size_t columns, float *c,
                    ptrdiff_t ldc, const struct plumb_addends *addends, plumb_unary_op activation,
                    float *scratch) {
  level()->winograd(patches, first, tiles, packed, column, columns, c, ldc, addends, activation,
                    scratch);
}

void plumb_window_maximum(const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t rows,
                          size_t columns, size_t channels, float *out) {
  level()->window_maximum(x, row_step, column_step, rows, columns, channels, out);
}

void plumb_window_sum(const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t rows,
                      size_t columns, size_t channels, float scale, float *out) {
  level()->window_sum(x, row_step, column_step, rows, columns, channels, scale, out);
}

void plumb_depthwise(const float *x, ptrdiff_t pixel_step, ptrdiff_t row_step,
                     ptrdiff_t column_step, size_t rows, size_t columns, const float *w,
                     ptrdiff_t w_row_step, ptrdiff_t w_column_step, size_t channels, size_t pixels,
                     float *out, ptrdiff_t out_step) {
  level()->depthwise(x, pixel_step, row_step, column_step, rows, columns, w, w_row_step,
                     w_column_step, channels, pixels, out, out_step);
}

double plumb_multiply_adds(size_t rounds) { return level()->multiply_adds(rounds); }

void plumb_half_to_float(const uint16_t *in, float *out, size_t count) {
  level()->half_to_float(in, out, count);
}

void plumb_float_to_half(const float *in, uint16_t *out, size_t count) {
  level()->float_to_half(in, out, count);
}

void plumb_bfloat16_to_float(const uint16_t *in, float *out, size_t count) {
  level()->bfloat16_to_float(in, out, count);
}

void plumb_float_to_bfloat16(const float *in, uint16_t *out, size_t count) {
  level()->float_to_bfloat16(in, out, count);
}
