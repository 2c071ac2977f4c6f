// Numbers that are the same in every run, and activations in double.
#include "check.h"

static uint64_t state = 1;

uint64_t random_bits(void) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

size_t random_below(size_t limit) { return (size_t)(random_bits() >> 33) % limit; }

/// The sum of four uniform ones, scaled to a variance of 1.
float number(void) {
  const uint64_t bits = random_bits();
  float sum = -2 + (float)(random_bits() >> 40) * 0x1p-40f;
  for (int i = 0; i < 4; i++) sum += (float)((bits >> 16 * i) & 0xffff) / 65536.0f;
  return sum * 1.7320508f;
}

// MARK: activations

const char *const op_names[ALL_OPS] = {
    "exp", "sigmoid", "silu", "gelu", "gelu_tanh", "quick_gelu", "tanh", "erf", "relu", "identity",
};

double exact_unary(plumb_unary_op op, double x) {
  switch (op) {
    case PLUMB_EXP: return exp(x);
    case PLUMB_SIGMOID: return 1 / (1 + exp(-x));
    case PLUMB_SILU: return x / (1 + exp(-x));
    case PLUMB_GELU: return x / 2 * erfc(-x / sqrt(2.0));
    case PLUMB_GELU_TANH: {
      // 1 + tanh(z) = 2 / (1 + exp(-2z)), which loses nothing where z is far below 0.
      const double z = sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
      return x / (1 + exp(-2 * z));
    }
    case PLUMB_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case PLUMB_TANH: return tanh(x);
    case PLUMB_ERF: return erf(x);
    case PLUMB_RELU: return x < 0 ? 0 : x;
    case PLUMB_IDENTITY: return x;
  }
  return NAN;
}

double step_at(double y) {
  int exponent;
  frexp(y, &exponent);
  return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

/// Steps of what CKernels.h promises; with the others' formulas, what rounding x, 1 + erf or
/// 1 + tanh costs.
static double own_slack(plumb_unary_op op, double x, double y) {
  const double tiny = 0x1p-126;
  switch (op) {
    case PLUMB_EXP: return 1.0 * step_at(y) + (y < tiny ? tiny : 0);
    case PLUMB_SIGMOID: return 2.5 * step_at(y) + (y < tiny ? tiny : 0);
    case PLUMB_TANH: return 1.4 * step_at(y) + (fabs(y) < tiny ? 0x1p-148 : 0);
    case PLUMB_ERF: return 1.2 * step_at(y) + (fabs(y) < tiny ? 0x1p-148 : 0);
    case PLUMB_SILU: return 3 * step_at(y) + 4e-37;
    case PLUMB_QUICK_GELU: return 3 * step_at(y) + fabs(y) * 1.702 * fabs(x) * 0x1p-23 + 4e-37;
    case PLUMB_GELU: return fabs(x) * 0x1p-23 + 0x1p-148;
    case PLUMB_GELU_TANH: return fabs(x) * 0x1p-22 + 0x1p-148;
    default: return 0;
  }
}

double unary_slack(plumb_unary_op op, double x, double dx) {
  const double y = exact_unary(op, x);
  const double steepest = op == PLUMB_EXP ? y * (1 + dx) : 1.2;
  return own_slack(op, x, y) + steepest * dx;
}
