// Elementwise loops: activations, pairs, gates, sums into, epilogues.
#include "check.h"

/// Beyond four vectors of any level.
enum { LONGEST = 69 };

/// op over the whole range of floats, every remainder of a vector, in place, and what is no number.
static void test_unary(void) {
  testing("plumb_unary");
  for (int i = 0; i < ALL_OPS; i++) {
    const plumb_unary_op op = (plumb_unary_op)i;
    const size_t many = is_slow ? 20011 : 200003;
    float *in = blank(many);
    double *expected = zeros(many), *slack = zeros(many);
    for (size_t j = 0; j < many; j++) {
      // A third of all is spread over all floats, the rest over where something happens.
      in[j] = j % 3 ? number() * (j % 3 == 1 ? 3.0f : 40.0f)
                    : float_of((uint32_t)(j * (0xffffffffu / many)));
      if (!isfinite(in[j])) in[j] = 0;
      expected[j] = exact_unary(op, (double)in[j]);
      slack[j] = unary_slack(op, (double)in[j], 0);
      if (fabs(expected[j]) > 3.4e38) expected[j] = expected[j] > 0 ? INFINITY : -INFINITY;
    }
    EACH_LEVEL {
      float *out = blank(many);
      shape("%s, %zu elements", op_names[op], many);
      plumb_unary(op, in, out, many);
      for (size_t j = 0; j < many; j++) {
        shape("%s of %.9g", op_names[op], (double)in[j]);
        // Where float ends within the slack, infinity is right too, and so is the largest.
        if (fabs(expected[j]) > 3.39e38 && fabs((double)out[j]) > 3.39e38) continue;
        expect(j, (double)out[j], expected[j], slack[j]);
      }
    }
    for (size_t count = 0; count <= LONGEST; count++) EACH_LEVEL {
        float *few = copy(in, count), *out = blank(count);
        shape("%s, %zu elements", op_names[op], count);
        plumb_unary(op, few, out, count);
        plumb_unary(op, few, few, count);
        for (size_t j = 0; j < count; j++) {
          expect(j, (double)out[j], expected[j], slack[j]);
          expect_bits(j, bits_of(few[j]), bits_of(out[j]));
        }
        if (count) {
          // NaN stays where it is.
          const size_t place = random_below(count);
          float *bad = copy(in, count), *after = blank(count);
          bad[place] = NAN;
          shape("%s, %zu elements, NaN at %zu", op_names[op], count, place);
          plumb_unary(op, bad, after, count);
          for (size_t j = 0; j < count; j++)
            expect(j, (double)after[j], j == place ? NAN : expected[j], slack[j]);
        }
      }
    release();
  }
}

static void test_unary_ends(void) {
  testing("plumb_unary");
  static const struct {
    plumb_unary_op op;
    double low, high;
  } ends[] = {
      {PLUMB_EXP, 0, INFINITY}, {PLUMB_SIGMOID, 0, 1},     {PLUMB_TANH, -1, 1},
      {PLUMB_ERF, -1, 1},       {PLUMB_RELU, 0, INFINITY}, {PLUMB_IDENTITY, -INFINITY, INFINITY},
  };
  for (size_t i = 0; i < COUNT(ends); i++) EACH_LEVEL {
    float *x = blank(LONGEST);
    for (size_t j = 0; j < LONGEST; j++) x[j] = j % 2 ? INFINITY : -INFINITY;
    shape("%s of infinities", op_names[ends[i].op]);
    plumb_unary(ends[i].op, x, x, LONGEST);
    for (size_t j = 0; j < LONGEST; j++)
      expect(j, (double)x[j], j % 2 ? ends[i].high : ends[i].low, 0);
  }
  release();
}

static double exact_pair(plumb_binary_op op, double a, double b) {
  switch (op) {
    case PLUMB_ADD: return a + b;
    case PLUMB_SUBTRACT: return a - b;
    case PLUMB_MULTIPLY: return a * b;
    case PLUMB_DIVIDE: return a / b;
    case PLUMB_MINIMUM: return isnan(a) || isnan(b) ? NAN : fmin(a, b);
    case PLUMB_MAXIMUM: return isnan(a) || isnan(b) ? NAN : fmax(a, b);
  }
  return NAN;
}

/// Rounded from double to float these are what float arithmetic has to give, to the bit.
static void test_binary(void) {
  testing("plumb_binary");
  for (int op = PLUMB_ADD; op <= PLUMB_MAXIMUM; op++)
    for (int steps = 0; steps < 4; steps++)
      for (size_t count = 0; count <= LONGEST; count++) {
        const ptrdiff_t a_step = steps & 1, b_step = steps >> 1;
        float *a = numbers(a_step ? count : count > 0), *b = numbers(b_step ? count : count > 0);
        if (count > 2 && count % 3 == 0) a[a_step * (ptrdiff_t)random_below(count)] = NAN;
        if (count > 2 && count % 4 == 0) b[b_step * (ptrdiff_t)random_below(count)] = NAN;
        EACH_LEVEL {
          float *out = blank(count);
          shape("op %d, %zu elements, steps %td and %td", op, count, a_step, b_step);
          plumb_binary((plumb_binary_op)op, a, a_step, b, b_step, out, count);
          for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
            const double x = (double)a[i * a_step], y = (double)b[i * b_step];
            const float expected = (float)exact_pair((plumb_binary_op)op, x, y);
            expect((size_t)i, (double)out[i], (double)expected, 0);
          }
        }
        release();
      }
}

static void test_gated(void) {
  testing("plumb_gated");
  for (int i = 0; i < ALL_OPS; i++)
    for (size_t width = 0; width <= LONGEST; width++) {
      const plumb_unary_op op = (plumb_unary_op)i;
      const size_t rows = width % 4;
      // Halves of one row, and rows farther apart than they are long.
      const size_t in_stride = 2 * width + width % 3, out_stride = width + width % 5;
      const float *in = numbers(rows * in_stride);
      const float *before = numbers(rows * out_stride);
      EACH_LEVEL {
        float *out = copy(before, rows * out_stride);
        shape("%s, rows %zu, width %zu", op_names[op], rows, width);
        plumb_gated(op, in, in + width, (ptrdiff_t)in_stride, out, (ptrdiff_t)out_stride, rows,
                    width);
        for (size_t j = 0; j < rows * out_stride; j++) {
          const size_t column = j % out_stride;
          if (column >= width) {
            expect(j, (double)out[j], (double)before[j], 0);
            continue;
          }
          const float *row = in + j / out_stride * in_stride;
          const double x = (double)row[column], gate = (double)row[width + column];
          const double expected = x * exact_unary(op, gate);
          const double slack = fabs(x) * unary_slack(op, gate, 0) + step_at(expected);
          expect(j, (double)out[j], expected, slack);
        }
      }
      release();
    }
}

static void test_accumulate(void) {
  testing("plumb_accumulate");
  for (size_t count = 0; count <= LONGEST; count++) {
    const float *in = numbers(count), *before = numbers(count);
    const float scale = number();
    EACH_LEVEL {
      float *out = copy(before, count);
      shape("%zu elements", count);
      plumb_accumulate(out, in, scale, count);
      for (size_t i = 0; i < count; i++) {
        const double product = (double)scale * (double)in[i];
        expect(i, (double)out[i], (double)before[i] + product,
               (fabs(product) + fabs((double)before[i])) * 0x1p-23);
      }
    }
    release();
  }
}

static void test_epilogue(void) {
  testing("plumb_epilogue");
  for (size_t n = 0; n <= LONGEST; n++)
    for (int with = 0; with < 8; with++) {
      const plumb_unary_op op = (plumb_unary_op)((n + (size_t)with) % ALL_OPS);
      const size_t m = 1 + n % 3, ldc = n + n % 5, ldr = n + (n + 2) % 4;
      const size_t all = (m - 1) * ldc + n;
      float *before = blank(all);
      for (size_t i = 0; i < all; i++)
        if (i % (ldc ? ldc : 1) < n) before[i] = number();
      const float *bias = with & 1 ? numbers(n) : NULL, *added = with & 2 ? numbers(n) : NULL;
      const float *residual = with & 4 ? numbers((m - 1) * ldr + n) : NULL;
      EACH_LEVEL {
        float *c = copy(before, all);
        shape("%s, [%zu, %zu] %zu apart, bias %d, added %d, residual %d", op_names[op], m, n, ldc,
              bias != NULL, added != NULL, residual != NULL);
        plumb_epilogue(c, (ptrdiff_t)ldc, m, n, bias, added, residual, (ptrdiff_t)ldr, op);
        for (size_t row = 0; row < m; row++)
          for (size_t i = 0; i < n; i++) {
            const double parts[] = {
                (double)before[row * ldc + i], bias ? (double)bias[i] : 0,
                added ? (double)added[i] : 0, residual ? (double)residual[row * ldr + i] : 0};
            double sum = 0, magnitude = 0;
            for (int p = 0; p < 4; p++) sum += parts[p], magnitude += fabs(parts[p]);
            expect(row * ldc + i, (double)c[row * ldc + i], exact_unary(op, sum),
                   unary_slack(op, sum, magnitude * 3 * 0x1p-24));
          }
        expect_gaps(c, m, n, ldc);
      }
      release();
    }
}

void test_maps(void) {
  test_unary();
  test_unary_ends();
  test_binary();
  test_gated();
  test_accumulate();
  test_epilogue();
}
