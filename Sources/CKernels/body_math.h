#pragma once
// exp, erf, tanh and the activations made of them. The coefficients are our own minimax fits
// (iteratively reweighted least squares, relative error; tools/kernels/fit.py makes them).

/// e^x for x up to overflow and down to denormals; NaN stays NaN.
static inline vf m_exp(vf x) {
  const vf clamped = v_max(v_set(-104.0f), v_min(v_set(88.8f), x));
  const vf n = v_round(v_mul(clamped, v_set(1.44269504f)));
  // ln 2 in two parts: the first has few enough bits for n * part to be exact.
  vf r = v_fma(n, v_set(-0.693359375f), clamped);
  r = v_fma(n, v_set(2.12194440e-4f), r);
  vf q = v_set(0.00138145394f);
  q = v_fma(q, r, v_set(0.00836874545f));
  q = v_fma(q, r, v_set(0.041668389f));
  q = v_fma(q, r, v_set(0.166665211f));
  q = v_fma(q, r, v_set(0.49999994f));
  const vf y = v_fma(v_mul(r, r), q, r);
  return v_scale(v_add(y, v_set(1.0f)), n);
}

/// 2^x for x up to 127; what is below 2^-126 becomes something that is, or 0; NaN stays NaN. The
/// coefficients are those of m_exp times powers of ln 2.
static inline vf m_exp2(vf x) {
  const vf clamped = v_max(v_set((float)VANISHING), x);
  const vf n = v_round(clamped), r = v_sub(clamped, n);
  vf q = v_set(0.000153210728f);
  q = v_fma(q, r, v_set(0.00133902185f));
  q = v_fma(q, r, v_set(0.0096185267f));
  q = v_fma(q, r, v_set(0.055503624f));
  q = v_fma(q, r, v_set(0.240226478f));
  q = v_fma(q, r, v_set(0.693147181f));
  return v_raise(v_fma(q, r, v_set(1.0f)), n);
}

static inline vf m_sigmoid(vf x) {
  const vf one = v_set(1.0f);
  return v_div(one, v_add(one, m_exp(v_sub(v_set(0.0f), x))));
}

static inline vf m_silu(vf x) {
  return v_div(x, v_add(v_set(1.0f), m_exp(v_sub(v_set(0.0f), x))));
}

/// Up to 0.625 an odd polynomial, beyond 1 - 2 / (e^2x + 1).
static inline vf m_tanh(vf x) {
  const vf a = v_abs(x), s = v_mul(x, x), one = v_set(1.0f);
  vf p = v_set(-0.00543944491f);
  p = v_fma(p, s, v_set(0.0203979705f));
  p = v_fma(p, s, v_set(-0.0536650531f));
  p = v_fma(p, s, v_set(0.13330543f));
  p = v_fma(p, s, v_set(-0.333332479f));
  const vf small = v_fma(v_mul(p, s), x, x);
  const vf e = m_exp(v_add(a, a));
  const vf large = v_sign_of(v_sub(one, v_div(v_set(2.0f), v_add(e, one))), x);
  return v_select(v_is_nan(x), x, v_select(v_less(a, v_set(0.625f)), small, large));
}

/// Up to 1 an odd polynomial, beyond 1 - e^-p(|x|) with p fitted to -log erfc.
static inline vf m_erf(vf x) {
  const vf a = v_min(v_set(4.0f), v_abs(x)), s = v_mul(x, x);
  vf p = v_set(7.85385419e-05f);
  p = v_fma(p, s, v_set(-0.000801019138f));
  p = v_fma(p, s, v_set(0.00518832728f));
  p = v_fma(p, s, v_set(-0.026853811f));
  p = v_fma(p, s, v_set(0.112835854f));
  p = v_fma(p, s, v_set(-0.37612626f));
  p = v_fma(p, s, v_set(0.128379166f));
  const vf small = v_fma(p, x, x);
  vf q = v_set(-0.000185574856f);
  q = v_fma(q, a, v_set(0.0029396154f));
  q = v_fma(q, a, v_set(-0.0218053497f));
  q = v_fma(q, a, v_set(0.103037432f));
  q = v_fma(q, a, v_set(0.638225615f));
  q = v_fma(q, a, v_set(1.12704003f));
  q = v_fma(q, a, v_set(0.0003537093f));
  const vf tail = m_exp(v_sub(v_set(0.0f), q));
  const vf large = v_sign_of(v_sub(v_set(1.0f), tail), x);
  return v_select(v_is_nan(x), x, v_select(v_less(a, v_set(1.0f)), small, large));
}

static inline vf m_gelu(vf x) {
  const vf half = v_mul(x, v_set(0.5f));
  return v_fma(half, m_erf(v_mul(x, v_set(0.707106781f))), half);
}

static inline vf m_gelu_tanh(vf x) {
  const vf cubic = v_mul(v_mul(x, x), v_mul(x, v_set(0.044715f)));
  const vf half = v_mul(x, v_set(0.5f));
  return v_fma(half, m_tanh(v_mul(v_set(0.797884561f), v_add(x, cubic))), half);
}

static inline vf m_quick_gelu(vf x) {
  return v_div(x, v_add(v_set(1.0f), m_exp(v_mul(x, v_set(-1.702f)))));
}

static inline vf m_relu(vf x) { return v_max(v_set(0.0f), x); }

/// Inlined with a constant `op` in every use, so that no switch is left in a loop.
__attribute__((always_inline)) static inline vf m_apply(plumb_unary_op op, vf x) {
  switch (op) {
    case PLUMB_EXP: return m_exp(x);
    case PLUMB_SIGMOID: return m_sigmoid(x);
    case PLUMB_SILU: return m_silu(x);
    case PLUMB_GELU: return m_gelu(x);
    case PLUMB_GELU_TANH: return m_gelu_tanh(x);
    case PLUMB_QUICK_GELU: return m_quick_gelu(x);
    case PLUMB_TANH: return m_tanh(x);
    case PLUMB_ERF: return m_erf(x);
    case PLUMB_RELU: return m_relu(x);
    case PLUMB_IDENTITY: return x;
  }
  return x;
}

/// Runs `STATEMENT` with `OP` a constant equal to `op`.
#define WITH_UNARY(op, OP, STATEMENT)                                                        \
  switch (op) {                                                                              \
    case PLUMB_EXP: { enum { OP = PLUMB_EXP }; STATEMENT; break; }                           \
    case PLUMB_SIGMOID: { enum { OP = PLUMB_SIGMOID }; STATEMENT; break; }                   \
    case PLUMB_SILU: { enum { OP = PLUMB_SILU }; STATEMENT; break; }                         \
    case PLUMB_GELU: { enum { OP = PLUMB_GELU }; STATEMENT; break; }                         \
    case PLUMB_GELU_TANH: { enum { OP = PLUMB_GELU_TANH }; STATEMENT; break; }               \
    case PLUMB_QUICK_GELU: { enum { OP = PLUMB_QUICK_GELU }; STATEMENT; break; }             \
    case PLUMB_TANH: { enum { OP = PLUMB_TANH }; STATEMENT; break; }                         \
    case PLUMB_ERF: { enum { OP = PLUMB_ERF }; STATEMENT; break; }                           \
    case PLUMB_RELU: { enum { OP = PLUMB_RELU }; STATEMENT; break; }                         \
    case PLUMB_IDENTITY: { enum { OP = PLUMB_IDENTITY }; STATEMENT; break; }                 \
  }
