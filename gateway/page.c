/* The front page: what this is, in two languages. The browser application comes from the same origin later. */
#include <string.h>

#include "gateway/handlers.h"

static const char csp[] =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const char page[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"zh-CN\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>影桥 Yingqiao</title>\n"
    "<link rel=\"stylesheet\" href=\"/style.css\">\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>影桥</h1>\n"
    "<p>县域医学影像共享中心网关：基层检查、上级诊断、结果互认。</p>\n"
    "<p>本机提供 JSON 接口（<code>/api/v1</code>）、DICOMweb "
    "图像（<code>/dicom-web</code>）和监测指标（<code>/metrics</code>）。"
    "接口说明见源代码中的 <code>docs/api.md</code>。使用前请登录；每次查看患者资料都有审计记录。</p>\n"
    "<h1 lang=\"en\">Yingqiao</h1>\n"
    "<div lang=\"en\">\n"
    "<p>Gateway of a county's imaging sharing centre: examined in the township, diagnosed by the lead hospital, "
    "recognised everywhere.</p>\n"
    "<p>This machine serves a JSON API (<code>/api/v1</code>), DICOMweb pictures (<code>/dicom-web</code>) and metrics "
    "(<code>/metrics</code>). The API is described in <code>docs/api.md</code> of the source. Log in first; every look "
    "at a "
    "patient is audited.</p>\n"
    "</div>\n"
    "</main>\n"
    "</body>\n"
    "</html>\n";

static const char style[] =
    "body { margin: 0; background: #f4f6f8; color: #1c2733; font: 16px/1.7 \"Noto Sans CJK SC\", "
    "\"PingFang SC\", \"Microsoft YaHei\", sans-serif; }\n"
    "main { max-width: 42rem; margin: 8vh auto; padding: 0 1.5rem; }\n"
    "h1 { font-size: 1.5rem; margin: 2rem 0 0.5rem; }\n"
    "code { background: #e3e8ed; padding: 0 0.3em; border-radius: 3px; }\n";

bool handle_front_page(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_add_header(request, "Content-Security-Policy", csp, err) &&
	       http_reply_bytes(request, 200, "text/html; charset=utf-8", page, strlen(page), err);
}

bool handle_style(struct http_request *request, void *context, struct err *err)
{
	(void)context;
	return http_add_header(request, "Cache-Control", "public, max-age=3600", err) &&
	       http_reply_bytes(request, 200, "text/css; charset=utf-8", style, strlen(style), err);
}
