#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "gateway/web_files.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "tests/support/home.h"

static void put(const char *name, const char *text)
{
	struct err err = {0};
	cr_assert(file_replace(home_path("web/%s", name), text, strlen(text), 0644, &err), "%s", err.text);
}

static void make_folder(void)
{
	struct err err = {0};
	home_make(NULL);
	cr_assert(file_make_dirs(home_path("web/assets"), 0755, &err), "%s", err.text);
}

TestSuite(web_files, .init = make_folder, .fini = home_remove);

Test(web_files, what_is_there_is_found_and_nothing_else)
{
	static const struct {
		const char *path, *type;
		bool is_lasting, has_gzip;
	} found[] = {
	    {"/index.html", "text/html; charset=utf-8", false, false},
	    {"/icon.svg", "image/svg+xml; charset=utf-8", false, false},
	    {"/assets/a-1.js", "text/javascript; charset=utf-8", true, true},
	    {"/assets/b-2.woff2", "font/woff2", true, false},
	    {"/assets/c-3.unknown", "application/octet-stream", true, false},
	};
	static const char *const absent[] = {"",
	                                     "/",
	                                     "index.html",
	                                     "/assets",
	                                     "/assets/",
	                                     "/assets/a-1.js.gz",
	                                     "/assets/../index.html",
	                                     "//index.html",
	                                     "/assets/.hidden",
	                                     "/other/d.js"};
	put("index.html", "<html>");
	put("icon.svg", "<svg>");
	put("assets/a-1.js", "plain");
	put("assets/a-1.js.gz", "packed");
	put("assets/b-2.woff2", "");
	put("assets/c-3.unknown", "?");
	put("assets/.hidden", "?");

	struct web *web = NULL;
	struct err err = {0};
	cr_assert(web_files_open_folder(home_path("web"), &web, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
		const struct web_file *file = web_files_find(web, found[i].path);
		cr_assert(file != NULL, "%s", found[i].path);
		cr_expect_str_eq(file->type, found[i].type, "%s: got %s", found[i].path, file->type);
		cr_expect(file->is_lasting == found[i].is_lasting && (file->gzip.bytes != NULL) == found[i].has_gzip,
		          "%s", found[i].path);
	}
	for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
		cr_expect(web_files_find(web, absent[i]) == NULL, "%s", absent[i]);
	const struct web_file *file = web_files_find(web, "/assets/a-1.js");
	cr_expect_str_eq(file->plain.bytes, "plain");
	cr_expect_str_eq(file->gzip.bytes, "packed");
	cr_expect(strlen(file->plain.tag) == 34 && strlen(file->gzip.tag) == 37);
	web_files_free(web);
}

Test(web_files, another_content_has_another_tag)
{
	char tags[3][WEB_TAG_SIZE];
	for (int i = 0; i < 3; i++) {
		struct web *web = NULL;
		struct err err = {0};
		put("index.html", i == 1 ? "other" : "one");
		cr_assert(web_files_open_folder(home_path("web"), &web, &err), "%s", err.text);
		text_copy(tags[i], sizeof tags[i], web_files_find(web, "/index.html")->plain.tag);
		web_files_free(web);
	}
	cr_expect_str_neq(tags[0], tags[1]);
	cr_expect_str_eq(tags[0], tags[2]);
}

Test(web_files, without_an_index_there_is_no_application)
{
	struct web *web = NULL;
	struct err err = {0};
	put("assets/a-1.js", "plain");
	cr_expect(!web_files_open_folder(home_path("web"), &web, &err) && err.kind == ERR_NOT_FOUND);
	cr_expect(!web_files_open_folder("/nonexistent", &web, &err) && err.kind == ERR_NOT_FOUND);
	cr_expect(web == NULL && web_files_find(NULL, "/index.html") == NULL);
}

Test(web_files, an_application_without_assets)
{
	struct web *web = NULL;
	struct err err = {0};
	cr_assert(rmdir(home_path("web/assets")) == 0);
	put("index.html", "one");
	cr_expect(web_files_open_folder(home_path("web"), &web, &err), "%s", err.text);
	web_files_free(web);
}

Test(web_files, the_option_names_a_folder_of_the_home_or_any)
{
	struct web *web = NULL;
	struct err err = {0};
	put("index.html", "one");
	const char *const given[] = {"web", home_path("web")};
	for (size_t i = 0; i < 2; i++) {
		home_set("YQ_WEB", given[i]);
		cr_expect(web_files_open(&web, &err) && web_files_find(web, "/index.html") != NULL, "%s: %s", given[i],
		          err.text);
		web_files_free(web);
	}
	home_set("YQ_WEB", "nowhere");
	cr_expect(!web_files_open(&web, &err) && err.kind == ERR_NOT_FOUND);
}
