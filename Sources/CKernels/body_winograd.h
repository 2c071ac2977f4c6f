#pragma once
// 3 x 3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3): a tile of 4 x 4 result
// pixels costs 36 multiplications per input and output channel instead of 144 (A. Lavin, S. Gray,
// "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308).
//
// Weights stay as plumb_pack leaves them. A panel's slice is transformed where it is needed, into
// the second-level cache: for the tiles of a block that is a few percent of the work, and saves
// keeping weights four times as large. Pictures are transformed once per block of tiles, and the
// 36 products of a panel are summed over all slices before they are transformed back.

enum {
  WINOGRAD_POINTS = 36,
  /// Input channels of a slice.
  WINOGRAD_SLICE = PLUMB_WINOGRAD_SLICE,
  /// From one point's matrix to the next: a little more than their size, or the 36 values of one
  /// place would share their cache lines' sets.
  WEIGHT_POINT = WINOGRAD_SLICE * PANEL + PLUMB_WINOGRAD_PAD,
};

static inline size_t picture_point(size_t tiles) {
  return tiles * WINOGRAD_SLICE + PLUMB_WINOGRAD_PAD;
}
static inline size_t sum_point(size_t tiles) { return tiles * PANEL + PLUMB_WINOGRAD_PAD; }

#define WINOGRAD_TILE(ROWS)                                                                      \
  static void winograd_tile_##ROWS(const float *a, const float *b, int depth, float *c,          \
                                   ptrdiff_t ldc, int columns, const struct strip_start *start) { \
    product_tile(ROWS, PRODUCT_VECTORS, true, WINOGRAD_SLICE, a, b, depth, c, ldc, columns,      \
                 start);                                                                         \
  }
WINOGRAD_TILE(1) WINOGRAD_TILE(2) WINOGRAD_TILE(3) WINOGRAD_TILE(4)
#if PLUMB_TILES >= 6
WINOGRAD_TILE(5) WINOGRAD_TILE(6)
#endif
#if PLUMB_TILES >= 14
WINOGRAD_TILE(7) WINOGRAD_TILE(8) WINOGRAD_TILE(9) WINOGRAD_TILE(10) WINOGRAD_TILE(11)
WINOGRAD_TILE(12) WINOGRAD_TILE(13) WINOGRAD_TILE(14)
#endif
#undef WINOGRAD_TILE

static const tile_function winograd_tiles[PRODUCT_ROWS] = {
    winograd_tile_1,  winograd_tile_2,  winograd_tile_3,  winograd_tile_4,
#if PLUMB_TILES >= 6
    winograd_tile_5,  winograd_tile_6,
#endif
#if PLUMB_TILES >= 14
    winograd_tile_7,  winograd_tile_8,  winograd_tile_9,  winograd_tile_10,
    winograd_tile_11, winograd_tile_12, winograd_tile_13, winograd_tile_14,
#endif
};

/// y = G x, 3 values to 6.
__attribute__((always_inline)) static inline void winograd_weight_line(const vf *x, vf *y) {
  const vf outer = v_mul(v_add(x[0], x[2]), v_set(-1.0f / 6));
  const vf middle = v_mul(x[1], v_set(1.0f / 6));
  const vf even = v_fma(x[0], v_set(1.0f / 24), v_mul(x[2], v_set(1.0f / 6)));
  const vf odd = v_mul(x[1], v_set(1.0f / 12));
  y[0] = v_mul(x[0], v_set(0.25f));
  y[1] = v_sub(outer, middle);
  y[2] = v_add(outer, middle);
  y[3] = v_add(even, odd);
  y[4] = v_sub(even, odd);
  y[5] = x[2];
}

/// y = B' x, 6 values to 6.
__attribute__((always_inline)) static inline void winograd_picture_line(const vf *x, vf *y) {
  const vf four = v_set(4.0f), two = v_set(2.0f);
  const vf a = v_sub(x[4], v_mul(four, x[2])), b = v_sub(x[3], v_mul(four, x[1]));
  const vf c = v_sub(x[4], x[2]), d = v_mul(two, v_sub(x[3], x[1]));
  y[0] = v_add(v_fma(four, x[0], v_mul(v_set(-5.0f), x[2])), x[4]);
  y[1] = v_add(a, b);
  y[2] = v_sub(a, b);
  y[3] = v_add(c, d);
  y[4] = v_sub(c, d);
  y[5] = v_add(v_fma(four, x[1], v_mul(v_set(-5.0f), x[3])), x[5]);
}

/// y = A' x, 6 values to 4.
__attribute__((always_inline)) static inline void winograd_result_line(const vf *x, vf *y) {
  const vf a = v_add(x[1], x[2]), b = v_sub(x[1], x[2]);
  const vf c = v_add(x[3], x[4]), d = v_sub(x[3], x[4]);
  y[0] = v_add(x[0], v_add(a, c));
  y[1] = v_fma(v_set(2.0f), d, b);
  y[2] = v_fma(v_set(4.0f), c, a);
  y[3] = v_add(v_fma(v_set(8.0f), d, b), x[5]);
}

/// The weights of input channels from..<from + depth for the panel whose elements begin at `panel`,
/// transformed: [point, channel, 32].
__attribute__((always_inline)) static inline void winograd_lines(
    const plumb_packed_type type, const void *base, const float *scales, size_t panel,
    size_t channels, size_t from, size_t depth, float *to) {
  const size_t step = channels * PANEL;
  for (size_t c = 0; c < depth; c++)
    for (size_t j = 0; j < PANEL; j += VW) {
      const size_t source = panel + (from + c) * PANEL + j;
      float *target = to + c * PANEL + j;
      const vf scale = type == PLUMB_I8 ? v_load(scales + j) : v_set(1.0f);
      vf half[3][6];
      UNROLL for (int x = 0; x < 3; x++) {
        vf line[3];
        UNROLL for (int y = 0; y < 3; y++) 
          line[y] = load_packed(type, base, source + (size_t)(y * 3 + x) * step, scale);
        winograd_weight_line(line, half[x]);
      }
      UNROLL for (int y = 0; y < 6; y++) {
        vf line[3], out[6];
        UNROLL for (int x = 0; x < 3; x++) line[x] = half[x][y];
        winograd_weight_line(line, out);
        UNROLL for (int x = 0; x < 6; x++) v_store(target + (y * 6 + x) * WEIGHT_POINT, out[x]);
      }
    }
}

static void winograd_weights(struct plumb_packed packed, size_t number, size_t channels,
                             size_t from, size_t depth, float *to) {
  const void *base = packed.base;
  const size_t k = 9 * channels, head = head_rows(packed.type);
  const size_t panel = (number * (head + k) + head) * PANEL;
  const float *s = panel_scales(packed, number, k);
  switch (packed.type) {
    case PLUMB_F32: winograd_lines(PLUMB_F32, base, s, panel, channels, from, depth, to); break;
    case PLUMB_F16: winograd_lines(PLUMB_F16, base, s, panel, channels, from, depth, to); break;
    case PLUMB_BF16: winograd_lines(PLUMB_BF16, base, s, panel, channels, from, depth, to); break;
    case PLUMB_I8: winograd_lines(PLUMB_I8, base, s, panel, channels, from, depth, to); break;
  }
}

/// Where the tiles of a picture lie.
struct winograd_grid {
  const struct plumb_patches *p;
  size_t across, per_picture;
};

static struct winograd_grid winograd_grid(const struct plumb_patches *p) {
  const size_t across = (size_t)(p->result_width + 3) / 4;
  return (struct winograd_grid){p, across, across * ((size_t)(p->result_height + 3) / 4)};
}

/// The 6 x 6 pixels that a tile sees, transformed, all channels: [slice, point, tile, channel];
/// `to` begins at the tile.
static void winograd_picture(const struct winograd_grid *grid, size_t tile, size_t tiles,
                             float *to) {
  const struct plumb_patches *p = grid->p;
  const size_t place = tile % grid->per_picture, point = picture_point(tiles);
  const ptrdiff_t top = (ptrdiff_t)(place / grid->across) * 4 - p->top;
  const ptrdiff_t left = (ptrdiff_t)(place % grid->across) * 4 - p->left;
  const float *picture = p->base + (ptrdiff_t)(tile / grid->per_picture) * p->picture_stride;
  const float *pixels[6][6];
  for (ptrdiff_t y = 0; y < 6; y++)
    for (ptrdiff_t x = 0; x < 6; x++) {
      const bool inside =
          top + y >= 0 && top + y < p->height && left + x >= 0 && left + x < p->width;
      pixels[y][x] =
          inside ? picture + ((top + y) * p->width + left + x) * p->pixel_stride : NULL;
    }
  const size_t channels = (size_t)p->channels;
  for (size_t c = 0; c < channels; c += VW) {
    const int count = channels - c < VW ? (int)(channels - c) : VW;
    float *target = to + c / WINOGRAD_SLICE * WINOGRAD_POINTS * point + c % WINOGRAD_SLICE;
    vf half[6][6];
    UNROLL for (int x = 0; x < 6; x++) {
      vf line[6];
      UNROLL for (int y = 0; y < 6; y++)
        line[y] = !pixels[y][x] ? v_set(0.0f)
                  : count == VW ? v_load(pixels[y][x] + c)
                                : v_load_n(pixels[y][x] + c, count);
      winograd_picture_line(line, half[x]);
    }
    UNROLL for (int y = 0; y < 6; y++) {
      vf line[6], out[6];
      UNROLL for (int x = 0; x < 6; x++) line[x] = half[x][y];
      winograd_picture_line(line, out);
      UNROLL for (int x = 0; x < 6; x++) v_store(target + (size_t)(y * 6 + x) * point, out[x]);
    }
  }
}

/// Turns the sums of one tile, `point` apart, into 4 x 4 result pixels of up to 32 channels.
static void winograd_result(const struct winograd_grid *grid, size_t tile, const float *sums,
                            size_t point, float *c, ptrdiff_t ldc, int columns,
                            const struct plumb_addends *addends, plumb_unary_op activation) {
  const struct plumb_patches *p = grid->p;
  const size_t place = tile % grid->per_picture, n = tile / grid->per_picture;
  const ptrdiff_t top = (ptrdiff_t)(place / grid->across) * 4;
  const ptrdiff_t left = (ptrdiff_t)(place % grid->across) * 4;
  const ptrdiff_t first = ((ptrdiff_t)n * p->result_height + top) * p->result_width + left;
  const float *added =
      addends->added ? addends->added + (ptrdiff_t)n * addends->added_stride : NULL;
  const int high = p->result_height - top < 4 ? (int)(p->result_height - top) : 4;
  const int wide = p->result_width - left < 4 ? (int)(p->result_width - left) : 4;
  for (int j = 0; j < columns; j += VW) {
    const int count = columns - j < VW ? columns - j : VW;
    vf half[6][4], out[4][4], constant = v_set(0.0f);
    UNROLL for (int x = 0; x < 6; x++) {
      vf line[6];
      UNROLL for (int y = 0; y < 6; y++) line[y] = v_load(sums + (size_t)(y * 6 + x) * point + j);
      winograd_result_line(line, half[x]);
    }
    UNROLL for (int y = 0; y < 4; y++) {
      vf line[6];
      UNROLL for (int x = 0; x < 6; x++) line[x] = half[x][y];
      winograd_result_line(line, out[y]);
    }
    if (addends->bias) constant = v_load_n(addends->bias + j, count);
    if (added) constant = v_add(constant, v_load_n(added + j, count));
    for (int y = 0; y < high; y++)
      for (int x = 0; x < wide; x++) {
        const ptrdiff_t pixel = first + y * p->result_width + x;
        vf v = v_add(out[y][x], constant);
        if (addends->residual)
          v = v_add(v, v_load_n(addends->residual + pixel * addends->ldr + j, count));
        v_store_n(c + pixel * ldc + j, v, count);
      }
  }
  if (activation != PLUMB_IDENTITY)
    for (int y = 0; y < high; y++)
      level_epilogue(c + (first + y * p->result_width) * ldc, ldc, (size_t)wide, (size_t)columns,
                     NULL, NULL, NULL, 0, activation);
}

static void level_winograd(const struct plumb_patches *patches, size_t first, size_t tiles,
                           struct plumb_packed packed, size_t column, size_t columns, float *c,
                           ptrdiff_t ldc, const struct plumb_addends *addends,
                           plumb_unary_op activation, float *scratch) {
  const struct winograd_grid grid = winograd_grid(patches);
  const size_t channels = (size_t)patches->channels;
  const size_t slices = (channels + WINOGRAD_SLICE - 1) / WINOGRAD_SLICE;
  const size_t row_tiles = (tiles + PRODUCT_ROWS - 1) / PRODUCT_ROWS;
  const size_t a_point = picture_point(tiles), c_point = sum_point(tiles);
  const size_t head = head_rows(packed.type), row = PANEL * packed_width(packed.type);
  float *weights = scratch, *sums = weights + WINOGRAD_POINTS * WEIGHT_POINT;
  float *picture = sums + WINOGRAD_POINTS * c_point;
  for (size_t tile = 0; tile < tiles; tile++)
    winograd_picture(&grid, first + tile, tiles, picture + tile * WINOGRAD_SLICE);
  for (size_t n = 0; n < columns; n += PANEL) {
    for (size_t slice = 0; slice < slices; slice++) {
      const size_t from = slice * WINOGRAD_SLICE;
      const size_t depth = channels - from < WINOGRAD_SLICE ? channels - from : WINOGRAD_SLICE;
      winograd_weights(packed, (column + n) / PANEL, channels, from, depth, weights);
      // The weights of the next slice, or of the next panel's first, come nearer meanwhile, a 36th
      // at each point; they are from memory, and it takes long to transform what is not there yet.
      const bool is_last = slice + 1 == slices;
      const size_t panel = (column + n) / PANEL + (is_last && n + PANEL < columns);
      const size_t next_row = panel * (head + 9 * channels) + head + (is_last ? 0 : from + depth);
      const char *next = (const char *)packed.base + next_row * row;
      for (size_t point = 0; point < WINOGRAD_POINTS; point++)
        for (size_t strip = 0; strip < PANEL; strip += PRODUCT_STRIP)
          for (size_t tile = 0; tile < row_tiles; tile++) {
            const size_t r = tile * tiles / row_tiles, end = (tile + 1) * tiles / row_tiles;
            const float *a =
                picture + (slice * WINOGRAD_POINTS + point) * a_point + r * WINOGRAD_SLICE;
            struct strip_start start = {
                .sums = slice > 0,
                .ahead = a + (end - r) * WINOGRAD_SLICE,
                .ahead_step = 64,
            };
            if (tile == 0) {
              start.ahead = next + (point / 4 * channels + point % 4 * (WINOGRAD_SLICE / 4)) * row;
              start.ahead_step = (ptrdiff_t)row / 4;
            }
            winograd_tiles[end - r - 1](a, weights + point * WEIGHT_POINT + strip, (int)depth,
                                        sums + point * c_point + r * PANEL + strip, PANEL,
                                        PRODUCT_STRIP, &start);
          }
    }
    const struct plumb_addends part = {
        .bias = addends->bias ? addends->bias + n : NULL,
        .added = addends->added ? addends->added + n : NULL,
        .residual = addends->residual ? addends->residual + n : NULL,
        .added_stride = addends->added_stride,
        .ldr = addends->ldr,
    };
    const int valid = (int)(columns - n < PANEL ? columns - n : PANEL);
    for (size_t tile = 0; tile < tiles; tile++)
      winograd_result(&grid, first + tile, sums + tile * PANEL, c_point, c + n, ldc, valid, &part,
                      activation);
  }
}
