#pragma once
// Vectors of 4 floats; see vector_avx512.h for what the names mean.
#include <arm_neon.h>
#include <string.h>

enum { VW = 4 };
/// Tiles of matrix products: 24 sums, 4 column vectors of 32 registers.
enum { PRODUCT_ROWS = 6, PRODUCT_VECTORS = 4 };
typedef float32x4_t vf;
typedef uint32x4_t vm;

static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf a) { vst1q_f32(p, a); }
static inline vf v_load_n(const float *p, int n) {
  float all[4] = {0, 0, 0, 0};
  memcpy(all, p, (size_t)n * sizeof(float));
  return vld1q_f32(all);
}
static inline void v_store_n(float *p, vf a, int n) {
  float all[4];
  vst1q_f32(all, a);
  memcpy(p, all, (size_t)n * sizeof(float));
}
static inline vf v_set(float a) { return vdupq_n_f32(a); }
static inline vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
static inline vf v_min(vf a, vf b) { return vminq_f32(a, b); }
static inline vm v_less(vf a, vf b) { return vcltq_f32(a, b); }
static inline vm v_is_nan(vf a) { return vmvnq_u32(vceqq_f32(a, a)); }
static inline vf v_select(vm m, vf yes, vf no) { return vbslq_f32(m, yes, no); }
static inline vf v_abs(vf a) { return vabsq_f32(a); }
static inline vf v_sign_of(vf a, vf b) { return vbslq_f32(vdupq_n_u32(0x80000000u), b, a); }
static inline vf v_round(vf a) { return vrndnq_f32(a); }
static inline vf v_power(int32x4_t n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
static inline vf v_scale(vf a, vf n) {
  const int32x4_t whole = vcvtq_s32_f32(n);
  const int32x4_t half = vshrq_n_s32(whole, 1);
  return vmulq_f32(vmulq_f32(a, v_power(half)), v_power(vsubq_s32(whole, half)));
}
enum { VANISHING = -127 };
static inline vf v_raise(vf a, vf n) {
  const int32x4_t raised = vshlq_n_s32(vcvtq_s32_f32(n), 23);
  return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a), raised));
}
static inline float v_sum(vf a) { return vaddvq_f32(a); }
static inline float v_largest(vf a) { return vmaxvq_f32(a); }

static inline void d_add(double *sums, vf a) {
  vst1q_f64(sums, vaddq_f64(vld1q_f64(sums), vcvt_f64_f32(vget_low_f32(a))));
  vst1q_f64(sums + 2, vaddq_f64(vld1q_f64(sums + 2), vcvt_high_f64_f32(a)));
}
static inline void d_add_square(double *sums, vf a) {
  const float64x2_t low = vcvt_f64_f32(vget_low_f32(a)), high = vcvt_high_f64_f32(a);
  vst1q_f64(sums, vfmaq_f64(vld1q_f64(sums), low, low));
  vst1q_f64(sums + 2, vfmaq_f64(vld1q_f64(sums + 2), high, high));
}

#define HAVE_HALF 1
static inline vf v_from_half(const uint16_t *p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static inline vf v_from_bytes(const int8_t *p) {
  int32_t four;
  memcpy(&four, p, sizeof four);
  const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}
static inline vf v_from_bfloat16(const uint16_t *p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
static inline void v_to_half(uint16_t *p, vf a) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a)));
}
