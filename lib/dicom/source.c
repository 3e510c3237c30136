#include "lib/dicom/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SOURCE_BUFFER = 32768, SOURCE_PEEK_MAX = 64 };
static const uint64_t inflated_floor = 64u << 20, inflated_ceiling = 1u << 30;
static const uint64_t inflated_ratio = 200, inflated_ratio_of_large = 8;

struct source {
	int fd; /* ours to close, or -1 */
	struct dicom_bytes bytes;
	uint64_t position; /* of the next raw read */
	uint64_t offset;   /* consumed by the reader */
	unsigned char buffer[SOURCE_BUFFER];
	size_t start, end; /* unread part of buffer */
	bool is_inflating, stream_ended;
	z_stream zlib;
	unsigned char raw[SOURCE_BUFFER];
	uint64_t inflated, inflated_max;
};

static struct source *source_new(const struct dicom_bytes *bytes, int fd)
{
	struct source *source = calloc(1, sizeof *source);

	if (source == NULL)
		err_panic("out of memory");
	source->fd = fd;
	source->bytes = *bytes;
	return source;
}

/* The descriptor travels in the context itself. */
static bool read_descriptor(void *context, uint64_t offset, void *out, size_t length, size_t *out_length,
                            struct err *err)
{
	ssize_t n;

	do
		n = pread((int)(intptr_t)context, out, length, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read a DICOM file");
	*out_length = (size_t)n;
	return true;
}

void source_open_bytes(const struct dicom_bytes *bytes, struct source **out)
{
	*out = source_new(bytes, -1);
}

bool source_open(const char *path, struct source **out, struct err *err)
{
	struct dicom_bytes bytes = {.read_at = read_descriptor};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_TEMPORARY, errno,
		                     "could not open a DICOM file");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_INVALID, "cannot read a DICOM file: it is no regular file");
	}
	bytes.context = (void *)(intptr_t)fd;
	bytes.size = (uint64_t)st.st_size;
	*out = source_new(&bytes, fd);
	return true;
}

void source_close(struct source *source)
{
	if (source == NULL)
		return;
	if (source->is_inflating)
		inflateEnd(&source->zlib);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
}

static bool read_file(struct source *source, unsigned char *to, size_t room, size_t *out_length, struct err *err)
{
	size_t n;

	if (!source->bytes.read_at(source->bytes.context, source->position, to, room, &n, err))
		return false;
	source->position += n;
	*out_length = n;
	return true;
}

static bool broken_stream(struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot read the dataset: the deflate stream is broken");
}

/* One step of inflate into the free end of the buffer. Ends with stream_ended, or with at least a byte, or fails. */
static bool inflate_more(struct source *source, struct err *err)
{
	z_stream *z = &source->zlib;
	size_t room = SOURCE_BUFFER - source->end;

	z->next_out = source->buffer + source->end;
	z->avail_out = (uInt)room;
	while (z->avail_out == room && !source->stream_ended) {
		size_t n = 0;
		int rc;

		if (z->avail_in == 0) {
			if (!read_file(source, source->raw, sizeof source->raw, &n, err))
				return false;
			if (n == 0)
				return err_set(err, ERR_INVALID,
				               "cannot read the dataset: the deflate stream is cut off");
			z->next_in = source->raw;
			z->avail_in = (uInt)n;
		}
		rc = inflate(z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			source->stream_ended = true;
		else if (rc != Z_OK)
			return broken_stream(err);
	}
	source->end += room - z->avail_out;
	source->inflated += room - z->avail_out;
	if (source->inflated > source->inflated_max)
		return err_set(err, ERR_INVALID, "cannot read the dataset: it inflates beyond %llu MiB",
		               (unsigned long long)(source->inflated_max >> 20));
	return true;
}

/* At least `want` unread bytes in the buffer, unless the stream ends before. */
static bool fill(struct source *source, size_t want, struct err *err)
{
	while (source->end - source->start < want) {
		size_t n = 0;

		if (source->start > 0) {
			memmove(source->buffer, source->buffer + source->start, source->end - source->start);
			source->end -= source->start;
			source->start = 0;
		}
		if (source->is_inflating) {
			if (source->stream_ended)
				return true;
			if (!inflate_more(source, err))
				return false;
			continue;
		}
		if (!read_file(source, source->buffer + source->end, SOURCE_BUFFER - source->end, &n, err))
			return false;
		if (n == 0)
			return true;
		source->end += n;
	}
	return true;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A blank image shrinks to a thousandth. So small ones may, and whoever sends much does not get two hundred times as much work out of us. */
static uint64_t limit_of(uint64_t compressed)
{
	uint64_t most = compressed * inflated_ratio;

	most = most < inflated_ceiling ? most : inflated_ceiling;
	return larger(larger(most, compressed * inflated_ratio_of_large), inflated_floor);
}

void source_inflate(struct source *source)
{
	size_t unread = source->end - source->start;
	uint64_t compressed = source->bytes.size - source->offset;

	source->inflated_max = limit_of(compressed);
	memcpy(source->raw, source->buffer + source->start, unread);
	source->start = source->end = 0;
	source->zlib = (z_stream){.next_in = source->raw, .avail_in = (uInt)unread};
	if (inflateInit2(&source->zlib, -MAX_WBITS) != Z_OK)
		err_panic("out of memory");
	source->is_inflating = true;
}

uint64_t source_offset(const struct source *source)
{
	return source->offset;
}

uint64_t source_limit(const struct source *source)
{
	return source->is_inflating ? UINT64_MAX : source->bytes.size;
}

bool source_at_end(struct source *source, bool *out_end, struct err *err)
{
	if (!fill(source, 1, err))
		return false;
	*out_end = source->start == source->end;
	return true;
}

static bool cut_off(struct err *err)
{
	return err_set(err, ERR_INVALID, "cannot read the dataset: it is cut off");
}

bool source_read_some(struct source *source, void *out, size_t length, size_t *out_length, struct err *err)
{
	unsigned char *to = out;
	size_t done = 0;

	while (done < length) {
		size_t n;

		if (!fill(source, 1, err))
			return false;
		n = source->end - source->start;
		if (n == 0)
			break;
		n = n < length - done ? n : length - done;
		memcpy(to + done, source->buffer + source->start, n);
		source->start += n;
		source->offset += n;
		done += n;
	}
	*out_length = done;
	return true;
}

bool source_read(struct source *source, void *out, size_t length, struct err *err)
{
	size_t n;

	return source_read_some(source, out, length, &n, err) && (n == length || cut_off(err));
}

bool source_skip(struct source *source, uint64_t length, struct err *err)
{
	while (length > 0) {
		size_t n = source->end - source->start;

		if (n == 0 && !source->is_inflating) {
			if (length > source->bytes.size - source->offset)
				return cut_off(err);
			source->position += length;
			source->offset += length;
			return true;
		}
		if (n == 0 && !fill(source, 1, err))
			return false;
		n = source->end - source->start;
		if (n == 0)
			return cut_off(err);
		n = n < length ? n : (size_t)length;
		source->start += n;
		source->offset += n;
		length -= n;
	}
	return true;
}

bool source_peek(struct source *source, void *out, size_t length, size_t *out_length, struct err *err)
{
	size_t n;

	if (length > SOURCE_PEEK_MAX)
		err_panic("peek of %zu bytes", length);
	if (!fill(source, length, err))
		return false;
	n = source->end - source->start;
	*out_length = n < length ? n : length;
	memcpy(out, source->buffer + source->start, *out_length);
	return true;
}
