#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "gateway/viewer_files.h"
#include "lib/base/file.h"
#include "tests/support/home.h"

static void put(const char *name, const char *text)
{
	struct err err = {0};
	cr_assert(file_replace(home_path("viewer/%s", name), text, strlen(text), 0644, &err), "%s", err.text);
}

static void make_folder(void)
{
	struct err err = {0};
	home_make(NULL);
	cr_assert(file_make_dirs(home_path("viewer/1-a/assets/b"), 0755, &err), "%s", err.text);
	put("index.html", "<html>");
	put("1-a/app.js", "plain");
	put("1-a/app.js.gz", "packed");
	put("1-a/assets/x.wasm", "");
	put("1-a/assets/b/y.css", "y");
	put("1-a/.hidden", "?");
}

TestSuite(viewer_files, .init = make_folder, .fini = home_remove);

static struct viewer *open_viewer(void)
{
	struct viewer *viewer = NULL;
	struct err err = {0};
	cr_assert(viewer_files_open_folder(home_path("viewer"), &viewer, &err), "%s", err.text);
	return viewer;
}

static const char *text_of(const struct viewer *viewer, const struct viewer_file *file, const struct viewer_form *form,
                           char out[64])
{
	struct err err = {0};
	int fd = -1;
	if (!viewer_files_read(viewer, file, form, &fd, &err)) {
		cr_expect(err.kind == ERR_TEMPORARY && fd == -1);
		return NULL;
	}
	ssize_t length = read(fd, out, 63);
	close(fd);
	out[length > 0 ? length : 0] = '\0';
	return out;
}

Test(viewer_files, what_is_there_is_found_and_nothing_else)
{
	static const struct {
		const char *path, *type;
		bool has_gzip;
	} found[] = {
	    {"/index.html", "text/html; charset=utf-8", false},
	    {"/1-a/app.js", "text/javascript; charset=utf-8", true},
	    {"/1-a/assets/x.wasm", "application/wasm", false},
	    {"/1-a/assets/b/y.css", "text/css; charset=utf-8", false},
	};
	static const char *const absent[] = {"",
	                                     "/",
	                                     "/1-a",
	                                     "/1-a/",
	                                     "/1-a/app.js.gz",
	                                     "/1-a/.hidden",
	                                     "/1-a/../index.html",
	                                     "//index.html",
	                                     "/1-a/assets/..",
	                                     "index.html"};
	char text[64];
	struct viewer *viewer = open_viewer();
	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
		const struct viewer_file *file = viewer_files_find(viewer, found[i].path);
		cr_assert(file != NULL, "%s", found[i].path);
		cr_expect_str_eq(file->type, found[i].type, "%s: got %s", found[i].path, file->type);
		cr_expect(file->plain.is_there && file->gzip.is_there == found[i].has_gzip, "%s", found[i].path);
	}
	for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
		cr_expect(viewer_files_find(viewer, absent[i]) == NULL, "%s", absent[i]);
	const struct viewer_file *script = viewer_files_find(viewer, "/1-a/app.js");
	cr_expect_str_eq(text_of(viewer, script, &script->plain, text), "plain");
	cr_expect_str_eq(text_of(viewer, script, &script->gzip, text), "packed");
	cr_expect(strcmp(script->plain.tag, script->gzip.tag) != 0 && script->plain.size == 5);
	viewer_files_free(viewer);
}

Test(viewer_files, what_was_built_anew_is_refused_until_the_next_start)
{
	char text[64];
	struct viewer *viewer = open_viewer();
	const struct viewer_file *script = viewer_files_find(viewer, "/1-a/app.js");
	put("1-a/app.js", "other");
	cr_expect(text_of(viewer, script, &script->plain, text) == NULL);
	cr_assert(unlink(home_path("viewer/1-a/app.js.gz")) == 0);
	cr_expect(text_of(viewer, script, &script->gzip, text) == NULL);
	viewer_files_free(viewer);
	viewer = open_viewer();
	script = viewer_files_find(viewer, "/1-a/app.js");
	cr_expect_str_eq(text_of(viewer, script, &script->plain, text), "other");
	viewer_files_free(viewer);
}

Test(viewer_files, what_is_no_viewer_is_refused)
{
	struct viewer *viewer = NULL;
	struct err err = {0};
	cr_assert(file_make_dirs(home_path("viewer/1/2/3/4/5"), 0755, &err), "%s", err.text);
	cr_expect(!viewer_files_open_folder(home_path("viewer"), &viewer, &err) && err.kind == ERR_INVALID);
	err = (struct err){0};
	cr_expect(!viewer_files_open_folder(home_path("viewer/1-a"), &viewer, &err) && err.kind == ERR_NOT_FOUND);
	err = (struct err){0};
	cr_expect(!viewer_files_open_folder("/nonexistent", &viewer, &err) && err.kind == ERR_NOT_FOUND);
	cr_expect(viewer == NULL && viewer_files_find(NULL, "/index.html") == NULL);
	home_set("YQ_VIEWER", "nowhere");
	err = (struct err){0};
	cr_expect(!viewer_files_open(&viewer, &err) && err.kind == ERR_NOT_FOUND);
}

Test(viewer_files, the_option_names_a_folder_of_the_home_or_any)
{
	const char *given[] = {"viewer", home_path("viewer")};
	for (size_t i = 0; i < 2; i++) {
		struct viewer *viewer = NULL;
		struct err err = {0};
		home_set("YQ_VIEWER", given[i]);
		cr_expect(viewer_files_open(&viewer, &err) && viewer_files_find(viewer, "/index.html") != NULL,
		          "%s: %s", given[i], err.text);
		viewer_files_free(viewer);
	}
}
