// 3 x 3 convolutions by Winograd's algorithm, and what they cost in precision.
#include "product.h"

static size_t tiles_of(const struct plumb_patches *p) {
  return (size_t)((p->result_height + 3) / 4) * (size_t)((p->result_width + 3) / 4);
}

/// The tile that a row of the result belongs to.
static size_t tile_of(const struct plumb_patches *p, size_t row) {
  const size_t wide = (size_t)p->result_width, pixels = wide * (size_t)p->result_height;
  const size_t y = row % pixels / wide, x = row % wide;
  return row / pixels * tiles_of(p) + y / 4 * ((wide + 3) / 4) + x / 4;
}

/// Tiles first..<first + tiles at every level; what lies outside them has to stay as it is. The
/// slack is in proportion to the largest sum of magnitudes: the algorithm adds and subtracts
/// numbers larger than what comes out.
static void check_winograd(struct product *p, size_t first, size_t tiles) {
  prepare(p);
  double *expected = zeros(p->rows * p->columns), largest = 0;
  for (size_t row = 0; row < p->rows; row++)
    for (size_t j = 0; j < p->columns; j++) {
      double magnitude = 0;
      expected[row * p->columns + j] = exact_element(p, row, j, &magnitude);
      largest = fmax(largest, magnitude);
    }
  EACH_LEVEL {
    float *c = blank_result(p);
    float *work = scratch(plumb_winograd_scratch(tiles, (size_t)p->patches.channels));
    plumb_winograd(&p->patches, first, tiles, p->packed, p->column, p->columns, c,
                   (ptrdiff_t)p->ldc, &p->addends, p->activation, work);
    for (size_t row = 0; row < p->rows; row++) {
      const size_t tile = tile_of(&p->patches, row);
      for (size_t j = 0; j < p->columns; j++) {
        const float got = c[row * p->ldc + j];
        const double sum = expected[row * p->columns + j];
        if (tile < first || tile >= first + tiles)
          expect_bits(row * p->ldc + j, bits_of(got), BLANK);
        else
          expect(row * p->ldc + j, (double)got, exact_unary(p->activation, sum),
                 unary_slack(p->activation, sum, largest * 1e-5));
      }
    }
    expect_gaps(c, p->rows, p->columns, p->ldc);
  }
  release();
}

static struct product three_by_three(size_t height, size_t width, size_t channels, size_t padding,
                                     size_t pictures, size_t n) {
  const struct plumb_patches patches = {
      .height = (ptrdiff_t)height, .width = (ptrdiff_t)width, .channels = (ptrdiff_t)channels,
      .window_height = 3, .window_width = 3,
      .top = (ptrdiff_t)padding, .left = (ptrdiff_t)padding};
  return convolution(patches, pictures, n);
}

static void check_all(size_t height, size_t width, size_t channels, size_t padding,
                      size_t pictures, size_t n, size_t type) {
  struct product p = three_by_three(height, width, channels, padding, pictures, n);
  p.type = (plumb_packed_type)(type % ALL_TYPES);
  p.with_addends = (height + width + channels + n) % 2;
  p.activation = n % 2 ? PLUMB_GELU : PLUMB_IDENTITY;
  shape("%zu of %zu x %zu x %zu, padding %zu, columns %zu %s, %s, %s", pictures, height, width,
        channels, padding, n, type_names[p.type], p.with_addends ? "addends" : "alone",
        op_names[p.activation]);
  check_winograd(&p, 0, pictures * tiles_of(&p.patches));
}

void test_winograd(void) {
  testing("plumb_winograd_scratch");
  expect_that(plumb_winograd_scratch(1, 64) == 36 * (2048 + 32 + 64 + 64 + 32) + 1024,
              "weights, sums and a picture's slice, and what keeps them apart");
  testing("plumb_winograd");
  // Every remainder of 4 pixels either way; every number of tiles; channels about a slice and a
  // vector; columns about a panel and a vector.
  for (size_t height = 3; height <= 10; height++)
    for (size_t width = 3; width <= 10; width++)
      check_all(height, width, 3, 1, 1, 5, height + width);
  for (size_t tiles = 1; tiles <= 29; tiles++) check_all(4, 4 * tiles, 2, 1, 1, 33, tiles);
  const size_t channels[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 193};
  for (size_t i = 0; i < COUNT(channels); i++)
    for (size_t type = 0; type < ALL_TYPES; type++) check_all(5, 6, channels[i], i % 3, 1, 3, type);
  for (size_t n = 1; n <= 65; n++) check_all(5, 5, 4, 1, 2, n, n);
  // Some tiles and columns of a larger one, as threads compute them.
  for (size_t i = 0; i < (is_slow ? 20 : 80); i++) {
    const size_t pictures = 1 + random_below(3), n = 1 + random_below(100);
    const size_t padding = random_below(3);
    struct product p = three_by_three(3 + random_below(14), 3 + random_below(14),
                                      1 + random_below(20), padding, pictures, n);
    p.column = random_below((n + 31) / 32) * 32;
    p.columns = 1 + random_below(n - p.column);
    p.type = (plumb_packed_type)random_below(ALL_TYPES);
    p.with_addends = i % 2;
    p.activation = i % 3 ? PLUMB_SILU : PLUMB_IDENTITY;
    const size_t all = pictures * tiles_of(&p.patches), first = random_below(all);
    const size_t tiles = 1 + random_below(smaller(all - first, 29));
    shape("%zu of %td x %td x %td, padding %zu, tiles %zu + %zu, columns %zu + %zu of %zu %s, "
          "%s, %s",
          pictures, p.patches.height, p.patches.width, p.patches.channels, padding, first, tiles,
          p.column, p.columns, n, type_names[p.type], p.with_addends ? "addends" : "alone",
          op_names[p.activation]);
    check_winograd(&p, first, tiles);
  }
}

// MARK: precision

struct error {
  double largest, squares;
};

static void add_error(struct error *error, double off) {
  error->largest = fmax(error->largest, fabs(off));
  error->squares += off * off;
}

void print_winograd_errors(void) {
  const size_t channels[] = {64, 320, 1280}, n = 64;
  printf("level   channels  direct: largest  RMS       F(4x4, 3x3): largest  RMS\n");
  for (size_t i = 0; i < COUNT(channels); i++) {
    struct product p = three_by_three(16, 16, channels[i], 1, 1, n);
    prepare(&p);
    const size_t k = depth_of(&p.patches);
    for (size_t j = 0; j < k * n; j++) p.b[j] /= sqrtf((float)k);
    pack_again(&p);
    double *expected = zeros(p.rows * n), largest = 0, ignored = 0;
    for (size_t j = 0; j < p.rows * n; j++) {
      expected[j] = exact_element(&p, j / n, j % n, &ignored);
      largest = fmax(largest, fabs(expected[j]));
    }
    const size_t tiles = tiles_of(&p.patches);
    EACH_LEVEL {
      float *direct = blank_result(&p), *fast = blank_result(&p);
      plumb_product(&p.patches, 0, p.rows, p.packed, 0, n, direct, (ptrdiff_t)p.ldc, &p.addends,
                    PLUMB_IDENTITY, scratch(PLUMB_PRODUCT_SCRATCH));
      plumb_winograd(&p.patches, 0, tiles, p.packed, 0, n, fast, (ptrdiff_t)p.ldc, &p.addends,
                     PLUMB_IDENTITY, scratch(plumb_winograd_scratch(tiles, channels[i])));
      struct error errors[2] = {{0, 0}, {0, 0}};
      for (size_t j = 0; j < p.rows * n; j++) {
        const size_t at = j / n * p.ldc + j % n;
        add_error(&errors[0], (double)direct[at] - expected[j]);
        add_error(&errors[1], (double)fast[at] - expected[j]);
      }
      const double count = (double)(p.rows * n);
      printf("%-7s %-8zu  %-15.1e  %-8.1e  %-20.1e  %.1e\n", plumb_cpu_name(plumb_cpu_current()),
             channels[i], errors[0].largest / largest, sqrt(errors[0].squares / count) / largest,
             errors[1].largest / largest, sqrt(errors[1].squares / count) / largest);
    }
    release();
  }
}
