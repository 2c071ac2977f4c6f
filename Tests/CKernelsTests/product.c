// Packing, products with packed weights, direct convolutions.
#include "product.h"

const char *const type_names[ALL_TYPES] = {"f32", "f16", "bf16", "i8"};

struct product matrix_product(size_t m, size_t k, size_t n) {
  const struct plumb_patches patches = {
      .height = (ptrdiff_t)m, .width = 1, .channels = (ptrdiff_t)k,
      .window_height = 1, .window_width = 1};
  return convolution(patches, 1, n);
}

struct product convolution(struct plumb_patches p, size_t pictures, size_t n) {
  if (!p.stride_y) p.stride_y = p.stride_x = 1;
  if (!p.dilation_y) p.dilation_y = p.dilation_x = 1;
  // The lower and right padding is as much as the upper and left, or what the window needs.
  const ptrdiff_t high = (p.window_height - 1) * p.dilation_y + 1;
  const ptrdiff_t wide = (p.window_width - 1) * p.dilation_x + 1;
  const ptrdiff_t down = p.height + 2 * p.top - high, across = p.width + 2 * p.left - wide;
  p.result_height = down < 0 ? 1 : down / p.stride_y + 1;
  p.result_width = across < 0 ? 1 : across / p.stride_x + 1;
  return (struct product){
      .patches = p, .pictures = pictures, .n = n, .columns = n,
      .rows = pictures * (size_t)(p.result_height * p.result_width),
      .activation = PLUMB_IDENTITY};
}

void pack_again(struct product *p) {
  const size_t k = depth_of(&p->patches), panels = (p->n + PLUMB_PANEL - 1) / PLUMB_PANEL;
  float *packed = blank(plumb_packed_count(k, p->n));
  plumb_pack(p->b, (ptrdiff_t)p->n, 1, k, p->n, 0, panels, packed);
  p->packed = (struct plumb_packed){packed, PLUMB_F32};
}

/// Rounds b to 16 bits and packs these.
static void pack_halves(struct product *p) {
  const size_t k = depth_of(&p->patches), panels = (p->n + PLUMB_PANEL - 1) / PLUMB_PANEL;
  uint16_t *b = blank_halves(k * p->n), *packed = blank_halves(plumb_packed_count(k, p->n));
  const bool is_half = p->type == PLUMB_F16;
  (is_half ? plumb_float_to_half : plumb_float_to_bfloat16)(p->b, b, k * p->n);
  (is_half ? plumb_half_to_float : plumb_bfloat16_to_float)(b, p->b, k * p->n);
  plumb_pack_halves(b, (ptrdiff_t)p->n, 1, k, p->n, 0, panels, packed);
  p->packed = (struct plumb_packed){packed, p->type};
}

/// Rounds b to bytes, each column by its own scale, and packs these.
static void pack_bytes(struct product *p) {
  const size_t k = depth_of(&p->patches), panels = (p->n + PLUMB_PANEL - 1) / PLUMB_PANEL;
  const size_t rows = PLUMB_SCALE_ROWS + k;
  int8_t *b = blank_bytes(k * p->n);
  // Whole floats: a panel's scales are read as such.
  int8_t *packed = (int8_t *)blank(panels * rows * PLUMB_PANEL / sizeof(float));
  for (size_t j = 0; j < p->n; j++) {
    float largest = 0;
    for (size_t i = 0; i < k; i++) largest = fmaxf(largest, fabsf(p->b[i * p->n + j]));
    const float scale = largest > 0 ? largest / 127 : 1;
    float *scales = (float *)(void *)(packed + j / PLUMB_PANEL * rows * PLUMB_PANEL);
    scales[j % PLUMB_PANEL] = scale;
    for (size_t i = 0; i < k; i++) {
      const float byte = rintf(p->b[i * p->n + j] / scale);
      b[i * p->n + j] = (int8_t)byte;
      p->b[i * p->n + j] = byte * scale;
    }
  }
  for (size_t panel = 0; panel < panels; panel++)
    plumb_pack_bytes(b + panel * PLUMB_PANEL, (ptrdiff_t)p->n, 1, k, p->n - panel * PLUMB_PANEL, 0,
                     1, packed + (panel * rows + PLUMB_SCALE_ROWS) * PLUMB_PANEL);
  // Columns that do not exist are computed all the same.
  for (size_t j = p->n; j < panels * PLUMB_PANEL; j++)
    ((float *)(void *)(packed + j / PLUMB_PANEL * rows * PLUMB_PANEL))[j % PLUMB_PANEL] = 0;
  p->packed = (struct plumb_packed){packed, PLUMB_I8};
}

void prepare(struct product *p) {
  struct plumb_patches *patches = &p->patches;
  const size_t channels = (size_t)patches->channels, k = depth_of(patches);
  const size_t pixels = (size_t)(patches->height * patches->width);
  patches->pixel_stride = (ptrdiff_t)(channels + p->columns % 3);
  patches->picture_stride = (ptrdiff_t)pixels * patches->pixel_stride;
  const size_t all = p->pictures * pixels;
  patches->base = numbers(all ? (all - 1) * (size_t)patches->pixel_stride + channels : 0);
  p->b = numbers(k * p->n);
  if (p->type == PLUMB_F32) pack_again(p);
  else if (p->type == PLUMB_I8) pack_bytes(p);
  else pack_halves(p);
  p->ldc = p->columns + p->rows % 4;
  if (!p->with_addends) return;
  const size_t ldr = p->columns + p->rows % 3, step = p->columns + 5;
  p->addends = (struct plumb_addends){
      .bias = numbers(p->columns),
      .added = numbers((p->pictures - 1) * step + p->columns),
      .residual = numbers((p->rows - 1) * ldr + p->columns),
      .added_stride = (ptrdiff_t)step,
      .ldr = (ptrdiff_t)ldr,
  };
}

float *blank_result(const struct product *p) {
  return blank((p->rows - 1) * p->ldc + p->columns);
}

double exact_product(const struct plumb_patches *p, size_t row, const float *b, size_t n,
                     size_t column, double *magnitude) {
  const ptrdiff_t pixels = p->result_height * p->result_width, pixel = (ptrdiff_t)row % pixels;
  const float *picture = p->base + (ptrdiff_t)row / pixels * p->picture_stride;
  double sum = 0;
  for (ptrdiff_t i = 0; i < p->window_height; i++)
    for (ptrdiff_t j = 0; j < p->window_width; j++) {
      const ptrdiff_t y = pixel / p->result_width * p->stride_y - p->top + i * p->dilation_y;
      const ptrdiff_t x = pixel % p->result_width * p->stride_x - p->left + j * p->dilation_x;
      if (y < 0 || y >= p->height || x < 0 || x >= p->width) continue;
      const float *from = picture + (y * p->width + x) * p->pixel_stride;
      const float *with = b + (size_t)((i * p->window_width + j) * p->channels) * n + column;
      for (ptrdiff_t c = 0; c < p->channels; c++) {
        const double v = (double)from[c] * (double)with[(size_t)c * n];
        sum += v, *magnitude += fabs(v);
      }
    }
  return sum;
}

double exact_element(const struct product *p, size_t row, size_t j, double *magnitude) {
  const struct plumb_addends *with = &p->addends;
  const size_t pixels = (size_t)(p->patches.result_height * p->patches.result_width);
  const size_t picture = (p->first + row) / pixels;
  double sum = exact_product(&p->patches, p->first + row, p->b, p->n, p->column + j, magnitude);
  const double parts[] = {
      with->bias ? (double)with->bias[j] : 0,
      with->added ? (double)with->added[picture * (size_t)with->added_stride + j] : 0,
      with->residual ? (double)with->residual[row * (size_t)with->ldr + j] : 0,
  };
  for (size_t i = 0; i < COUNT(parts); i++) sum += parts[i], *magnitude += fabs(parts[i]);
  return sum;
}

/// The product at every level. The slack is the textbook's bound for sums in any order.
static void check_product(struct product *p) {
  prepare(p);
  const size_t k = depth_of(&p->patches);
  double *sums = zeros(p->rows * p->columns), *slack = zeros(p->rows * p->columns);
  for (size_t row = 0; row < p->rows; row++)
    for (size_t j = 0; j < p->columns; j++) {
      double magnitude = 0;
      const size_t at = row * p->columns + j;
      const double sum = exact_element(p, row, j, &magnitude);
      sums[at] = exact_unary(p->activation, sum);
      slack[at] = unary_slack(p->activation, sum, magnitude * (double)(k + 4) * 0x1p-24);
    }
  EACH_LEVEL {
    float *c = blank_result(p);
    plumb_product(&p->patches, p->first, p->rows, p->packed, p->column, p->columns, c,
                  (ptrdiff_t)p->ldc, &p->addends, p->activation, scratch(PLUMB_PRODUCT_SCRATCH));
    for (size_t row = 0; row < p->rows; row++)
      for (size_t j = 0; j < p->columns; j++)
        expect(row * p->ldc + j, (double)c[row * p->ldc + j], sums[row * p->columns + j],
               slack[row * p->columns + j]);
    expect_gaps(c, p->rows, p->columns, p->ldc);
  }
  release();
}

static void check_matrix(size_t m, size_t k, size_t n, size_t type, bool with_addends) {
  struct product p = matrix_product(m, k, n);
  p.type = (plumb_packed_type)(type % ALL_TYPES);
  p.with_addends = with_addends;
  p.activation = with_addends ? (plumb_unary_op)((m + n) % ALL_OPS) : PLUMB_IDENTITY;
  // Exponentials of sums as large as these overflow.
  if (p.activation == PLUMB_EXP) p.activation = PLUMB_SILU;
  shape("[%zu, %zu] times [%zu, %zu] %s, %s, %s", m, k, k, n, type_names[p.type],
        with_addends ? "addends" : "alone", op_names[p.activation]);
  check_product(&p);
}

static void test_matrices(void) {
  // No level's tiles have more than 14 rows, and strips have up to 32 columns.
  enum { most_rows = 29, most_columns = 65 };
  const size_t depths[] = {0, 1, 2, 255, 256, 257, 513};
  const size_t step = is_slow ? 3 : 1;
  for (size_t m = 1; m <= most_rows; m++)
    for (size_t n = 1; n <= most_columns; n += n < 33 ? 1 : step)
      check_matrix(m, 2, n, m + n / 2, (m + n) % 2);
  for (size_t i = 0; i < COUNT(depths); i++) {
    for (size_t m = 1; m <= most_rows; m++) check_matrix(m, depths[i], 33, m, m % 2);
    for (size_t n = 1; n <= most_columns; n += step)
      for (size_t type = 0; type < ALL_TYPES; type++) check_matrix(15, depths[i], n, type, n % 2);
  }
  // More than one block either way, and a block's edge within a tile.
  const size_t large[][3] = {{279, 3, 5}, {280, 3, 33}, {281, 3, 5},  {561, 1, 2},
                             {3, 3, 384}, {3, 3, 385},  {2, 257, 417}, {3, 2, 800}};
  for (size_t i = 0; i < COUNT(large); i++)
    for (size_t type = 0; type < ALL_TYPES; type++)
      check_matrix(large[i][0], large[i][1], large[i][2], type, i % 2);
}

/// Convolutions of every kind, and parts of them, as threads compute them.
static void test_convolutions(void) {
  const size_t cases = is_slow ? 60 : 250;
  for (size_t i = 0; i < cases; i++) {
    struct plumb_patches patches = {
        .height = 1 + (ptrdiff_t)random_below(9), .width = 1 + (ptrdiff_t)random_below(9),
        .channels = 1 + (ptrdiff_t)random_below(i % 8 ? 9 : 100),
        .window_height = 1 + (ptrdiff_t)random_below(4),
        .window_width = 1 + (ptrdiff_t)random_below(4),
        .stride_y = 1 + (ptrdiff_t)random_below(3), .stride_x = 1 + (ptrdiff_t)random_below(3),
        .dilation_y = 1 + (ptrdiff_t)random_below(3), .dilation_x = 1 + (ptrdiff_t)random_below(3),
        .top = (ptrdiff_t)random_below(3), .left = (ptrdiff_t)random_below(3)};
    const size_t pictures = 1 + random_below(3);
    struct product p = convolution(patches, pictures, 1 + random_below(100));
    if (i % 2) {
      p.first = random_below(p.rows);
      p.rows = 1 + random_below(p.rows - p.first);
      p.column = random_below((p.n + 31) / 32) * 32;
      p.columns = 1 + random_below(p.n - p.column);
    }
    p.type = (plumb_packed_type)random_below(ALL_TYPES);
    p.with_addends = i % 3 != 0;
    p.activation = i % 5 ? PLUMB_SILU : PLUMB_IDENTITY;
    shape("%zu of %td x %td x %td, window %td x %td, strides %td %td, dilations %td %td, padding "
          "%td %td, rows %zu + %zu, columns %zu + %zu of %zu %s, %s, %s",
          pictures, patches.height, patches.width, patches.channels, patches.window_height,
          patches.window_width, patches.stride_y, patches.stride_x, patches.dilation_y,
          patches.dilation_x, patches.top, patches.left, p.first, p.rows, p.column, p.columns, p.n,
          type_names[p.type], p.with_addends ? "addends" : "alone", op_names[p.activation]);
    check_product(&p);
  }
}

void test_product(void) {
  testing("plumb_product");
  test_matrices();
  test_convolutions();
}

/// Both orders of b with gaps between its lines, and panels that are not asked for.
void test_pack(void) {
  for (size_t n = 1; n <= 97; n++)
    for (size_t k = 0; k <= 66; k += k < 3 || k == 31 ? 1 : 7)
      for (int is_transposed = 0; is_transposed < 2; is_transposed++) {
        const size_t panels = (n + 31) / 32, first = random_below(panels);
        const size_t last = first + 1 + random_below(panels - first);
        const size_t lines = is_transposed ? n : k, length = is_transposed ? k : n;
        const size_t stride = length + n % 3;
        const size_t k_stride = is_transposed ? 1 : stride, n_stride = is_transposed ? stride : 1;
        const size_t elements = lines && length ? (lines - 1) * stride + length : 0;
        const float *b = numbers(elements);
        uint16_t *halves = blank_halves(elements);
        int8_t *bytes = blank_bytes(elements);
        for (size_t i = 0; i < elements; i++) halves[i] = (uint16_t)random_bits();
        for (size_t i = 0; i < elements; i++) bytes[i] = (int8_t)halves[i];
        testing("plumb_packed_count");
        expect_that(plumb_packed_count(k, n) == panels * 32 * k, "panels of 32 columns");
        float *packed = blank(panels * 32 * k);
        uint16_t *packed_halves = blank_halves(panels * 32 * k);
        int8_t *packed_bytes = blank_bytes(panels * 32 * k);
        for (int width = 4; width > 0; width /= 2) {
          testing(width == 4 ? "plumb_pack" : width == 2 ? "plumb_pack_halves"
                                                         : "plumb_pack_bytes");
          shape("[%zu, %zu]%s, panels %zu..<%zu", k, n, is_transposed ? " transposed" : "", first,
                last);
          const ptrdiff_t down = (ptrdiff_t)k_stride, across = (ptrdiff_t)n_stride;
          if (width == 2) plumb_pack_halves(halves, down, across, k, n, first, last, packed_halves);
          else if (width == 1) plumb_pack_bytes(bytes, down, across, k, n, first, last, packed_bytes);
          else plumb_pack(b, down, across, k, n, first, last, packed);
          for (size_t i = 0; i < panels * 32 * k; i++) {
            const size_t panel = i / (32 * k), column = panel * 32 + i % 32;
            const size_t from = i / 32 % k * k_stride + column * n_stride;
            uint32_t value = width == 4 ? BLANK : width == 2 ? BLANK_HALF : BLANK_BYTE;
            if (panel >= first && panel < last)
              value = column >= n  ? 0
                      : width == 4 ? bits_of(b[from])
                      : width == 2 ? halves[from]
                                   : (uint8_t)bytes[from];
            expect_bits(i,
                        width == 4   ? bits_of(packed[i])
                        : width == 2 ? packed_halves[i]
                                     : (uint8_t)packed_bytes[i],
                        value);
          }
        }
        release();
      }
}
