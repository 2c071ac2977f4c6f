#pragma once
// What all levels' matrix products share: the packed layout and the gathering of patches.
#include "level.h"

enum { PANEL = PLUMB_PANEL, PATCH_STRIDE = PLUMB_ROW_STRIDE };

static inline size_t packed_width(plumb_packed_type type) {
  return type == PLUMB_F32 ? sizeof(float) : type == PLUMB_I8 ? sizeof(int8_t) : sizeof(uint16_t);
}

/// The first row of a panel that holds elements.
static inline size_t head_rows(plumb_packed_type type) {
  return type == PLUMB_I8 ? PLUMB_SCALE_ROWS : 0;
}

/// The scales of a panel's columns; NULL where elements have none.
static inline const float *panel_scales(struct plumb_packed packed, size_t panel, size_t k) {
  if (packed.type != PLUMB_I8) return NULL;
  const size_t rows = PLUMB_SCALE_ROWS + k;
  return (const float *)(const void *)((const int8_t *)packed.base + panel * rows * PANEL);
}

static inline size_t patch_length(const struct plumb_patches *p) {
  return (size_t)p->window_height * (size_t)p->window_width * (size_t)p->channels;
}

/// Whether the patches lie as gather_patches would put them.
static inline bool lie_ready(const struct plumb_patches *p) {
  return p->window_height == 1 && p->window_width == 1 && p->width == 1 && p->stride_y == 1 &&
         p->top == 0 && p->left == 0 && p->result_width == 1 && p->result_height <= p->height &&
         p->pixel_stride == PATCH_STRIDE &&
         (p->picture_stride == p->result_height * PATCH_STRIDE || p->picture_stride == 0);
}

/// Writes elements from..<to of the patches of result pixels first..<first + count to scratch,
/// PATCH_STRIDE apart.
static inline void gather_patches(const struct plumb_patches *p, size_t first, size_t count,
                                  size_t from, size_t to, float *scratch) {
  const size_t channels = (size_t)p->channels;
  if (!channels) return;
  for (size_t row = 0; row < count; row++) {
    float *target = scratch + row * PATCH_STRIDE;
    const ptrdiff_t pixels = p->result_height * p->result_width;
    const ptrdiff_t pixel = (ptrdiff_t)(first + row) % pixels;
    const float *picture = p->base + (ptrdiff_t)(first + row) / pixels * p->picture_stride;
    const ptrdiff_t top = pixel / p->result_width * p->stride_y - p->top;
    const ptrdiff_t left = pixel % p->result_width * p->stride_x - p->left;
    size_t window = from / channels, channel = from % channels;
    for (size_t at = from; at < to;) {
      const size_t length = channels - channel < to - at ? channels - channel : to - at;
      const ptrdiff_t y = top + (ptrdiff_t)window / p->window_width * p->dilation_y;
      const ptrdiff_t x = left + (ptrdiff_t)window % p->window_width * p->dilation_x;
      if (y >= 0 && y < p->height && x >= 0 && x < p->width)
        memcpy(target, picture + (y * p->width + x) * p->pixel_stride + (ptrdiff_t)channel,
               length * sizeof(float));
      else
        memset(target, 0, length * sizeof(float));
      target += length;
      at += length;
      window++;
      channel = 0;
    }
  }
}
