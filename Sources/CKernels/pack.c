#include "level.h"

size_t plumb_packed_count(size_t k, size_t n) {
  return (n + PLUMB_PANEL - 1) / PLUMB_PANEL * PLUMB_PANEL * k;
}

// Moving elements is the same for all of one width.
#define PACK(NAME, ELEMENT)                                                                       \
  void NAME(const ELEMENT *b, ptrdiff_t k_stride, ptrdiff_t n_stride, size_t k, size_t n,         \
            size_t first, size_t last, ELEMENT *packed) {                                         \
    enum { rows = 32 };                                                                           \
    for (size_t panel = first; panel < last; panel++) {                                           \
      ELEMENT *to = packed + panel * PLUMB_PANEL * k;                                             \
      const size_t column = panel * PLUMB_PANEL;                                                  \
      const size_t valid = n - column < PLUMB_PANEL ? n - column : PLUMB_PANEL;                   \
      for (size_t top = 0; top < k; top += rows) {                                                \
        const size_t end = top + rows < k ? top + rows : k;                                       \
        /* Column by column when columns are contiguous (a transposed matrix), else by rows. */   \
        for (size_t j = 0; j < valid && k_stride == 1; j++) {                                     \
          const ELEMENT *from = b + (ptrdiff_t)(column + j) * n_stride;                           \
          for (size_t i = top; i < end; i++) to[i * PLUMB_PANEL + j] = from[i];                   \
        }                                                                                         \
        for (size_t i = top; i < end; i++) {                                                      \
          const ELEMENT *from = b + (ptrdiff_t)i * k_stride + (ptrdiff_t)column * n_stride;       \
          for (size_t j = 0; j < valid && k_stride != 1; j++)                                     \
            to[i * PLUMB_PANEL + j] = from[(ptrdiff_t)j * n_stride];                              \
          for (size_t j = valid; j < PLUMB_PANEL; j++) to[i * PLUMB_PANEL + j] = 0;               \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
  }
PACK(plumb_pack, float)
PACK(plumb_pack_halves, uint16_t)
PACK(plumb_pack_bytes, int8_t)
#undef PACK
