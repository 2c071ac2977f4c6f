// Softmax, exponentials, sums per channel, scale and shift, layer norm.
#include "check.h"

enum { LONGEST = 69 };

static void test_softmax(void) {
  testing("plumb_softmax");
  const size_t longer[] = {77, 255, 256, 1000, 4096, 4099};
  for (size_t i = 1; i <= LONGEST + COUNT(longer); i++)
    for (int kind = 0; kind < 4; kind++) {
      const size_t count = i <= LONGEST ? i : longer[i - LONGEST - 1];
      const float scale = kind & 1 ? 0.125f : 3.0f;
      float *in = numbers(count), *addend = kind & 2 ? numbers(count) : NULL;
      // A mask as attention has it; with one element nothing is left, and the row is NaN.
      if (addend)
        for (size_t j = 0; j < count; j += 3) addend[j] = -INFINITY;
      double *expected = zeros(count), largest = -INFINITY, sum = 0, magnitude = 0;
      for (size_t j = 0; j < count; j++) {
        expected[j] = (double)scale * (double)in[j] + (addend ? (double)addend[j] : 0);
        largest = fmax(largest, expected[j]);
        if (isfinite(expected[j])) magnitude = fmax(magnitude, fabs(expected[j]));
      }
      for (size_t j = 0; j < count; j++) sum += expected[j] = exp(expected[j] - largest);
      EACH_LEVEL {
        float *out = blank(count), *same = copy(in, count);
        shape("%zu elements, scale %g, %s", count, (double)scale, addend ? "mask" : "no mask");
        plumb_softmax(in, out, count, scale, addend);
        plumb_softmax(same, same, count, scale, addend);
        for (size_t j = 0; j < count; j++) {
          const double y = expected[j] / sum;
          expect(j, (double)out[j], y, y * (4 * magnitude + 8 + (double)count / 64) * 0x1p-24);
          expect_bits(j, bits_of(same[j]), bits_of(out[j]));
        }
      }
      release();
    }
  // Nothing but -inf, and a NaN anywhere: all is NaN.
  for (size_t count = 1; count <= LONGEST; count++) EACH_LEVEL {
    float *none = blank(count), *one = numbers(count);
    for (size_t j = 0; j < count; j++) none[j] = -INFINITY;
    one[random_below(count)] = NAN;
    shape("%zu elements, all -inf or one NaN", count);
    plumb_softmax(none, none, count, 1, NULL);
    plumb_softmax(one, one, count, 1, NULL);
    for (size_t j = 0; j < count; j++) {
      expect(j, (double)none[j], NAN, 0);
      expect(j, (double)one[j], NAN, 0);
    }
  }
  release();
}

/// A row that comes in blocks, and what each of its elements becomes in the end.
static void test_exponentials_in_blocks(size_t count, size_t block, float scale, bool adds) {
  const float *row = numbers(count);
  float *addend = adds ? numbers(count) : NULL;
  if (adds && count > 4)
    for (size_t j = 0; j < count; j++)
      if (j % 3 == 0 || j < block) addend[j] = -INFINITY;
  double largest = -INFINITY, magnitude = 0, sum = 0;
  double *v = zeros(count), *expected = zeros(count);
  for (size_t j = 0; j < count; j++) {
    v[j] = (double)scale * (double)row[j] + (adds ? (double)addend[j] : 0);
    largest = fmax(largest, v[j]);
    if (isfinite(v[j])) magnitude = fmax(magnitude, fabs(v[j]));
  }
  if (largest == -INFINITY) largest = 0;
  for (size_t j = 0; j < count; j++) sum += expected[j] = exp(v[j] - largest);
  // Rounding v and its distance from the largest moves the exponent.
  const double part = (8 * magnitude + 8) * 0x1p-24;
  EACH_LEVEL {
    float *x = copy(row, count), peak = -INFINITY, *peaks = numbers((count - 1) / block + 1);
    double got = 0;
    shape("%zu elements in blocks of %zu, scale %g%s", count, block, (double)scale,
          adds ? ", addends" : "");
    for (size_t at = 0; at < count; at += block) {
      const float before = peak;
      const float more = plumb_exponentials(x + at, count - at < block ? count - at : block, scale,
                                            addend ? addend + at : NULL, &peak);
      if (peak > before) got *= exp2((double)before - (double)peak);
      got += (double)more;
      peaks[at / block] = peak;
    }
    for (size_t j = 0; j < count; j++) {
      const double then = (double)peaks[j / block];
      expect(j, x[j] == 0 ? 0 : (double)x[j] * exp2(then - (double)peak), expected[j],
             expected[j] * part + 0x1p-126);
    }
    if (isfinite(peak)) expect(0, (double)peak, largest / log(2), (magnitude + 1) * 0x1p-22);
    expect(count, got, sum, sum * (part + (double)count * 0x1p-24));
  }
  release();
}

static void test_exponentials(void) {
  testing("plumb_exponentials");
  for (size_t count = 1; count <= LONGEST + 3; count++) {
    const size_t length = count <= LONGEST ? count : 1000 * (count - LONGEST) + 1;
    test_exponentials_in_blocks(length, length, 0.125f, false);
    test_exponentials_in_blocks(length, 16, 1.0f, false);
    test_exponentials_in_blocks(length, 37, 30.0f, false);
    test_exponentials_in_blocks(length, 5, 0.125f, true);
    test_exponentials_in_blocks(length, 37, -2.0f, true);
    test_exponentials_in_blocks(length, length, 0.0f, false);
    float *hidden = numbers(length);
    for (size_t j = 0; j < length; j++) hidden[j] = -INFINITY;
    const float *row = numbers(length);
    EACH_LEVEL {
      float *same = copy(row, length);
      shape("%zu elements, all hidden", length);
      float peak = -INFINITY;
      expect(0, (double)plumb_exponentials(same, length, 1.0f, hidden, &peak), 0, 0);
      expect(0, peak == -INFINITY, true, 0);
      for (size_t j = 0; j < length; j++) expect(j, (double)same[j], 0, 0);
    }
    release();
  }
}

static void test_channel_sums(void) {
  testing("plumb_channel_sums");
  for (size_t channels = 0; channels <= LONGEST; channels++)
    for (size_t rows = 0; rows <= 5; rows++) {
      const float *x = numbers(rows * channels);
      EACH_LEVEL {
        double *sums = zeros(channels), *squares = zeros(channels);
        for (size_t c = 0; c < channels; c++) sums[c] = 1, squares[c] = 2;
        shape("rows %zu, channels %zu", rows, channels);
        plumb_channel_sums(x, rows, channels, sums, squares);
        for (size_t c = 0; c < channels; c++) {
          double sum = 1, square = 2;
          for (size_t r = 0; r < rows; r++) {
            const double v = (double)x[r * channels + c];
            sum += v, square += v * v;
          }
          expect(c, sums[c], sum, 1e-13);
          expect(c, squares[c], square, 1e-13);
        }
      }
      release();
    }
}

static void test_scale_shift(void) {
  testing("plumb_scale_shift");
  for (size_t channels = 0; channels <= LONGEST; channels++)
    for (int i = 0; i < ALL_OPS; i++) {
      const plumb_unary_op op = (plumb_unary_op)i;
      const size_t rows = channels % 4;
      const float *x = numbers(rows * channels), *center = numbers(channels);
      const float *scale = numbers(channels), *shift = numbers(channels);
      EACH_LEVEL {
        float *out = blank(rows * channels), *same = copy(x, rows * channels);
        shape("%s, rows %zu, channels %zu", op_names[op], rows, channels);
        plumb_scale_shift(x, out, rows, channels, center, scale, shift, op);
        plumb_scale_shift(same, same, rows, channels, center, scale, shift, op);
        for (size_t j = 0; j < rows * channels; j++) {
          const size_t c = j % channels;
          const double product = ((double)x[j] - (double)center[c]) * (double)scale[c];
          const double v = product + (double)shift[c];
          expect(j, (double)out[j], exact_unary(op, v),
                 unary_slack(op, v, (fabs(product) * 2 + fabs(v)) * 0x1p-24));
          expect_bits(j, bits_of(same[j]), bits_of(out[j]));
        }
      }
      release();
    }
}

static void test_layer_norm(void) {
  testing("plumb_layer_norm");
  const size_t longer[] = {128, 319, 320, 768, 1280};
  for (size_t i = 1; i <= LONGEST + COUNT(longer); i++)
    for (int kind = 0; kind < 8; kind++) {
      const size_t n = i <= LONGEST ? i : longer[i - LONGEST - 1], rows = 1 + i % 3;
      const float epsilon = 1e-5f;
      float *x = numbers(rows * n);
      // Far from zero the mean has to be subtracted before anything is squared.
      if (kind & 4)
        for (size_t j = 0; j < rows * n; j++) x[j] += 100;
      const float *gamma = kind & 1 ? numbers(n) : NULL, *beta = kind & 2 ? numbers(n) : NULL;
      EACH_LEVEL {
        float *out = blank(rows * n);
        shape("rows %zu, n %zu, gamma %d, beta %d, %s", rows, n, kind & 1, kind >> 1 & 1,
              kind & 4 ? "around 100" : "around 0");
        plumb_layer_norm(x, out, rows, n, gamma, beta, epsilon);
        for (size_t row = 0; row < rows; row++) {
          const float *from = x + row * n;
          double mean = 0, variance = 0, largest = 0;
          for (size_t j = 0; j < n; j++) mean += (double)from[j] / (double)n;
          for (size_t j = 0; j < n; j++) {
            const double d = (double)from[j] - mean;
            variance += d * d / (double)n;
            largest = fmax(largest, fabs((double)from[j]));
          }
          const double inverse = 1 / sqrt(variance + (double)epsilon);
          // The mean is rounded once, and summed in float by vectors.
          const double off = largest * (1 + (double)n / 32) * 0x1p-24;
          for (size_t j = 0; j < n; j++) {
            const double g = gamma ? (double)gamma[j] : 1, b = beta ? (double)beta[j] : 0;
            const double v = ((double)from[j] - mean) * inverse * g;
            const double slack =
                fabs(g) * inverse * off * 2 + fabs(v) * (4 + (double)n / 32) * 0x1p-24;
            expect(row * n + j, (double)out[row * n + j], v + b, slack + fabs(v + b) * 0x1p-23);
          }
        }
      }
      release();
    }
}

void test_norms(void) {
  test_softmax();
  test_exponentials();
  test_channel_sums();
  test_scale_shift();
  test_layer_norm();
}
