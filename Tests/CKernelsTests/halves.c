// Half precision and bfloat16, from and to float.
#include "check.h"

/// A format of 16 bits: how many are the fraction's, the exponent of the smallest normal number.
struct format {
  int fraction, lowest;
  void (*widen)(const uint16_t *, float *, size_t);
  void (*narrow)(const float *, uint16_t *, size_t);
  const char *widening, *narrowing;
};

static const struct format formats[] = {
    {10, -14, plumb_half_to_float, plumb_float_to_half, "plumb_half_to_float",
     "plumb_float_to_half"},
    {7, -126, plumb_bfloat16_to_float, plumb_float_to_bfloat16, "plumb_bfloat16_to_float",
     "plumb_float_to_bfloat16"},
};

static double exact_widened(const struct format *f, uint16_t bits) {
  const int exponent = (bits & 0x7fff) >> f->fraction, all_ones = 0x7fff >> f->fraction;
  const int fraction = bits & ((1 << f->fraction) - 1);
  const int unit = f->lowest - f->fraction;
  double value = ldexp(fraction, unit);
  if (exponent == all_ones) value = fraction ? NAN : INFINITY;
  else if (exponent) value = ldexp(fraction + (1 << f->fraction), exponent - 1 + unit);
  return bits & 0x8000 ? -value : value;
}

/// To the nearest, of two to the even one; not for NaN.
static uint16_t exact_narrowed(const struct format *f, float value) {
  const uint16_t sign = signbit(value) ? 0x8000 : 0;
  const uint16_t infinity = (uint16_t)(0x7fff >> f->fraction << f->fraction);
  int exponent;
  frexp(fabs((double)value), &exponent);
  if (isinf(value)) return sign | infinity;
  exponent = exponent - 1 < f->lowest ? f->lowest : exponent - 1;
  // In units of the last place; a carry into the next exponent comes out right by itself.
  const double units = nearbyint(ldexp(fabs((double)value), f->fraction - exponent));
  const double bits = units + ldexp(exponent - f->lowest, f->fraction);
  if (units == 0) return sign;
  return sign | (bits > infinity ? infinity : (uint16_t)bits);
}

static void test_widening(const struct format *f) {
  testing(f->widening);
  enum { all = 1 << 16 };
  for (size_t count = 0; count <= 36; count++) {
    const size_t length = count == 36 ? all : count;
    uint16_t *in = blank_halves(length);
    for (size_t i = 0; i < length; i++) in[i] = (uint16_t)(count == 36 ? i : random_bits());
    EACH_LEVEL {
      float *out = blank(length);
      shape("%zu elements", length);
      f->widen(in, out, length);
      for (size_t i = 0; i < length; i++) {
        expect(in[i], (double)out[i], exact_widened(f, in[i]), 0);
        expect_that(!signbit(out[i]) == !(in[i] & 0x8000), "the sign is kept");
      }
    }
    release();
  }
}

static void test_narrowing(const struct format *f) {
  testing(f->narrowing);
  enum { many = 1 << 17 };
  for (size_t count = 0; count <= 36; count++) {
    const size_t length = count == 36 ? many : count;
    float *in = blank(length);
    for (size_t i = 0; i < length; i++) {
      const uint32_t random = (uint32_t)random_bits();
      // Any float; what lies in the format's range; ties and their neighbours.
      in[i] = float_of(random);
      if (i % 3 == 1) in[i] = ldexpf((float)(int32_t)random, -46 - (int)(random >> 7) % 16);
      if (i % 3 == 2) {
        const float value = (float)exact_widened(f, (uint16_t)random);
        const uint32_t tie = f->fraction == 10 ? 0x1000 : 0x8000;
        if (isfinite(value)) in[i] = float_of(bits_of(value) + tie - 1 + random % 3);
      }
    }
    EACH_LEVEL {
      uint16_t *out = blank_halves(length);
      shape("%zu elements", length);
      f->narrow(in, out, length);
      for (size_t i = 0; i < length; i++) {
        shape("%zu elements, of %a", length, (double)in[i]);
        if (isnan(in[i])) expect(i, exact_widened(f, out[i]), NAN, 0);
        else expect_bits(i, out[i], exact_narrowed(f, in[i]));
      }
    }
    release();
  }
}

void test_halves(void) {
  for (size_t i = 0; i < COUNT(formats); i++) {
    test_widening(&formats[i]);
    test_narrowing(&formats[i]);
  }
}
