#pragma once
// Windows over channels-last images: pooling and depthwise convolution.

__attribute__((always_inline)) static inline vf larger(vf a, vf b) {
  return v_select(v_is_nan(a), a, v_max(a, b));
}

static void level_window_maximum(const float *x, ptrdiff_t row_step, ptrdiff_t column_step,
                                 size_t rows, size_t columns, size_t channels, float *out) {
  for (size_t c = 0; c < channels; c += VW) {
    const int n = channels - c < VW ? (int)(channels - c) : VW;
    vf best = n == VW ? v_load(x + c) : v_load_n(x + c, n);
    for (size_t i = 0; i < rows; i++) {
      const float *from = x + (ptrdiff_t)i * row_step + (ptrdiff_t)c;
      for (size_t j = 0; j < columns; j++, from += column_step)
        best = larger(best, n == VW ? v_load(from) : v_load_n(from, n));
    }
    if (n == VW) v_store(out + c, best);
    else v_store_n(out + c, best, n);
  }
}

/// Rows are summed first, so that a large window loses little.
static void level_window_sum(const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t rows,
                             size_t columns, size_t channels, float scale, float *out) {
  for (size_t c = 0; c < channels; c += VW) {
    const int n = channels - c < VW ? (int)(channels - c) : VW;
    vf sum = v_set(0.0f);
    for (size_t i = 0; i < rows; i++) {
      const float *from = x + (ptrdiff_t)i * row_step + (ptrdiff_t)c;
      vf row = v_set(0.0f);
      for (size_t j = 0; j < columns; j++, from += column_step)
        row = v_add(row, n == VW ? v_load(from) : v_load_n(from, n));
      sum = v_add(sum, row);
    }
    sum = v_mul(sum, v_set(scale));
    if (n == VW) v_store(out + c, sum);
    else v_store_n(out + c, sum, n);
  }
}

enum { DEPTHWISE_PIXELS = 4 };

/// `pixels` neighbouring results for up to a vector of channels.
__attribute__((always_inline)) static inline void depthwise_tile(
    const int pixels, const bool whole, int n, const float *x, ptrdiff_t pixel_step,
    ptrdiff_t row_step, ptrdiff_t column_step, size_t rows, size_t columns, const float *w,
    ptrdiff_t w_row_step, ptrdiff_t w_column_step, float *out, ptrdiff_t out_step) {
  vf sums[DEPTHWISE_PIXELS];
  UNROLL for (int p = 0; p < pixels; p++) sums[p] = v_set(0.0f);
  for (size_t i = 0; i < rows; i++) {
    const float *from = x + (ptrdiff_t)i * row_step, *factor = w + (ptrdiff_t)i * w_row_step;
    for (size_t j = 0; j < columns; j++, from += column_step, factor += w_column_step) {
      const vf f = whole ? v_load(factor) : v_load_n(factor, n);
      UNROLL for (int p = 0; p < pixels; p++) {
        const float *at = from + p * pixel_step;
        sums[p] = v_fma(whole ? v_load(at) : v_load_n(at, n), f, sums[p]);
      }
    }
  }
  UNROLL for (int p = 0; p < pixels; p++) {
    if (whole) v_store(out + p * out_step, sums[p]);
    else v_store_n(out + p * out_step, sums[p], n);
  }
}

static void level_depthwise(const float *x, ptrdiff_t pixel_step, ptrdiff_t row_step,
                            ptrdiff_t column_step, size_t rows, size_t columns, const float *w,
                            ptrdiff_t w_row_step, ptrdiff_t w_column_step, size_t channels,
                            size_t pixels, float *out, ptrdiff_t out_step) {
  for (size_t c = 0; c < channels; c += VW) {
    const int n = channels - c < VW ? (int)(channels - c) : VW;
    size_t p = 0;
    for (; p + DEPTHWISE_PIXELS <= pixels; p += DEPTHWISE_PIXELS) {
      const float *from = x + (ptrdiff_t)p * pixel_step + (ptrdiff_t)c;
      float *to = out + (ptrdiff_t)p * out_step + (ptrdiff_t)c;
      if (n == VW)
        depthwise_tile(DEPTHWISE_PIXELS, true, n, from, pixel_step, row_step, column_step, rows,
                       columns, w + c, w_row_step, w_column_step, to, out_step);
      else
        depthwise_tile(DEPTHWISE_PIXELS, false, n, from, pixel_step, row_step, column_step, rows,
                       columns, w + c, w_row_step, w_column_step, to, out_step);
    }
    for (; p < pixels; p++) {
      const float *from = x + (ptrdiff_t)p * pixel_step + (ptrdiff_t)c;
      float *to = out + (ptrdiff_t)p * out_step + (ptrdiff_t)c;
      if (n == VW)
        depthwise_tile(1, true, n, from, pixel_step, row_step, column_step, rows, columns, w + c,
                       w_row_step, w_column_step, to, out_step);
      else
        depthwise_tile(1, false, n, from, pixel_step, row_step, column_step, rows, columns, w + c,
                       w_row_step, w_column_step, to, out_step);
    }
  }
}
