#pragma once
// A product or convolution with all its operands, for both ways to compute it.
#include "check.h"

/// What is asked for; the rest is made by prepare().
struct product {
  struct plumb_patches patches;
  size_t pictures;
  /// Columns of b, and those computed.
  size_t n, column, columns;
  /// Rows computed; row 0 is where c and residual begin.
  size_t first, rows;
  bool with_addends;
  plumb_unary_op activation;
  /// What b is held as.
  plumb_packed_type type;

  /// [k, n], exactly what `packed` holds.
  float *b;
  struct plumb_packed packed;
  struct plumb_addends addends;
  size_t ldc;
};

/// [m, k] times [k, n], as the patches of a picture one pixel wide.
struct product matrix_product(size_t m, size_t k, size_t n);

/// A convolution; `patches` says height, width, channels and window, and may say strides, dilations
/// and padding. The whole result is computed unless told otherwise.
struct product convolution(struct plumb_patches patches, size_t pictures, size_t n);

/// Makes pictures, weights and addends.
void prepare(struct product *p);

/// A result with gaps between its rows.
float *blank_result(const struct product *p);

/// Element (row, j) before the activation, counted from `first` and `column`; and the sum of the
/// magnitudes of all its parts.
double exact_element(const struct product *p, size_t row, size_t j, double *magnitude);

/// Packs b once more, after it was changed; of type f32.
void pack_again(struct product *p);

enum { ALL_TYPES = 4 };
extern const char *const type_names[ALL_TYPES];

static inline size_t depth_of(const struct plumb_patches *p) {
  return (size_t)(p->window_height * p->window_width * p->channels);
}
