#include "CImageShims.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

// Each scan of a progressive file walks the whole picture; real ones have about ten.
#define SCAN_LIMIT 256

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf escape;
  char *message;
  int code;
} jpeg_trouble;

static _Noreturn void leave(jpeg_trouble *trouble, int code) {
  trouble->code = code;
  longjmp(trouble->escape, 1);
}

static _Noreturn void on_error(j_common_ptr info) {
  jpeg_trouble *trouble = (jpeg_trouble *)info->err;
  // format_message writes at most JMSG_LENGTH_MAX bytes, so not into our smaller buffer.
  char text[JMSG_LENGTH_MAX];
  trouble->manager.format_message(info, text);
  snprintf(trouble->message, PLUMB_IMAGE_MESSAGE_SIZE, "%s", text);
  switch (trouble->manager.msg_code) {
  case JERR_OUT_OF_MEMORY:
  case JERR_NO_BACKING_STORE: leave(trouble, PLUMB_IMAGE_NO_MEMORY);
  case JERR_INPUT_EMPTY:
  case JERR_INPUT_EOF: leave(trouble, PLUMB_IMAGE_TRUNCATED);
  case JERR_SOF_UNSUPPORTED:
  case JERR_BAD_PRECISION:
  case JERR_ARITH_NOTIMPL:
  case JERR_CONVERSION_NOTIMPL: leave(trouble, PLUMB_IMAGE_UNSUPPORTED);
  default: leave(trouble, PLUMB_IMAGE_CORRUPT);
  }
}

static void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  jpeg_trouble *trouble = (jpeg_trouble *)info->err;
  switch (trouble->manager.msg_code) {
  // Oddities that leave the pixels whole; scanners and old programs write them.
  case JWRN_EXTRANEOUS_DATA:
  case JWRN_JFIF_MAJOR:
  case JWRN_ADOBE_XFORM:
  case JWRN_BOGUS_PROGRESSION: return;
  default: break;
  }
  char text[JMSG_LENGTH_MAX];
  trouble->manager.format_message(info, text);
  snprintf(trouble->message, PLUMB_IMAGE_MESSAGE_SIZE, "%s", text);
  leave(trouble, trouble->manager.msg_code == JWRN_JPEG_EOF ? PLUMB_IMAGE_TRUNCATED
                                                            : PLUMB_IMAGE_CORRUPT);
}

static void on_progress(j_common_ptr info) {
  j_decompress_ptr decoder = (j_decompress_ptr)info;
  if (decoder->input_scan_number <= SCAN_LIMIT) return;
  jpeg_trouble *trouble = (jpeg_trouble *)info->err;
  snprintf(trouble->message, PLUMB_IMAGE_MESSAGE_SIZE, "it has more than %d scans", SCAN_LIMIT);
  leave(trouble, PLUMB_IMAGE_CORRUPT);
}

// Without `samples` only the header is read.
static int read_jpeg(const uint8_t *bytes, size_t count, plumb_image_header *header,
                     uint8_t *samples, uint32_t width, uint32_t height, uint32_t channels,
                     size_t memory_limit, char *message) {
  message[0] = 0;
  struct jpeg_decompress_struct decoder;
  struct jpeg_progress_mgr progress;
  jpeg_trouble trouble;
  memset(&decoder, 0, sizeof decoder);
  memset(&progress, 0, sizeof progress);
  decoder.err = jpeg_std_error(&trouble.manager);
  trouble.manager.error_exit = on_error;
  trouble.manager.emit_message = on_message;
  trouble.message = message;
  trouble.code = PLUMB_IMAGE_CORRUPT;
  if (setjmp(trouble.escape)) {
    jpeg_destroy_decompress(&decoder);
    return trouble.code;
  }
  jpeg_create_decompress(&decoder);
  if (memory_limit) decoder.mem->max_memory_to_use = (long)memory_limit;
  progress.progress_monitor = on_progress;
  decoder.progress = &progress;
  jpeg_mem_src(&decoder, bytes, count);
  jpeg_read_header(&decoder, TRUE);

  uint32_t stored = (uint32_t)decoder.num_components;
  if (stored != 1 && stored != 3 && stored != 4) {
    snprintf(message, PLUMB_IMAGE_MESSAGE_SIZE, "it has %u colour components", stored);
    leave(&trouble, PLUMB_IMAGE_UNSUPPORTED);
  }
  if (header) {
    header->width = decoder.image_width;
    header->height = decoder.image_height;
    header->channels = stored;
    header->bits = (uint32_t)decoder.data_precision;
  }
  if (samples) {
    if (decoder.image_width != width || decoder.image_height != height || stored != channels) {
      snprintf(message, PLUMB_IMAGE_MESSAGE_SIZE, "the size changed");
      leave(&trouble, PLUMB_IMAGE_CORRUPT);
    }
    decoder.out_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    decoder.dct_method = JDCT_ISLOW;
    decoder.do_fancy_upsampling = TRUE;
    jpeg_start_decompress(&decoder);
    size_t stride = (size_t)width * channels;
    while (decoder.output_scanline < decoder.output_height) {
      JSAMPROW row = samples + decoder.output_scanline * stride;
      jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
  }
  jpeg_destroy_decompress(&decoder);
  return PLUMB_IMAGE_OK;
}

int plumb_jpeg_header(const uint8_t *bytes, size_t count, plumb_image_header *header,
                      char *message) {
  return read_jpeg(bytes, count, header, NULL, 0, 0, 0, 0, message);
}

int plumb_jpeg_decode(const uint8_t *bytes, size_t count, uint8_t *samples, uint32_t width,
                      uint32_t height, uint32_t channels, size_t memory_limit, char *message) {
  return read_jpeg(bytes, count, NULL, samples, width, height, channels, memory_limit, message);
}
