#include "lib/dicom/jpeg2000.h"

#include <openjpeg.h>
#include <stdlib.h>
#include <string.h>

size_t jpeg2000_frame_size(const struct jpeg2000_shape *shape)
{
	return (size_t)shape->columns * shape->rows * (size_t)shape->samples * (size_t)(shape->bits_allocated / 8);
}

/* ---- streams in memory -------------------------------------------------------------------------------------------- */

struct memory {
	const uint8_t *bytes; /* read */
	uint8_t *grown;       /* written */
	size_t length, capacity, at;
};

static OPJ_SIZE_T read_memory(void *buffer, OPJ_SIZE_T size, void *context)
{
	struct memory *memory = context;
	size_t n = memory->length - memory->at;

	if (n == 0)
		return (OPJ_SIZE_T)-1;
	n = n < size ? n : size;
	memcpy(buffer, memory->bytes + memory->at, n);
	memory->at += n;
	return n;
}

static void reserve(struct memory *memory, size_t end)
{
	size_t capacity = memory->capacity ? memory->capacity : 65536;
	uint8_t *grown;

	while (capacity < end)
		capacity *= 2;
	if (capacity == memory->capacity)
		return;
	grown = realloc(memory->grown, capacity);
	if (!grown)
		err_panic("out of memory");
	memset(grown + memory->capacity, 0, capacity - memory->capacity);
	memory->grown = grown;
	memory->capacity = capacity;
}

static OPJ_SIZE_T write_memory(void *buffer, OPJ_SIZE_T size, void *context)
{
	struct memory *memory = context;

	reserve(memory, memory->at + size);
	memcpy(memory->grown + memory->at, buffer, size);
	memory->at += size;
	memory->length = memory->length > memory->at ? memory->length : memory->at;
	return size;
}

/* Beyond the end of what is read is the end. */
static OPJ_BOOL seek_memory(OPJ_OFF_T to, void *context)
{
	struct memory *memory = context;

	if (to < 0 || (memory->bytes && (size_t)to > memory->length))
		return OPJ_FALSE;
	memory->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T skip_memory(OPJ_OFF_T by, void *context)
{
	struct memory *memory = context;

	if (by < 0 && (size_t)-by > memory->at)
		return -1;
	if (memory->bytes && by > 0 && (size_t)by > memory->length - memory->at)
		by = (OPJ_OFF_T)(memory->length - memory->at);
	memory->at = (size_t)((OPJ_OFF_T)memory->at + by);
	return by;
}

static opj_stream_t *open_memory(struct memory *memory, bool is_input)
{
	opj_stream_t *stream = opj_stream_default_create(is_input ? OPJ_TRUE : OPJ_FALSE);

	if (!stream)
		err_panic("out of memory");
	opj_stream_set_user_data(stream, memory, NULL);
	opj_stream_set_user_data_length(stream, memory->length);
	opj_stream_set_read_function(stream, read_memory);
	opj_stream_set_write_function(stream, write_memory);
	opj_stream_set_seek_function(stream, seek_memory);
	opj_stream_set_skip_function(stream, skip_memory);
	return stream;
}

/* ---- samples ------------------------------------------------------------------------------------------------------- */

static OPJ_INT32 get_sample(const struct jpeg2000_shape *shape, const uint8_t *pixels, size_t index)
{
	if (shape->bits_allocated == 8)
		return shape->is_signed ? (int8_t)pixels[index] : pixels[index];
	pixels += 2 * index;
	return shape->is_signed ? (int16_t)(pixels[0] | pixels[1] << 8) : pixels[0] | pixels[1] << 8;
}

static void put_sample(const struct jpeg2000_shape *shape, uint8_t *pixels, size_t index, OPJ_INT32 value)
{
	if (shape->bits_allocated == 8) {
		pixels[index] = (uint8_t)value;
		return;
	}
	pixels[2 * index] = (uint8_t)value;
	pixels[2 * index + 1] = (uint8_t)(value >> 8);
}

/* ---- encoding ------------------------------------------------------------------------------------------------------ */

static opj_image_t *make_image(const struct jpeg2000_shape *shape, const uint8_t *pixels)
{
	opj_image_cmptparm_t parts[3];
	size_t count = (size_t)shape->columns * shape->rows, samples = (size_t)shape->samples;
	opj_image_t *image;

	memset(parts, 0, sizeof parts);
	for (size_t c = 0; c < samples; c++)
		parts[c] = (opj_image_cmptparm_t){.dx = 1,
		                                  .dy = 1,
		                                  .w = shape->columns,
		                                  .h = shape->rows,
		                                  .prec = (OPJ_UINT32)shape->bits_stored,
		                                  .sgnd = shape->is_signed};
	image = opj_image_create((OPJ_UINT32)samples, parts, samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
	if (!image)
		err_panic("out of memory");
	image->x1 = shape->columns;
	image->y1 = shape->rows;
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < samples; c++)
			image->comps[c].data[i] = get_sample(shape, pixels, i * samples + c);
	return image;
}

static void set_parameters(const struct jpeg2000_shape *shape, opj_cparameters_t *parameters)
{
	uint32_t shorter = shape->columns < shape->rows ? shape->columns : shape->rows;

	opj_set_default_encoder_parameters(parameters);
	parameters->tcp_numlayers = 1;
	parameters->tcp_rates[0] = 0;
	parameters->cp_disto_alloc = 1;
	parameters->irreversible = 0;
	parameters->tcp_mct = 0;
	while (parameters->numresolution > 1 && shorter < 1u << (parameters->numresolution - 1))
		parameters->numresolution--;
}

static bool encode_image(opj_image_t *image, const struct jpeg2000_shape *shape, struct memory *memory)
{
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
	opj_stream_t *stream = open_memory(memory, false);
	opj_cparameters_t parameters;
	bool ok;

	if (!codec)
		err_panic("out of memory");
	set_parameters(shape, &parameters);
	ok = opj_setup_encoder(codec, &parameters, image) && opj_start_compress(codec, image, stream) &&
	     opj_encode(codec, stream) && opj_end_compress(codec, stream);
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return ok;
}

bool jpeg2000_encode(const struct jpeg2000_shape *shape, const uint8_t *pixels, uint8_t **out, size_t *out_length,
                     struct err *err)
{
	struct memory memory = {0};
	opj_image_t *image = make_image(shape, pixels);
	bool ok = encode_image(image, shape, &memory);

	opj_image_destroy(image);
	if (!ok || memory.length == 0) {
		free(memory.grown);
		return err_set(err, ERR_INVALID, "cannot encode a frame as JPEG 2000");
	}
	*out = memory.grown;
	*out_length = memory.length;
	return true;
}

/* ---- decoding ------------------------------------------------------------------------------------------------------ */

static bool has_shape(const opj_image_t *image, const struct jpeg2000_shape *shape)
{
	if (image->numcomps != (OPJ_UINT32)shape->samples)
		return false;
	for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
		const opj_image_comp_t *comp = &image->comps[c];

		if (comp->dx != 1 || comp->dy != 1 || comp->w != shape->columns || comp->h != shape->rows ||
		    comp->prec > (OPJ_UINT32)shape->bits_allocated)
			return false;
	}
	return true;
}

static bool take_image(const opj_image_t *image, const struct jpeg2000_shape *shape, uint8_t *out)
{
	size_t count = (size_t)shape->columns * shape->rows, samples = (size_t)shape->samples;

	for (size_t c = 0; c < samples; c++)
		if (!image->comps[c].data)
			return false;
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < samples; c++)
			put_sample(shape, out, i * samples + c, image->comps[c].data[i]);
	return true;
}

/* Some writers put the codestream into a JP2 file, which PS3.5 section A.4.4 forbids. */
static OPJ_CODEC_FORMAT format_of(const uint8_t *bytes, size_t length)
{
	static const uint8_t jp2[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};

	return length >= sizeof jp2 && memcmp(bytes, jp2, sizeof jp2) == 0 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K;
}

bool jpeg2000_decode(const struct jpeg2000_shape *shape, const uint8_t *bytes, size_t length, uint8_t *out,
                     struct err *err)
{
	struct memory memory = {.bytes = bytes, .length = length};
	opj_codec_t *codec = opj_create_decompress(format_of(bytes, length));
	opj_stream_t *stream = open_memory(&memory, true);
	opj_image_t *image = NULL;
	opj_dparameters_t parameters;
	bool ok;

	if (!codec)
		err_panic("out of memory");
	opj_set_default_decoder_parameters(&parameters);
	ok = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
	     has_shape(image, shape) && opj_decode(codec, stream, image) && has_shape(image, shape) &&
	     opj_end_decompress(codec, stream) && take_image(image, shape, out);
	opj_image_destroy(image);
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return ok || err_set(err, ERR_INVALID, "cannot decode a JPEG 2000 frame");
}
