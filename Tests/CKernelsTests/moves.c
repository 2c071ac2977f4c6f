// Windows and depthwise convolution, transposition.
#include "check.h"

/// Windows of every small size over channels-last pictures of `width` pixels a row, `pad` floats
/// between pixels.
struct window {
  size_t rows, columns, channels, pixel, width;
};

static struct window window(size_t rows, size_t columns, size_t channels) {
  return (struct window){rows, columns, channels, channels + channels % 3, columns + rows % 2};
}

static float *picture(const struct window *w) {
  return numbers(((w->rows - 1) * w->width + w->columns - 1) * w->pixel + w->channels);
}

void test_windows(void) {
  for (size_t channels = 1; channels <= 69; channels++)
    for (size_t size = 0; size < 9; size++) {
      const struct window w = window(1 + size / 3, 1 + size % 3, channels);
      const ptrdiff_t column_step = (ptrdiff_t)w.pixel, row_step = (ptrdiff_t)w.width * column_step;
      float *x = picture(&w);
      const float scale = number();
      // NaN in one place of some windows, -inf in another.
      if (channels % 4 == 0) x[random_below(channels)] = NAN;
      if (channels % 4 == 1) x[random_below(channels)] = -INFINITY;
      EACH_LEVEL {
        float *most = blank(channels), *sum = blank(channels);
        testing("plumb_window_maximum");
        shape("%zu x %zu, channels %zu", w.rows, w.columns, channels);
        plumb_window_maximum(x, row_step, column_step, w.rows, w.columns, channels, most);
        testing("plumb_window_sum");
        shape("%zu x %zu, channels %zu", w.rows, w.columns, channels);
        plumb_window_sum(x, row_step, column_step, w.rows, w.columns, channels, scale, sum);
        for (size_t c = 0; c < channels; c++) {
          double largest = -INFINITY, all = 0, magnitude = 0;
          for (size_t i = 0; i < w.rows; i++)
            for (size_t j = 0; j < w.columns; j++) {
              const double v = (double)x[(i * w.width + j) * w.pixel + c];
              largest = isnan(v) || v > largest ? v : largest;
              all += v, magnitude += fabs(v);
            }
          testing("plumb_window_maximum");
          shape("%zu x %zu, channels %zu", w.rows, w.columns, channels);
          expect(c, (double)most[c], largest, 0);
          testing("plumb_window_sum");
          shape("%zu x %zu, channels %zu", w.rows, w.columns, channels);
          const double product = all * (double)scale;
          expect(c, (double)sum[c], product, magnitude * fabs((double)scale) * 8 * 0x1p-24);
        }
      }
      release();
    }
}

static void test_depthwise(void) {
  testing("plumb_depthwise");
  for (size_t channels = 0; channels <= 35; channels++)
    for (size_t pixels = 0; pixels <= 9; pixels++) {
      const size_t rows = 1 + channels % 4, columns = 1 + pixels % 3;
      // Pixels `stride` apart in a picture of `width`, weights and results with gaps.
      const size_t stride = 1 + pixels % 2, pixel = channels + channels % 3;
      const size_t width = columns + (pixels ? pixels - 1 : 0) * stride;
      const size_t w_column = channels + 1, w_row = columns * w_column + 2;
      const size_t out_step = channels + channels % 2;
      const size_t seen = ((rows - 1) * width + width - 1) * pixel + channels;
      const float *x = numbers(seen);
      const float *w = numbers((rows - 1) * w_row + (columns - 1) * w_column + channels);
      EACH_LEVEL {
        float *out = blank(pixels ? (pixels - 1) * out_step + channels : 0);
        shape("%zu x %zu, channels %zu, pixels %zu", rows, columns, channels, pixels);
        plumb_depthwise(x, (ptrdiff_t)(stride * pixel), (ptrdiff_t)(width * pixel),
                        (ptrdiff_t)pixel, rows, columns, w, (ptrdiff_t)w_row, (ptrdiff_t)w_column,
                        channels, pixels, out, (ptrdiff_t)out_step);
        for (size_t p = 0; p < pixels; p++)
          for (size_t c = 0; c < channels; c++) {
            double sum = 0, magnitude = 0;
            for (size_t i = 0; i < rows; i++)
              for (size_t j = 0; j < columns; j++) {
                const double v = (double)x[(i * width + p * stride + j) * pixel + c] *
                                 (double)w[i * w_row + j * w_column + c];
                sum += v, magnitude += fabs(v);
              }
            const double slack = magnitude * (double)(rows * columns + 1) * 0x1p-24;
            expect(p * out_step + c, (double)out[p * out_step + c], sum, slack);
          }
        expect_gaps(out, pixels, channels, out_step);
      }
      release();
    }
}

static void test_transpose(void) {
  testing("plumb_transpose");
  for (size_t rows = 0; rows <= 35; rows++)
    for (size_t columns = 0; columns <= 35; columns++) {
      const size_t ldi = columns + rows % 3, ldo = rows + columns % 4;
      float *in = numbers(rows && columns ? (rows - 1) * ldi + columns : 0);
      if (rows && columns) in[random_below(columns)] = float_of(0x7f812345);
      EACH_LEVEL {
        float *out = blank(rows && columns ? (columns - 1) * ldo + rows : 0);
        shape("[%zu, %zu], %zu and %zu apart", rows, columns, ldi, ldo);
        plumb_transpose(in, (ptrdiff_t)ldi, out, (ptrdiff_t)ldo, rows, columns);
        for (size_t r = 0; r < rows; r++)
          for (size_t c = 0; c < columns; c++)
            expect_bits(c * ldo + r, bits_of(out[c * ldo + r]), bits_of(in[r * ldi + c]));
        if (rows) expect_gaps(out, columns, rows, ldo);
      }
      release();
    }
}

void test_moves(void) {
  test_depthwise();
  test_transpose();
}
