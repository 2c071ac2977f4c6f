#pragma once
// SIMD inner loops, each in a version for AVX-512, AVX2 with FMA, NEON and plain C. The version is
// chosen once from what the processor has; PLUMB_CPU=plain|avx2|avx512 in the environment lowers
// the choice. Only plumb_take_scratch allocates, only plumb_run_on_threads starts threads; all may run
// on many threads at once.
// Rows are contiguous; leading dimensions and counts are in elements.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: the processor

typedef enum plumb_cpu_level {
  PLUMB_CPU_PLAIN = 0,
  PLUMB_CPU_AVX2 = 1,
  PLUMB_CPU_AVX512 = 2,
  PLUMB_CPU_NEON = 3,
} plumb_cpu_level;

/// The level in use.
plumb_cpu_level plumb_cpu_current(void);

/// True when this processor can run `level`.
bool plumb_cpu_has(plumb_cpu_level level);

/// Switches to `level`, for tests that run each; false (and no change) when the processor cannot.
bool plumb_cpu_use(plumb_cpu_level level);

/// "plain", "avx2", "avx512" or "neon".
const char *plumb_cpu_name(plumb_cpu_level level);

/// One line for people: the level in use and, when PLUMB_CPU lowered it, what the processor has.
const char *plumb_cpu_description(void);

// MARK: threads

/// Calls work(context) on the calling thread and, as far as the pool's threads are free, on up to
/// count - 1 others at once; returns when all calls have. `work` takes pieces of the job until none
/// is left, so that any number of calls does it: while another caller has the pool, one does.
void plumb_run_on_threads(size_t count, void (*work)(void *context), void *context);

/// At least `size` bytes, aligned to 4096, with whatever they hold, until the same thread gives them
/// back, the last taken first. A thread keeps two blocks of up to 8 MB for the next time it asks.
/// Aborts when there is no memory.
void *plumb_take_scratch(size_t size);
void plumb_give_scratch(void *memory);

// MARK: elementwise

/// Largest errors measured over the whole range of floats, in units in the last place, where the
/// exact result is a normal number, on every level: exp 1.0, sigmoid 2.5, tanh 1.4, erf 1.2.
typedef enum plumb_unary_op {
  PLUMB_EXP,
  PLUMB_SIGMOID,
  PLUMB_SILU,        // x / (1 + exp(-x))
  PLUMB_GELU,        // x/2 (1 + erf(x/sqrt 2))
  PLUMB_GELU_TANH,   // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  PLUMB_QUICK_GELU,  // x sigmoid(1.702 x)
  PLUMB_TANH,
  PLUMB_ERF,
  PLUMB_RELU,
  PLUMB_IDENTITY,
} plumb_unary_op;

/// out[i] = op(in[i]); in place allowed.
void plumb_unary(plumb_unary_op op, const float *in, float *out, size_t count);

typedef enum plumb_binary_op {
  PLUMB_ADD,
  PLUMB_SUBTRACT,
  PLUMB_MULTIPLY,
  PLUMB_DIVIDE,
  PLUMB_MINIMUM,  // NaN when either is
  PLUMB_MAXIMUM,  // NaN when either is
} plumb_binary_op;

/// out[i] = a[i * a_step] op b[i * b_step]; a step is 0 (one value for all) or 1.
void plumb_binary(plumb_binary_op op, const float *a, ptrdiff_t a_step, const float *b,
                  ptrdiff_t b_step, float *out, size_t count);

/// Per row: out[row, i] = in[row, i] * op(gate[row, i]). in and gate have in_stride between rows, out
/// has out_stride.
void plumb_gated(plumb_unary_op op, const float *in, const float *gate, ptrdiff_t in_stride,
                 float *out, ptrdiff_t out_stride, size_t rows, size_t width);

/// out[i] += scale * in[i].
void plumb_accumulate(float *out, const float *in, float scale, size_t count);

/// In place per row of c [m, n]: c = activation(c + bias + added + residual); bias and added are
/// [n], residual is [m, n]; each may be NULL.
void plumb_epilogue(float *c, ptrdiff_t ldc, size_t m, size_t n, const float *bias,
                    const float *added, const float *residual, ptrdiff_t ldr,
                    plumb_unary_op activation);

// MARK: softmax and norms

/// out[i] = exp(v[i] - max v) / sum, v[i] = scale * in[i] + (addend ? addend[i] : 0); in place
/// allowed. Where every v is -inf the row is NaN, as in PyTorch.
void plumb_softmax(const float *in, float *out, size_t count, float scale, const float *addend);

/// Softmax less its division, for a row that comes in blocks: *peak becomes the largest of itself, -inf
/// before the first block, and of v[i] = log2(e) * (scale * x[i] + (addend ? addend[i] : 0)); x[i]
/// becomes 2^(v[i] - *peak), less exactly below 2^-126. Returns their sum. What came of earlier blocks
/// is to be multiplied by 2^(peak before - peak after). While every v is -inf, all are 0.
float plumb_exponentials(float *x, size_t count, float scale, const float *addend, float *peak);

/// sums[c] += sum over rows of x[row, c], squares[c] likewise of x^2, in double.
void plumb_channel_sums(const float *x, size_t rows, size_t channels, double *sums,
                        double *squares);

/// out[row, c] = activation((x[row, c] - center[c]) * scale[c] + shift[c]); in place allowed.
void plumb_scale_shift(const float *x, float *out, size_t rows, size_t channels,
                       const float *center, const float *scale, const float *shift,
                       plumb_unary_op activation);

/// Per row: (x - mean) / sqrt(variance + epsilon) * gamma + beta; gamma and beta [n] or NULL.
void plumb_layer_norm(const float *x, float *out, size_t rows, size_t n, const float *gamma,
                      const float *beta, float epsilon);

// MARK: products with packed weights

enum {
  /// Columns of a packed panel.
  PLUMB_PANEL = 32,
  /// Most elements of k that a slice holds; most rows and panels that a block of the result has.
  PLUMB_SLICE = 384,
  PLUMB_BLOCK = 196,
  PLUMB_BLOCK_PANELS = 18,
  /// Floats between the rows of a slice in scratch. A left matrix whose rows lie so is not copied.
  PLUMB_ROW_STRIDE = PLUMB_SLICE + 16,
  /// Floats of scratch that plumb_product needs: a block's slice of rows, a panel's of weights.
  PLUMB_PRODUCT_SCRATCH = PLUMB_BLOCK * PLUMB_ROW_STRIDE + PLUMB_SLICE * PLUMB_PANEL,
};

/// What the elements of a packed matrix are; all arithmetic is that of f32. One of I8 stands for
/// itself times its column's scale, rounded to f32.
typedef enum plumb_packed_type { PLUMB_F32, PLUMB_F16, PLUMB_BF16, PLUMB_I8 } plumb_packed_type;

/// Rows of 32 bytes before the elements of a panel of I8: its columns' 32 scales, f32.
enum { PLUMB_SCALE_ROWS = 4 };

/// A packed [k, n] matrix: panels of 32 columns, [panel, k, 32], zeros behind column n. A panel of
/// I8 begins with its scales: [panel, PLUMB_SCALE_ROWS + k, 32].
struct plumb_packed {
  const void *base;
  plumb_packed_type type;
};

/// The rows of a product's left side: the patches a convolution's window sees in channels-last
/// pictures, in [window_height, window_width, channels] order; zero outside. Row r belongs to
/// picture r / (result_height * result_width). A plain matrix [m, k] is a picture m high and 1
/// wide, seen through a window of 1.
struct plumb_patches {
  const float *base;  // first channel used of the first pixel
  ptrdiff_t picture_stride, height, width, channels, pixel_stride;
  ptrdiff_t window_height, window_width;
  ptrdiff_t stride_y, stride_x, dilation_y, dilation_x, top, left;
  ptrdiff_t result_height, result_width;
};

/// What a product adds: bias per column, added per picture (`added_stride` apart) and column,
/// residual per element; each may be NULL.
struct plumb_addends {
  const float *bias, *added, *residual;
  ptrdiff_t added_stride, ldr;
};

/// Elements that a packed [k, n] matrix takes.
size_t plumb_packed_count(size_t k, size_t n);

/// Packs panels first..<last of b, whose element [k, n] lies at k * k_stride + n * n_stride.
void plumb_pack(const float *b, ptrdiff_t k_stride, ptrdiff_t n_stride, size_t k, size_t n,
                size_t first, size_t last, float *packed);

/// plumb_pack for elements of 16 bits.
void plumb_pack_halves(const uint16_t *b, ptrdiff_t k_stride, ptrdiff_t n_stride, size_t k,
                       size_t n, size_t first, size_t last, uint16_t *packed);

/// plumb_pack for elements of 8 bits, as if panels had no scales.
void plumb_pack_bytes(const int8_t *b, ptrdiff_t k_stride, ptrdiff_t n_stride, size_t k, size_t n,
                      size_t first, size_t last, int8_t *packed);

/// c[r, j] = activation(sum over k of patch[first + r][k] * b[k, column + j] + addends), for
/// `rows` rows and `columns` columns; `column` is a multiple of 32; c, bias and residual begin at
/// (first, column), added at (picture 0, column). scratch: PLUMB_PRODUCT_SCRATCH floats, 64-byte aligned.
void plumb_product(const struct plumb_patches *patches, size_t first, size_t rows,
                   struct plumb_packed packed, size_t column, size_t columns, float *c,
                   ptrdiff_t ldc, const struct plumb_addends *addends, plumb_unary_op activation,
                   float *scratch);

enum {
  /// Input channels that plumb_winograd takes at a time, and floats between its matrices.
  PLUMB_WINOGRAD_SLICE = 64,
  PLUMB_WINOGRAD_PAD = 32,
};

/// Floats of scratch that plumb_winograd needs for so many tiles at a time.
static inline size_t plumb_winograd_scratch(size_t tiles, size_t channels) {
  const size_t slices = (channels + PLUMB_WINOGRAD_SLICE - 1) / PLUMB_WINOGRAD_SLICE;
  return 36 * (PLUMB_WINOGRAD_SLICE * PLUMB_PANEL + tiles * PLUMB_PANEL + 2 * PLUMB_WINOGRAD_PAD +
               slices * (tiles * PLUMB_WINOGRAD_SLICE + PLUMB_WINOGRAD_PAD)) + 1024;
}

/// plumb_product for a window of 3 x 3 at stride and dilation 1, by Winograd's F(4x4, 3x3), about
/// ten times less precise than the direct sum: result tiles first..<first + tiles of 4 x 4 pixels
/// (counted row by row, picture by picture; those at the lower and right edge may be cut off), and
/// `columns` columns from `column` on. c and the addends begin at (picture 0, pixel 0, column).
/// scratch: plumb_winograd_scratch floats, 64-byte aligned.
void plumb_winograd(const struct plumb_patches *patches, size_t first, size_t tiles,
                    struct plumb_packed packed, size_t column, size_t columns, float *c,
                    ptrdiff_t ldc, const struct plumb_addends *addends, plumb_unary_op activation,
                    float *scratch);

// MARK: windows over channels-last images

/// out[c] = the largest of x[i * row_step + j * column_step + c] over i < rows, j < columns; NaN when
/// one is. There is at least one.
void plumb_window_maximum(const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t rows,
                          size_t columns, size_t channels, float *out);

/// out[c] = scale * the sum of x[i * row_step + j * column_step + c] over i < rows, j < columns.
void plumb_window_sum(const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t rows,
                      size_t columns, size_t channels, float scale, float *out);

/// For each of `pixels` p: out[p * out_step + c] = sum over i < rows, j < columns of
/// x[p * pixel_step + i * row_step + j * column_step + c] * w[i * w_row_step + j * w_column_step + c].
void plumb_depthwise(const float *x, ptrdiff_t pixel_step, ptrdiff_t row_step,
                     ptrdiff_t column_step, size_t rows, size_t columns, const float *w,
                     ptrdiff_t w_row_step, ptrdiff_t w_column_step, size_t channels, size_t pixels,
                     float *out, ptrdiff_t out_step);

/// Does nothing but multiply-adds in registers, to time what the processor can do at most; returns
/// how many floating-point operations they were, 2 each.
double plumb_multiply_adds(size_t rounds);

// MARK: moving and converting

/// out[c, r] = in[r, c] for in [rows, columns].
void plumb_transpose(const float *in, ptrdiff_t ldi, float *out, ptrdiff_t ldo, size_t rows,
                     size_t columns);

/// Rounding is to nearest even; NaN stays NaN.
void plumb_half_to_float(const uint16_t *in, float *out, size_t count);
void plumb_float_to_half(const float *in, uint16_t *out, size_t count);
void plumb_bfloat16_to_float(const uint16_t *in, float *out, size_t count);
void plumb_float_to_bfloat16(const float *in, uint16_t *out, size_t count);

#ifdef __cplusplus
}
#endif
