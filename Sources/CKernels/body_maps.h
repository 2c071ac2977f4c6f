#pragma once
// Elementwise loops.

__attribute__((always_inline)) static inline void map_one(plumb_unary_op op, const float *in,
                                                          float *out, size_t count) {
  size_t i = 0;
  for (; i + VW <= count; i += VW) v_store(out + i, m_apply(op, v_load(in + i)));
  const int rest = (int)(count - i);
  if (rest) v_store_n(out + i, m_apply(op, v_load_n(in + i, rest)), rest);
}

static void level_unary(plumb_unary_op op, const float *in, float *out, size_t count) {
  WITH_UNARY(op, OP, map_one((plumb_unary_op)OP, in, out, count));
}

__attribute__((always_inline)) static inline vf pair(plumb_binary_op op, vf a, vf b) {
  switch (op) {
    case PLUMB_ADD: return v_add(a, b);
    case PLUMB_SUBTRACT: return v_sub(a, b);
    case PLUMB_MULTIPLY: return v_mul(a, b);
    case PLUMB_DIVIDE: return v_div(a, b);
    case PLUMB_MINIMUM: return v_select(v_is_nan(a), a, v_min(a, b));
    case PLUMB_MAXIMUM: return v_select(v_is_nan(a), a, v_max(a, b));
  }
  return a;
}

__attribute__((always_inline)) static inline void map_two(plumb_binary_op op, const float *a,
                                                          ptrdiff_t a_step, const float *b,
                                                          ptrdiff_t b_step, float *out,
                                                          size_t count) {
  const vf a_all = count && !a_step ? v_set(*a) : v_set(0.0f);
  const vf b_all = count && !b_step ? v_set(*b) : v_set(0.0f);
  size_t i = 0;
  for (; i + VW <= count; i += VW)
    v_store(out + i, pair(op, a_step ? v_load(a + i) : a_all, b_step ? v_load(b + i) : b_all));
  const int rest = (int)(count - i);
  if (rest)
    v_store_n(out + i,
              pair(op, a_step ? v_load_n(a + i, rest) : a_all,
                   b_step ? v_load_n(b + i, rest) : b_all),
              rest);
}

static void level_binary(plumb_binary_op op, const float *a, ptrdiff_t a_step, const float *b,
                         ptrdiff_t b_step, float *out, size_t count) {
  switch (op) {
    case PLUMB_ADD: map_two(PLUMB_ADD, a, a_step, b, b_step, out, count); break;
    case PLUMB_SUBTRACT: map_two(PLUMB_SUBTRACT, a, a_step, b, b_step, out, count); break;
    case PLUMB_MULTIPLY: map_two(PLUMB_MULTIPLY, a, a_step, b, b_step, out, count); break;
    case PLUMB_DIVIDE: map_two(PLUMB_DIVIDE, a, a_step, b, b_step, out, count); break;
    case PLUMB_MINIMUM: map_two(PLUMB_MINIMUM, a, a_step, b, b_step, out, count); break;
    case PLUMB_MAXIMUM: map_two(PLUMB_MAXIMUM, a, a_step, b, b_step, out, count); break;
  }
}

__attribute__((always_inline)) static inline void gate_rows(
    plumb_unary_op op, const float *in, const float *gate, ptrdiff_t in_stride, float *out,
    ptrdiff_t out_stride, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; row++) {
    const float *a = in + (ptrdiff_t)row * in_stride, *b = gate + (ptrdiff_t)row * in_stride;
    float *to = out + (ptrdiff_t)row * out_stride;
    size_t i = 0;
    for (; i + VW <= width; i += VW)
      v_store(to + i, v_mul(v_load(a + i), m_apply(op, v_load(b + i))));
    const int rest = (int)(width - i);
    if (rest)
      v_store_n(to + i, v_mul(v_load_n(a + i, rest), m_apply(op, v_load_n(b + i, rest))), rest);
  }
}

static void level_gated(plumb_unary_op op, const float *in, const float *gate,
                        ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, size_t rows,
                        size_t width) {
  WITH_UNARY(op, OP,
             gate_rows((plumb_unary_op)OP, in, gate, in_stride, out, out_stride, rows, width));
}

static void level_accumulate(float *out, const float *in, float scale, size_t count) {
  const vf s = v_set(scale);
  size_t i = 0;
  for (; i + VW <= count; i += VW)
    v_store(out + i, v_fma(v_load(in + i), s, v_load(out + i)));
  const int rest = (int)(count - i);
  if (rest) v_store_n(out + i, v_fma(v_load_n(in + i, rest), s, v_load_n(out + i, rest)), rest);
}

__attribute__((always_inline)) static inline void finish_rows(
    plumb_unary_op op, float *c, ptrdiff_t ldc, size_t m, size_t n, const float *bias,
    const float *added, const float *residual, ptrdiff_t ldr) {
  for (size_t row = 0; row < m; row++) {
    float *to = c + (ptrdiff_t)row * ldc;
    const float *from = residual ? residual + (ptrdiff_t)row * ldr : NULL;
    size_t i = 0;
    for (; i + VW <= n; i += VW) {
      vf v = v_load(to + i);
      if (bias) v = v_add(v, v_load(bias + i));
      if (added) v = v_add(v, v_load(added + i));
      if (from) v = v_add(v, v_load(from + i));
      v_store(to + i, m_apply(op, v));
    }
    const int rest = (int)(n - i);
    if (rest) {
      vf v = v_load_n(to + i, rest);
      if (bias) v = v_add(v, v_load_n(bias + i, rest));
      if (added) v = v_add(v, v_load_n(added + i, rest));
      if (from) v = v_add(v, v_load_n(from + i, rest));
      v_store_n(to + i, m_apply(op, v), rest);
    }
  }
}

static void level_epilogue(float *c, ptrdiff_t ldc, size_t m, size_t n, const float *bias,
                           const float *added, const float *residual, ptrdiff_t ldr,
                           plumb_unary_op op) {
  WITH_UNARY(op, OP,
             finish_rows((plumb_unary_op)OP, c, ldc, m, n, bias, added, residual, ldr));
}
