#pragma once
// "Vectors" of one float: the same kernels in portable C; see vector_avx512.h for the names.
#include <math.h>
#include <string.h>

enum { VW = 1 };
/// Tiles of matrix products: left to the compiler.
enum { PRODUCT_ROWS = 4, PRODUCT_VECTORS = 8 };
typedef float vf;
typedef int vm;

static inline vf v_load(const float *p) { return *p; }
static inline void v_store(float *p, vf a) { *p = a; }
static inline vf v_load_n(const float *p, int n) { return n ? *p : 0; }
static inline void v_store_n(float *p, vf a, int n) {
  if (n) *p = a;
}
static inline vf v_set(float a) { return a; }
static inline vf v_add(vf a, vf b) { return a + b; }
static inline vf v_sub(vf a, vf b) { return a - b; }
static inline vf v_mul(vf a, vf b) { return a * b; }
static inline vf v_div(vf a, vf b) { return a / b; }
static inline vf v_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf v_max(vf a, vf b) { return a > b ? a : b; }
static inline vf v_min(vf a, vf b) { return a < b ? a : b; }
static inline vm v_less(vf a, vf b) { return a < b; }
static inline vm v_is_nan(vf a) { return a != a; }
static inline vf v_select(vm m, vf yes, vf no) { return m ? yes : no; }
static inline vf v_abs(vf a) { return fabsf(a); }
static inline vf v_sign_of(vf a, vf b) { return copysignf(a, b); }
/// Adding 1.5 * 2^23 leaves no bit for a fraction.
static inline vf v_round(vf a) {
  const float shifted = a + 12582912.0f;
  return shifted - 12582912.0f;
}
static inline vf v_power(int32_t n) {
  const int32_t bits = (int32_t)((uint32_t)(n + 127) << 23);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static inline vf v_scale(vf a, vf n) {
  if (n != n) return n;
  const int32_t whole = (int32_t)n, half = whole / 2;
  return a * v_power(half) * v_power(whole - half);
}
enum { VANISHING = -150 };
static inline vf v_raise(vf a, vf n) { return v_scale(a, n); }
static inline float v_sum(vf a) { return a; }
static inline float v_largest(vf a) { return a; }

static inline void d_add(double *sums, vf a) { *sums += (double)a; }
static inline void d_add_square(double *sums, vf a) { *sums += (double)a * (double)a; }

#define HAVE_HALF 0
static inline vf v_from_bytes(const int8_t *p) { return (float)*p; }
static inline vf v_from_half(const uint16_t *p) { return half_to_float(*p); }
static inline vf v_from_bfloat16(const uint16_t *p) {
  const uint32_t bits = (uint32_t)*p << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
