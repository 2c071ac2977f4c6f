#pragma once
// Softmax, group and layer norm.

static inline vf scaled(const float *in, const float *addend, size_t i, vf scale) {
  const vf v = v_mul(v_load(in + i), scale);
  return addend ? v_add(v, v_load(addend + i)) : v;
}

static void level_softmax(const float *in, float *out, size_t count, float scale,
                          const float *addend) {
  const vf s = v_set(scale);
  const float lowest = -__builtin_inff();
  float largest = lowest;
  size_t i = 0;
  vf top = v_set(lowest);
  for (; i + VW <= count; i += VW) {
    const vf v = scaled(in, addend, i, s);
    v_store(out + i, v);
    top = v_max(v, top);
  }
  if (i) largest = v_largest(top);
  for (size_t j = i; j < count; j++) {
    const float v = in[j] * scale + (addend ? addend[j] : 0.0f);
    out[j] = v;
    if (v > largest) largest = v;
  }

  const vf peak = v_set(largest);
  vf sums = v_set(0.0f), more = v_set(0.0f);
  i = 0;
  for (; i + 2 * VW <= count; i += 2 * VW) {
    const vf a = m_exp(v_sub(v_load(out + i), peak));
    const vf b = m_exp(v_sub(v_load(out + i + VW), peak));
    v_store(out + i, a);
    v_store(out + i + VW, b);
    sums = v_add(sums, a);
    more = v_add(more, b);
  }
  for (; i + VW <= count; i += VW) {
    const vf a = m_exp(v_sub(v_load(out + i), peak));
    v_store(out + i, a);
    sums = v_add(sums, a);
  }
  float sum = v_sum(v_add(sums, more));
  if (i < count) {
    const int rest = (int)(count - i);
    v_store_n(out + i, m_exp(v_sub(v_load_n(out + i, rest), peak)), rest);
    for (size_t j = i; j < count; j++) sum += out[j];
  }

  const float inverse = 1.0f / sum;
  const vf all = v_set(inverse);
  i = 0;
  for (; i + VW <= count; i += VW) v_store(out + i, v_mul(v_load(out + i), all));
  for (; i < count; i++) out[i] *= inverse;
}

/// x = x * scale + addend over a block, in place.
static void weigh(float *x, size_t count, float scale, const float *addend) {
  for (size_t i = 0; i < count; i += VW) {
    const int rest = count - i < VW ? (int)(count - i) : VW;
    vf v = v_mul(v_load_n(x + i, rest), v_set(scale));
    if (addend) v = v_add(v, v_load_n(addend + i, rest));
    v_store_n(x + i, v, rest);
  }
}

static float largest_of(const float *x, size_t count, float largest) {
  size_t i = 0;
  vf top = v_set(largest), other = top;
  for (; i + 2 * VW <= count; i += 2 * VW) {
    top = v_max(v_load(x + i), top);
    other = v_max(v_load(x + i + VW), other);
  }
  if (i) largest = v_largest(v_max(top, other));
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

/// x = 2^(x * factor - peak), in place; returns the sum.
static float powers(float *x, size_t count, float factor, float peak) {
  const vf f = v_set(factor), shift = v_set(-peak);
  vf sums = v_set(0.0f), more = v_set(0.0f);
  size_t i = 0;
  for (; i + 2 * VW <= count; i += 2 * VW) {
    const vf a = m_exp2(v_fma(v_load(x + i), f, shift));
    const vf b = m_exp2(v_fma(v_load(x + i + VW), f, shift));
    v_store(x + i, a);
    v_store(x + i + VW, b);
    sums = v_add(sums, a);
    more = v_add(more, b);
  }
  float sum = v_sum(v_add(sums, more));
  while (i < count) {
    const int rest = count - i < VW ? (int)(count - i) : VW;
    v_store_n(x + i, m_exp2(v_fma(v_load_n(x + i, rest), f, shift)), rest);
    for (const size_t end = i + (size_t)rest; i < end; i++) sum += x[i];
  }
  return sum;
}

static float level_exponentials(float *x, size_t count, float scale, const float *addend,
                                float *peak) {
  const float lowest = -__builtin_inff(), log2_e = 1.44269504f;
  // Without addends the scale comes in with the powers: one pass less.
  if (addend || !(scale > 0.0f)) {
    weigh(x, count, scale, addend);
    scale = 1.0f;
  }
  const float factor = scale * log2_e, largest = factor * largest_of(x, count, lowest);
  if (largest > *peak) *peak = largest;
  // What sees nothing has no largest: all of it is 0, but for NaN.
  return powers(x, count, factor, *peak > lowest ? *peak : 0.0f);
}

static void level_channel_sums(const float *x, size_t rows, size_t channels, double *sums,
                               double *squares) {
  size_t c = 0;
  for (; c + VW <= channels; c += VW) {
    double s[VW] = {0}, q[VW] = {0};
    for (size_t row = 0; row < rows; row++) {
      const vf v = v_load(x + row * channels + c);
      d_add(s, v);
      d_add_square(q, v);
    }
    for (int i = 0; i < VW; i++) {
      sums[c + (size_t)i] += s[i];
      squares[c + (size_t)i] += q[i];
    }
  }
  for (; c < channels; c++)
    for (size_t row = 0; row < rows; row++) {
      const double v = (double)x[row * channels + c];
      sums[c] += v;
      squares[c] += v * v;
    }
}

__attribute__((always_inline)) static inline void scale_rows(
    plumb_unary_op op, const float *x, float *out, size_t rows, size_t channels,
    const float *center, const float *scale, const float *shift) {
  for (size_t row = 0; row < rows; row++) {
    const float *from = x + row * channels;
    float *to = out + row * channels;
    size_t c = 0;
    for (; c + VW <= channels; c += VW) {
      const vf v = v_sub(v_load(from + c), v_load(center + c));
      v_store(to + c, m_apply(op, v_fma(v, v_load(scale + c), v_load(shift + c))));
    }
    const int rest = (int)(channels - c);
    if (rest) {
      const vf v = v_sub(v_load_n(from + c, rest), v_load_n(center + c, rest));
      const vf scaled = v_fma(v, v_load_n(scale + c, rest), v_load_n(shift + c, rest));
      v_store_n(to + c, m_apply(op, scaled), rest);
    }
  }
}

static void level_scale_shift(const float *x, float *out, size_t rows, size_t channels,
                              const float *center, const float *scale, const float *shift,
                              plumb_unary_op op) {
  WITH_UNARY(op, OP,
             scale_rows((plumb_unary_op)OP, x, out, rows, channels, center, scale, shift));
}

static void level_layer_norm(const float *x, float *out, size_t rows, size_t n,
                             const float *gamma, const float *beta, float epsilon) {
  for (size_t row = 0; row < rows; row++) {
    const float *from = x + row * n;
    float *to = out + row * n;
    size_t i = 0;
    vf a = v_set(0.0f), b = v_set(0.0f);
    for (; i + 2 * VW <= n; i += 2 * VW) {
      a = v_add(a, v_load(from + i));
      b = v_add(b, v_load(from + i + VW));
    }
    double sum = (double)v_sum(v_add(a, b));
    for (; i < n; i++) sum += (double)from[i];
    const float mean = (float)(sum / (double)n);
    const vf m = v_set(mean);
    a = b = v_set(0.0f);
    i = 0;
    for (; i + 2 * VW <= n; i += 2 * VW) {
      const vf p = v_sub(v_load(from + i), m), q = v_sub(v_load(from + i + VW), m);
      a = v_fma(p, p, a);
      b = v_fma(q, q, b);
    }
    double squares = (double)v_sum(v_add(a, b));
    for (; i < n; i++) squares += ((double)from[i] - mean) * ((double)from[i] - mean);
    const float inverse = (float)(1.0 / sqrt(squares / (double)n + (double)epsilon));
    const vf r = v_set(inverse);
    i = 0;
    for (; i + VW <= n; i += VW) {
      vf v = v_mul(v_sub(v_load(from + i), m), r);
      if (gamma) v = v_mul(v, v_load(gamma + i));
      if (beta) v = v_add(v, v_load(beta + i));
      v_store(to + i, v);
    }
    for (; i < n; i++) {
      float v = (from[i] - mean) * inverse;
      if (gamma) v *= gamma[i];
      if (beta) v += beta[i];
      to[i] = v;
    }
  }
}
