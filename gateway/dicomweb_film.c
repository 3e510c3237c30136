#include "gateway/dicomweb_film.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/dicomweb.h"
#include "gateway/dicomweb_parts.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum { PATH_SIZE = 32 };

#define MP4 "video/mp4"

bool dicomweb_film_is_taken(const struct http_request *request)
{
	static const struct accept_offer film = {MP4, NULL, NULL}, jpeg = {"image/jpeg", NULL, NULL},
	                                 png = {"image/png", NULL, NULL};
	struct accept accept;
	struct err ignored;

	if (http_param(request, "frame") || http_query(request, "viewport") || http_query(request, "window") ||
	    http_query(request, "quality") || !dicomweb_accept(request, &accept, &ignored))
		return false;
	double weight = accept_weight(&accept, &film);
	return weight > 0 && weight >= accept_weight(&accept, &jpeg) && weight >= accept_weight(&accept, &png);
}

bool dicomweb_film_is_stored(const struct db_rows *rows, int row)
{
	return db_get_bool(rows, row, "has_pixels") && dicom_is_film(db_get_text(rows, row, "transfer_syntax_uid"));
}

bool dicomweb_film_reply(struct http_request *request, struct gateway *gateway, const struct db_rows *rows, int row,
                         struct err *err)
{
	const char *key = db_get_text(rows, row, "object_key"), *words[] = {MP4, key};
	char tag[DICOMWEB_TAG_SIZE], path[PATH_SIZE];
	uint64_t size, offset, length;
	bool is_settled = false;
	int fd;

	dicomweb_tag(words, sizeof words / sizeof words[0], tag, NULL);
	if (!store_open_object(gateway->store, key, &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	if (!dicom_film_find(path, &offset, &length, err) || !dicomweb_weigh_tag(request, tag, &is_settled, err) ||
	    is_settled) {
		(void)close(fd);
		return is_settled;
	}
	return http_reply_within(request, MP4, fd, offset, length, err);
}
