/*
 * The viewer of whole studies (OHIF) in the browser: its page, and the files that the page asks for. Both only for who may see images; what it shows comes from
 * /dicom-web, under the rights of whoever looks.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/caller.h"
#include "gateway/gateway.h"
#include "gateway/handlers.h"
#include "gateway/viewer_files.h"

enum { HTTP_SEE_OTHER = 303, UIDS_MAX = 1300 };

#define FOLDER "/viewer"

struct header {
	const char *name, *value;
};

/* Why each source is there stands in docs/decisions.md. */
static const struct header page_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
     "img-src 'self' data: blob:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; "
     "frame-src 'self' blob:; object-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Permissions-Policy",
     "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), "
     "microphone=(), midi=(), payment=(), serial=(), usb=(), fullscreen=(self)"},
};

/* Counts where a script is started as a worker: the decoders make code. A script of the page goes by the page's policy. */
static const struct header script_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self' 'unsafe-eval'; connect-src 'self'; worker-src 'self' blob:"},
};

static bool add_headers(struct http_request *request, const struct header *headers, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!http_add_header(request, headers[i].name, headers[i].value, err))
			return false;
	return true;
}

static bool reply_file(struct http_request *request, const struct gateway *gateway, const struct viewer_file *file,
                       const char *caching, struct err *err)
{
	bool packs = file->gzip.is_there, packed = packs && http_takes_gzip(request);
	const struct viewer_form *form = packed ? &file->gzip : &file->plain;
	int fd = -1;
	if (!http_add_header(request, "Cache-Control", caching, err) ||
	    !http_add_header(request, "ETag", form->tag, err) ||
	    (packs && !http_add_header(request, "Vary", "Accept-Encoding", err)))
		return false;
	if (http_has_tag(request, form->tag))
		return http_reply_empty(request, 304, err);
	return viewer_files_read(gateway->viewer, file, form, &fd, err) &&
	       (!packed || http_add_header(request, "Content-Encoding", "gzip", err)) &&
	       http_reply_file(request, file->type, fd, form->size, err);
}

/* To the login page, which comes back to the same images. What else stood in the address is given up: anybody may have written it. */
static bool reply_login(struct http_request *request, struct err *err)
{
	char address[UIDS_MAX + 80];
	const char *studies = http_query(request, "StudyInstanceUIDs");
	bool names = studies != NULL && studies[0] != '\0' && strlen(studies) <= UIDS_MAX &&
	             studies[strspn(studies, "0123456789.,")] == '\0';
	snprintf(address, sizeof address, "/login?next=" FOLDER "%s%s", names ? "?StudyInstanceUIDs=" : "",
	         names ? studies : "");
	return http_add_header(request, "Location", address, err) && http_reply_empty(request, HTTP_SEE_OTHER, err);
}

bool handle_viewer(struct http_request *request, void *context, struct err *err)
{
	const struct gateway *gateway = context;
	const struct viewer_file *page = viewer_files_find(gateway->viewer, "/index.html");
	if (caller_of(request) == NULL)
		return reply_login(request, err);
	if (page == NULL)
		return err_set(err, ERR_NOT_FOUND, "the viewer is not built on this machine: run make build");
	return add_headers(request, page_headers, sizeof page_headers / sizeof page_headers[0], err) &&
	       reply_file(request, gateway, page, "private, no-cache", err);
}

bool handle_viewer_file(struct http_request *request, void *context, struct err *err)
{
	const struct gateway *gateway = context;
	const struct viewer_file *file = viewer_files_find(gateway->viewer, http_path(request) + strlen(FOLDER));
	if (file == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is nothing at this address");
	bool is_script = strncmp(file->type, "text/javascript", 15) == 0;
	return (!is_script ||
	        add_headers(request, script_headers, sizeof script_headers / sizeof script_headers[0], err)) &&
	       reply_file(request, gateway, file, "private, max-age=31536000, immutable", err);
}
