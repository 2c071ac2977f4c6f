#pragma once
// Vectors of 16 floats. Every header of this kind defines the same names, so that a kernel is
// written once and compiled per level.
#include <immintrin.h>

enum { VW = 16 };
/// Tiles of matrix products: 28 sums, 2 columns vectors, 2 spare of 32 registers.
enum { PRODUCT_ROWS = 14, PRODUCT_VECTORS = 2 };
typedef __m512 vf;
typedef __mmask16 vm;

static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
static inline vm v_first(int n) { return (__mmask16)((1u << n) - 1); }
static inline vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
static inline void v_store_n(float *p, vf a, int n) { _mm512_mask_storeu_ps(p, v_first(n), a); }
static inline vf v_set(float a) { return _mm512_set1_ps(a); }
static inline vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
/// a * b + c
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
/// The second operand where either is NaN.
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vm v_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline vm v_is_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
static inline vf v_select(vm m, vf yes, vf no) { return _mm512_mask_blend_ps(m, no, yes); }
static inline vf v_abs(vf a) { return _mm512_abs_ps(a); }
/// The magnitude of a (not negative) with the sign of b.
static inline vf v_sign_of(vf a, vf b) {
  return _mm512_or_ps(a, _mm512_and_ps(b, _mm512_set1_ps(-0.0f)));
}
/// To the nearest integer, |a| < 2^22.
static inline vf v_round(vf a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/// a * 2^n, n whole, -160 <= n <= 130.
static inline vf v_scale(vf a, vf n) { return _mm512_scalef_ps(a, n); }
/// The same for a in 0.5 to 2, VANISHING <= n <= 127, where a result below 2^-126 may be another such
/// one; that of 1 and VANISHING is 0.
enum { VANISHING = -150 };
static inline vf v_raise(vf a, vf n) { return _mm512_scalef_ps(a, n); }
static inline float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
static inline float v_largest(vf a) { return _mm512_reduce_max_ps(a); }

/// Half a vector.
#define HALF_VECTORS 1
typedef __m256 hf;

static inline hf h_load(const float *p) { return _mm256_loadu_ps(p); }
static inline hf h_load_n(const float *p, int n) {
  return _mm256_maskz_loadu_ps((__mmask8)((1u << n) - 1), p);
}
static inline void h_store_n(float *p, hf a, int n) {
  _mm256_mask_storeu_ps(p, (__mmask8)((1u << n) - 1), a);
}
static inline hf h_set(float a) { return _mm256_set1_ps(a); }
static inline hf h_add(hf a, hf b) { return _mm256_add_ps(a, b); }
static inline hf h_fma(hf a, hf b, hf c) { return _mm256_fmadd_ps(a, b, c); }

static inline void d_add(double *sums, vf a) {
  const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(a));
  const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
  _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), low));
  _mm512_storeu_pd(sums + 8, _mm512_add_pd(_mm512_loadu_pd(sums + 8), high));
}
static inline void d_add_square(double *sums, vf a) {
  const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(a));
  const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
  _mm512_storeu_pd(sums, _mm512_fmadd_pd(low, low, _mm512_loadu_pd(sums)));
  _mm512_storeu_pd(sums + 8, _mm512_fmadd_pd(high, high, _mm512_loadu_pd(sums + 8)));
}

/// Whether `v_to_half` is there.
#define HAVE_HALF 1
/// VW elements of half or a quarter of the width, as f32.
static inline vf v_from_half(const uint16_t *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline vf v_from_bytes(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
static inline vf v_from_bfloat16(const uint16_t *p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline void v_to_half(uint16_t *p, vf a) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
