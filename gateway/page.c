/* The browser application: its one page under all of its addresses, and the files that the page asks for. */
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/handlers.h"
#include "gateway/web_files.h"

static const struct {
	const char *name, *value;
} page_headers[] = {
    /* Why each source is there stands in docs/decisions.md. */
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
     "img-src 'self' data: blob:; media-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; "
     "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Permissions-Policy",
     "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), "
     "microphone=(), midi=(), payment=(), serial=(), usb=(), fullscreen=(self)"},
};

static const char missing[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"zh-CN\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>影桥 Yingqiao</title>\n"
    "</head>\n"
    "<body>\n"
    "<h1>影桥</h1>\n"
    "<p>本机还没有网页程序。请在源代码目录执行 <code>make build</code>，再重新启动 yq-gateway；"
    "网页程序放在别处时，用设置项 <code>web</code> 指明文件夹。接收、诊断和回传不受影响。</p>\n"
    "<div lang=\"en\">\n"
    "<h1>Yingqiao</h1>\n"
    "<p>The pages are not built on this machine. Run <code>make build</code> in the source tree and start yq-gateway "
    "again; where they lie elsewhere, name their folder with the setting <code>web</code>. Receiving, the JSON API and "
    "the return of reports work without them.</p>\n"
    "</div>\n"
    "</body>\n"
    "</html>\n";

static bool add_page_headers(struct http_request *request, struct err *err)
{
	for (size_t i = 0; i < sizeof page_headers / sizeof page_headers[0]; i++)
		if (!http_add_header(request, page_headers[i].name, page_headers[i].value, err))
			return false;
	return true;
}

static bool reply_file(struct http_request *request, const struct web_file *file, struct err *err)
{
	bool packs = file->gzip.bytes != NULL, packed = packs && http_takes_gzip(request);
	const struct web_form *form = packed ? &file->gzip : &file->plain;
	if (!http_add_header(request, "Cache-Control",
	                     file->is_lasting ? "public, max-age=31536000, immutable" : "no-cache", err) ||
	    !http_add_header(request, "ETag", form->tag, err) ||
	    (packs && !http_add_header(request, "Vary", "Accept-Encoding", err)))
		return false;
	if (http_has_tag(request, form->tag)) /* its body is not sent, its length is */
		return http_reply_lasting(request, 304, NULL, form->bytes, form->length, err);
	return (!packed || http_add_header(request, "Content-Encoding", "gzip", err)) &&
	       http_reply_lasting(request, 200, file->type, form->bytes, form->length, err);
}

bool handle_application(struct http_request *request, void *context, struct err *err)
{
	const struct gateway *gateway = context;
	const struct web_file *page = web_files_find(gateway->web, "/index.html");
	if (!add_page_headers(request, err))
		return false;
	if (page == NULL)
		return http_reply_bytes(request, 503, "text/html; charset=utf-8", missing, strlen(missing), err);
	return reply_file(request, page, err);
}

bool handle_web_file(struct http_request *request, void *context, struct err *err)
{
	const struct gateway *gateway = context;
	const struct web_file *file = web_files_find(gateway->web, http_path(request));
	if (file == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is nothing at this address");
	return reply_file(request, file, err);
}
