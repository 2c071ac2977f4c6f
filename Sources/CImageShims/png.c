#include "CImageShims.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Chunks that are read into memory are bounded by this; a palette or a profile is far smaller.
#define CHUNK_LIMIT (8u << 20)

typedef struct {
  const uint8_t *bytes;
  size_t count;
  size_t position;
  int ran_out;
  char *message;
} png_source;

typedef struct {
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  char *message;
} png_sink;

static void note(char *message, const char *text) {
  snprintf(message, PLUMB_IMAGE_MESSAGE_SIZE, "%s", text);
}

static void on_read_error(png_structp png, png_const_charp text) {
  png_source *source = png_get_error_ptr(png);
  note(source->message, text);
  png_longjmp(png, 1);
}

static void on_write_error(png_structp png, png_const_charp text) {
  png_sink *sink = png_get_error_ptr(png);
  note(sink->message, text);
  png_longjmp(png, 1);
}

// libpng prints warnings by default; what it warns about does not change the pixels.
static void on_warning(png_structp png, png_const_charp text) {}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  png_source *source = png_get_io_ptr(png);
  if (count > source->count - source->position) {
    source->ran_out = 1;
    png_error(png, "the data ends early");
  }
  memcpy(target, source->bytes + source->position, count);
  source->position += count;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
  png_sink *sink = png_get_io_ptr(png);
  if (count > sink->capacity - sink->count) {
    size_t wanted = sink->capacity * 2;
    if (wanted < sink->count + count) wanted = sink->count + count;
    uint8_t *grown = realloc(sink->bytes, wanted);
    if (!grown) png_error(png, "out of memory");
    sink->bytes = grown;
    sink->capacity = wanted;
  }
  memcpy(sink->bytes + sink->count, bytes, count);
  sink->count += count;
}

static void flush_nothing(png_structp png) {}

// Not libpng's png_set_palette_to_rgb: it takes indices past the palette for black. `indices` are
// the last third of `rgb`; pixel i is written no further than index i, which has been read by then.
static void apply_palette(png_structp png, png_infop info, uint8_t *rgb, const uint8_t *indices,
                          size_t count) {
  png_colorp palette = NULL;
  int entries = 0;
  png_get_PLTE(png, info, &palette, &entries);
  for (size_t i = 0; i < count; i++) {
    int index = indices[i];
    if (index >= entries) png_error(png, "a pixel names a colour that the palette does not have");
    rgb[3 * i] = palette[index].red;
    rgb[3 * i + 1] = palette[index].green;
    rgb[3 * i + 2] = palette[index].blue;
  }
}

// Without `rgb` only the header is read.
static int read_png(const uint8_t *bytes, size_t count, plumb_image_header *header, uint8_t *rgb,
                    uint32_t width, uint32_t height, char *message) {
  message[0] = 0;
  png_source source = {bytes, count, 0, 0, message};
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_read_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    if (png) png_destroy_read_struct(&png, NULL, NULL);
    note(message, "out of memory");
    return PLUMB_IMAGE_NO_MEMORY;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return source.ran_out ? PLUMB_IMAGE_TRUNCATED : PLUMB_IMAGE_CORRUPT;
  }
  png_set_read_fn(png, &source, read_bytes);
  // A wrong checksum is damage wherever it is: libpng alone would skip ancillary chunks.
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  // No ancillary chunk bears on the pixels (PIL applies neither gamma nor profile), so none is
  // kept: profiles and texts may be compression bombs.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_chunk_malloc_max(png, CHUNK_LIMIT);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_read_info(png, info);

  uint32_t kind = png_get_color_type(png, info);
  uint32_t bits = png_get_bit_depth(png, info);
  uint32_t stored_width = png_get_image_width(png, info);
  uint32_t stored_height = png_get_image_height(png, info);
  if (header) {
    header->width = stored_width;
    header->height = stored_height;
    header->channels = png_get_channels(png, info);
    header->bits = bits;
  }
  if (rgb) {
    if (stored_width != width || stored_height != height) png_error(png, "the size changed");
    if (bits == 16) png_set_strip_16(png);
    if (kind == PNG_COLOR_TYPE_PALETTE) png_set_packing(png);
    if (kind == PNG_COLOR_TYPE_GRAY && bits < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (!(kind & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    // Palette indices come as a byte each, into the last third of the buffer.
    size_t stride = (size_t)width * (kind == PNG_COLOR_TYPE_PALETTE ? 1 : 3);
    uint8_t *rows = kind == PNG_COLOR_TYPE_PALETTE ? rgb + 2 * stride * height : rgb;
    if (png_get_rowbytes(png, info) != stride) png_error(png, "unexpected row size");
    for (int pass = 0; pass < passes; pass++)
      for (uint32_t y = 0; y < height; y++) png_read_row(png, rows + y * stride, NULL);
    png_read_end(png, NULL);
    if (kind == PNG_COLOR_TYPE_PALETTE) apply_palette(png, info, rgb, rows, stride * height);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return PLUMB_IMAGE_OK;
}

int plumb_png_header(const uint8_t *bytes, size_t count, plumb_image_header *header,
                     char *message) {
  return read_png(bytes, count, header, NULL, 0, 0, message);
}

int plumb_png_decode(const uint8_t *bytes, size_t count, uint8_t *rgb, uint32_t width,
                     uint32_t height, char *message) {
  return read_png(bytes, count, NULL, rgb, width, height, message);
}

int plumb_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **out,
                     size_t *out_count, char *message) {
  message[0] = 0;
  *out = NULL;
  *out_count = 0;
  png_sink sink = {malloc(1 << 16), 0, 1 << 16, message};
  if (!sink.bytes) {
    note(message, "out of memory");
    return PLUMB_IMAGE_NO_MEMORY;
  }
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, &sink, on_write_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    if (png) png_destroy_write_struct(&png, NULL);
    free(sink.bytes);
    note(message, "out of memory");
    return PLUMB_IMAGE_NO_MEMORY;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    free(sink.bytes);
    return strcmp(message, "out of memory") ? PLUMB_IMAGE_CORRUPT : PLUMB_IMAGE_NO_MEMORY;
  }
  png_set_write_fn(png, &sink, write_bytes, flush_nothing);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Stated, so that the bytes do not follow a library's change of defaults.
  png_set_compression_level(png, 6);
  png_set_filter(png, 0, PNG_ALL_FILTERS);
  png_write_info(png, info);
  for (uint32_t y = 0; y < height; y++) png_write_row(png, rgb + (size_t)y * width * 3);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  *out = sink.bytes;
  *out_count = sink.count;
  return PLUMB_IMAGE_OK;
}

void plumb_image_free(uint8_t *block) { free(block); }

int plumb_can_allocate(size_t count) {
  // volatile: or the compiler may drop the pair and answer 1.
  void *volatile block = malloc(count);
  int can = block != NULL;
  free(block);
  return can;
}
