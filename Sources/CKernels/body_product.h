#pragma once
// c = activation(patches * packed + bias + added + residual), on one thread.
//
// Columns come in panels of 32 (plumb_pack); a panel is computed in strips of PRODUCT_VECTORS
// vectors by tiles of up to PRODUCT_ROWS rows, whose sums stay in registers. k is cut into slices:
// the rows' slice, copied to scratch (for a convolution that is where patches are gathered), stays in
// the second-level cache while all panels pass, and so do the block's sums while all slices pass.

enum { PRODUCT_STRIP = PRODUCT_VECTORS * VW };

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

/// Where the strip's part of each addend begins; NULL where there is none. `sums` asks to go on
/// from what c holds.
struct strip_start {
  const float *bias, *added, *residual;
  ptrdiff_t added_stride, ldr;
  /// The tile's first row, and the rows of a picture: they tell the row of `added`.
  size_t row, picture_rows;
  bool sums;
  /// What to bring into the second-level cache meanwhile, `ahead_step` bytes per k.
  const void *ahead;
  ptrdiff_t ahead_step;
  /// Where the next tile's sums go, brought near for writing meanwhile; may be NULL.
  const float *next;
};

__attribute__((always_inline)) static inline vf load_columns(const float *p, int valid) {
  return valid >= VW ? v_load(p) : valid > 0 ? v_load_n(p, valid) : v_set(0.0f);
}

/// A tile of `rows` x `vectors` vectors: a has `a_stride` between rows, b 32 between k. Only the
/// first `columns` of the strip exist in c; `whole` says that all do.
__attribute__((always_inline)) static inline void product_tile(
    const int rows, const int vectors, const bool whole, const int a_stride, const float *a,
    const float *b, int depth, float *c, ptrdiff_t ldc, int columns,
    const struct strip_start *start) {
  const char *ahead = start->ahead;
  const ptrdiff_t ahead_step = start->ahead_step;
  vf sums[PRODUCT_ROWS][PRODUCT_VECTORS];
  if (start->sums) {
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int j = 0; j < vectors; j++)
        sums[i][j] = whole ? v_load(c + i * ldc + j * VW)
                           : load_columns(c + i * ldc + j * VW, columns - j * VW);
  } else {
    UNROLL for (int j = 0; j < vectors; j++) {
      const int valid = whole ? VW : columns - j * VW;
      vf constant = v_set(0.0f);
      if (start->bias) constant = load_columns(start->bias + j * VW, valid);
      UNROLL for (int i = 0; i < rows; i++) sums[i][j] = constant;
    }
    if (start->added)
      UNROLL for (int i = 0; i < rows; i++) {
        const float *added =
            start->added +
            (ptrdiff_t)((start->row + (size_t)i) / start->picture_rows) * start->added_stride;
        UNROLL for (int j = 0; j < vectors; j++)
          sums[i][j] =
              v_add(sums[i][j], load_columns(added + j * VW, whole ? VW : columns - j * VW));
      }
    if (start->residual)
      UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
          sums[i][j] = v_add(sums[i][j], load_columns(start->residual + i * start->ldr + j * VW,
                                                      whole ? VW : columns - j * VW));
  }
  if (start->next)
    for (int i = 0; i < rows; i++) {
      __builtin_prefetch(start->next + i * ldc, 1, 3);
      __builtin_prefetch(start->next + i * ldc + (vectors - 1) * VW, 1, 3);
    }
  for (int k = 0; k < depth; k++) {
    vf line[PRODUCT_VECTORS];
    UNROLL for (int j = 0; j < vectors; j++) line[j] = v_load(b + j * VW);
    UNROLL for (int i = 0; i < rows; i++) {
      const vf value = v_set(a[i * a_stride + k]);
      UNROLL for (int j = 0; j < vectors; j++)
        sums[i][j] = v_fma(value, line[j], sums[i][j]);
    }
    b += PANEL;
    __builtin_prefetch(ahead, 0, 2);
    ahead += ahead_step;
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int j = 0; j < vectors; j++) {
      float *to = c + i * ldc + j * VW;
      const int valid = columns - j * VW;
      if (whole || valid >= VW) v_store(to, sums[i][j]);
      else if (valid > 0) v_store_n(to, sums[i][j], valid);
    }
}

#if defined(HALF_VECTORS)
/// A tile one half vector wide, of which the first `columns` exist: a head of 40 columns is two
/// vectors and a half, and half a vector takes half the time.
__attribute__((always_inline)) static inline void half_tile(
    const int rows, const float *a, const float *b, int depth, float *c, ptrdiff_t ldc,
    int columns, const struct strip_start *start) {
  hf sums[PRODUCT_ROWS];
  UNROLL for (int i = 0; i < rows; i++) {
    if (start->sums) {
      sums[i] = h_load_n(c + i * ldc, columns);
      continue;
    }
    sums[i] = start->bias ? h_load_n(start->bias, columns) : h_set(0.0f);
    if (start->added) {
      const size_t picture = (start->row + (size_t)i) / start->picture_rows;
      const float *added = start->added + (ptrdiff_t)picture * start->added_stride;
      sums[i] = h_add(sums[i], h_load_n(added, columns));
    }
    if (start->residual)
      sums[i] = h_add(sums[i], h_load_n(start->residual + i * start->ldr, columns));
  }
  for (int k = 0; k < depth; k++) {
    const hf line = h_load(b);
    UNROLL for (int i = 0; i < rows; i++)
      sums[i] = h_fma(h_set(a[i * PATCH_STRIDE + k]), line, sums[i]);
    b += PANEL;
  }
  UNROLL for (int i = 0; i < rows; i++) h_store_n(c + i * ldc, sums[i], columns);
}
#define HALF_TILE(ROWS)                                                                          \
  static void half_tile_##ROWS(const float *a, const float *b, int depth, float *c,              \
                               ptrdiff_t ldc, int columns, const struct strip_start *start) {    \
    half_tile(ROWS, a, b, depth, c, ldc, columns, start);                                        \
  }
#else
#define HALF_TILE(ROWS)
#endif

typedef void (*tile_function)(const float *, const float *, int, float *, ptrdiff_t, int,
                              const struct strip_start *);

#define TILE(ROWS)                                                                               \
  static void whole_tile_##ROWS(const float *a, const float *b, int depth, float *c,             \
                                ptrdiff_t ldc, int columns, const struct strip_start *start) {   \
    product_tile(ROWS, PRODUCT_VECTORS, true, PATCH_STRIDE, a, b, depth, c, ldc, columns, start); \
  }                                                                                              \
  static void part_tile_##ROWS(const float *a, const float *b, int depth, float *c,              \
                               ptrdiff_t ldc, int columns, const struct strip_start *start) {    \
    product_tile(ROWS, PRODUCT_VECTORS, false, PATCH_STRIDE, a, b, depth, c, ldc, columns,       \
                 start);                                                                         \
  }                                                                                              \
  static void narrow_tile_##ROWS(const float *a, const float *b, int depth, float *c,            \
                                 ptrdiff_t ldc, int columns, const struct strip_start *start) {  \
    product_tile(ROWS, 1, false, PATCH_STRIDE, a, b, depth, c, ldc, columns, start);             \
  }                                                                                              \
  HALF_TILE(ROWS)
TILE(1) TILE(2) TILE(3) TILE(4)
#if PLUMB_TILES >= 6
TILE(5) TILE(6)
#endif
#if PLUMB_TILES >= 14
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#endif
#undef TILE
#undef HALF_TILE

/// By how much of a strip exists: at most half a vector, at most one, more, all.
static const tile_function tiles[4][PRODUCT_ROWS] = {
#define TILES(KIND)                                                                    \
  {                                                                                    \
    KIND##_tile_1, KIND##_tile_2, KIND##_tile_3, KIND##_tile_4 MORE_6(KIND) MORE_14(KIND) \
  }
#if PLUMB_TILES >= 6
#define MORE_6(KIND) , KIND##_tile_5, KIND##_tile_6
#else
#define MORE_6(KIND)
#endif
#if PLUMB_TILES >= 14
#define MORE_14(KIND)                                                                        \
  , KIND##_tile_7, KIND##_tile_8, KIND##_tile_9, KIND##_tile_10, KIND##_tile_11,             \
      KIND##_tile_12, KIND##_tile_13, KIND##_tile_14
#else
#define MORE_14(KIND)
#endif
#if defined(HALF_VECTORS)
    TILES(half),
#else
    TILES(narrow),
#endif
    TILES(narrow), TILES(part), TILES(whole)};
#undef TILES
#undef MORE_6
#undef MORE_14

/// The vector of packed elements from `at` on, as f32; `scale` is that of its columns, for I8 alone.
__attribute__((always_inline)) static inline vf load_packed(const plumb_packed_type type,
                                                            const void *base, size_t at,
                                                            const vf scale) {
  if (type == PLUMB_I8) return v_mul(v_from_bytes((const int8_t *)base + at), scale);
  if (type == PLUMB_F16) return v_from_half((const uint16_t *)base + at);
  if (type == PLUMB_BF16) return v_from_bfloat16((const uint16_t *)base + at);
  return v_load((const float *)base + at);
}

__attribute__((always_inline)) static inline void widen_strip(const plumb_packed_type type,
                                                              const void *base,
                                                              const float *scales, size_t at,
                                                              size_t depth, float *to) {
  vf scale[PRODUCT_VECTORS];
  UNROLL for (size_t j = 0; j < PRODUCT_VECTORS; j++)
    scale[j] = type == PLUMB_I8 ? v_load(scales + j * VW) : v_set(1.0f);
  for (size_t k = 0; k < depth; k++)
    UNROLL for (size_t j = 0; j < PRODUCT_VECTORS; j++)
      v_store(to + k * PANEL + j * VW,
              load_packed(type, base, at + k * PANEL + j * VW, scale[j]));
}

/// A strip of a panel's slice, 32 between k, from element `at` on. Where it has to be widened it is
/// once, for all rows of the block, to `scratch`. `scales` are the strip's.
static const float *packed_strip(struct plumb_packed packed, const float *scales, size_t at,
                                 size_t depth, float *scratch) {
  const void *base = packed.base;
  switch (packed.type) {
    case PLUMB_F32: return (const float *)base + at;
    case PLUMB_F16: widen_strip(PLUMB_F16, base, scales, at, depth, scratch); break;
    case PLUMB_BF16: widen_strip(PLUMB_BF16, base, scales, at, depth, scratch); break;
    case PLUMB_I8: widen_strip(PLUMB_I8, base, scales, at, depth, scratch); break;
  }
  return scratch;
}

/// Rows first + block … of the result, columns left …: one block, all of k.
static void product_block(const struct plumb_patches *patches, size_t first, size_t count,
                          struct plumb_packed packed, size_t column, size_t columns, float *c,
                          ptrdiff_t ldc, const struct plumb_addends *addends,
                          plumb_unary_op activation, float *scratch) {
  const size_t k = patch_length(patches);
  const size_t row_tiles = (count + PRODUCT_ROWS - 1) / PRODUCT_ROWS;
  const size_t width = packed_width(packed.type), head = head_rows(packed.type);
  // Where widened weights are used once, they had better not leave the first-level cache between.
  const size_t deepest = width < sizeof(float) && row_tiles == 1 ? PLUMB_SLICE / 3 : PLUMB_SLICE;
  const size_t slices = k ? (k + deepest - 1) / deepest : 1;
  for (size_t slice = 0; slice < slices; slice++) {
    const size_t from = slice * k / slices, to = (slice + 1) * k / slices, depth = to - from;
    const float *rows = lie_ready(patches)
                            ? patches->base + (ptrdiff_t)first * PATCH_STRIDE + from
                            : scratch;
    if (rows == scratch) gather_patches(patches, first, count, from, to, scratch);
    for (size_t n = 0; n < columns; n += PRODUCT_STRIP) {
      const int valid = (int)(columns - n < PRODUCT_STRIP ? columns - n : PRODUCT_STRIP);
      const size_t panel = (column + n) / PANEL, strip = (column + n) % PANEL;
      const size_t at = (panel * (head + k) + head + from) * PANEL + strip;
      const float *scales = head ? panel_scales(packed, panel, k) + strip : NULL;
      const float *b =
          packed_strip(packed, scales, at, depth, scratch + PLUMB_BLOCK * PATCH_STRIDE);
      // The next strip of this slice, or the first of the next slice, is brought nearer while the
      // tiles of this one run.
      const bool is_last = n + PRODUCT_STRIP >= columns && slice + 1 < slices;
      const size_t next =
          is_last ? (column / PANEL * (head + k) + head + to) * PANEL + column % PANEL
          : strip + PRODUCT_STRIP < PANEL ? at : at - strip + PANEL * (head + k);
      const size_t share = depth * PANEL * width / row_tiles;
      const tile_function *kind = tiles[valid == PRODUCT_STRIP ? 3 : (valid > VW) + (2 * valid > VW)];
      for (size_t tile = 0; tile < row_tiles; tile++) {
        const size_t r = tile * count / row_tiles, end = (tile + 1) * count / row_tiles;
        float *target = c + (ptrdiff_t)r * ldc + (ptrdiff_t)n;
        const struct strip_start start = {
            .bias = addends->bias ? addends->bias + n : NULL,
            .added = addends->added ? addends->added + n : NULL,
            .residual =
                addends->residual ? addends->residual + (ptrdiff_t)r * addends->ldr + n : NULL,
            .added_stride = addends->added_stride,
            .ldr = addends->ldr,
            .row = first + r,
            .picture_rows = (size_t)(patches->result_height * patches->result_width),
            .sums = slice > 0,
            .ahead = (const char *)packed.base + next * width + tile * share,
            .ahead_step = depth ? (ptrdiff_t)(share / depth) : 0,
            .next = tile + 1 < row_tiles ? c + (ptrdiff_t)end * ldc + (ptrdiff_t)n : NULL,
        };
        kind[end - r - 1](rows + r * PATCH_STRIDE, b, (int)depth, target, ldc, valid, &start);
        if (slice + 1 == slices && activation != PLUMB_IDENTITY)
          level_epilogue(target, ldc, end - r, (size_t)valid, NULL, NULL, NULL, 0, activation);
      }
    }
  }
}

/// Cuts the result into blocks that stay in the second-level cache while k passes.
static void level_product(const struct plumb_patches *patches, size_t first, size_t rows,
                          struct plumb_packed packed, size_t column, size_t columns, float *c,
                          ptrdiff_t ldc, const struct plumb_addends *addends,
                          plumb_unary_op activation, float *scratch) {
  const size_t panels = (columns + PANEL - 1) / PANEL;
  const size_t down = (rows + PLUMB_BLOCK - 1) / PLUMB_BLOCK;
  const size_t across = (panels + PLUMB_BLOCK_PANELS - 1) / PLUMB_BLOCK_PANELS;
  for (size_t i = 0; i < down; i++) {
    const size_t top = i * rows / down, count = (i + 1) * rows / down - top;
    for (size_t j = 0; j < across; j++) {
      const size_t left = j * panels / across * PANEL, right = (j + 1) * panels / across * PANEL;
      const struct plumb_addends part = {
          .bias = addends->bias ? addends->bias + left : NULL,
          .added = addends->added ? addends->added + left : NULL,
          .residual = addends->residual
                          ? addends->residual + (ptrdiff_t)top * addends->ldr + left
                          : NULL,
          .added_stride = addends->added_stride,
          .ldr = addends->ldr,
      };
      product_block(patches, first + top, count, packed, column + left,
                    (right < columns ? right : columns) - left,
                    c + (ptrdiff_t)top * ldc + (ptrdiff_t)left, ldc, &part, activation, scratch);
    }
  }
}
