/* UPS-RS, watch and event (PS3.18 sections 8.10 and 11.10 to 11.13): subscriptions of workstations, and their channel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_ignored.h"
#include "gateway/gate.h"
#include "gateway/handlers.h"
#include "gateway/input.h"
#include "gateway/workitem_feed.h"
#include "gateway/workitems.h"
#include "lib/base/text.h"
#include "lib/domain/workitem.h"

enum { HTTP_CREATED = 201, ADDRESS_SIZE = DICOMWEB_BASE_SIZE + 80 };

static bool read_ae_title(const struct http_request *request, const char **out, struct err *err)
{
	*out = http_param(request, "aetitle");
	/* C308: one that is no AE title is unknown */
	return (*out != NULL && text_is_ae_title(*out)) || err_set(err, ERR_NOT_FOUND, "there is no such AE title");
}

/* Where the events are to be had: ws for http, wss for https (PS3.18 section 11.10.3.2). */
static void locate_channel(const struct http_request *request, const char *ae_title, char out[ADDRESS_SIZE])
{
	char base[DICOMWEB_BASE_SIZE];
	dicomweb_base(request, base);
	int used = snprintf(out, ADDRESS_SIZE, "%s%s/subscribers/", base[0] == '/' ? "" : "ws",
	                    strncmp(base, "http", 4) == 0 ? base + 4 : base);
	for (; *ae_title != '\0'; ae_title++) {
		bool is_plain =
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *ae_title) != NULL;
		used += snprintf(out + used, (size_t)(ADDRESS_SIZE - used), is_plain ? "%c" : "%%%02X",
		                 (unsigned char)*ae_title);
	}
}

/* PS3.18 table 11.10.1-2: the filtered worklist has keys, and no other. One that is not matched is named, since more is told than was asked for. */
static bool read_keys(struct http_request *request, json_t **out, struct err *err)
{
	if (!workitem_open_filter(request, err) || !workitem_filter(request, out, err))
		return false;
	bool ok = http_query(request, "filter") != NULL || json_object_size(*out) > 0 ||
	          err_set(err, ERR_INVALID, "the filtered worklist wants a filter (filter=00741200=HIGH)");
	ok = ok && dicomweb_warn_of_ignored(request, WORKITEM_SUBSCRIPTION_KEYS, NULL, err);
	if (!ok)
		json_decref(*out);
	return ok;
}

/* The caller's, free(3). */
static bool read_filter(struct http_request *request, const char *uid, char **out, struct err *err)
{
	json_t *filter = NULL;
	if (strcmp(uid, WORKITEM_FILTERED_UID) != 0)
		filter = json_object();
	else if (!read_keys(request, &filter, err))
		return false;
	*out = json_dumps(filter, JSON_COMPACT);
	json_decref(filter);
	if (*out == NULL)
		err_panic("could not write JSON");
	return true;
}

bool handle_workitem_subscribe(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	const char *uid, *ae_title, *lock;
	char *filter = NULL, address[ADDRESS_SIZE];
	if (!input_path_uid(request, "workitem", &uid, err) || !read_ae_title(request, &ae_title, err) ||
	    !input_query_word(request, "deletionlock", "true false", &lock, err) ||
	    !read_filter(request, uid, &filter, err))
		return false;
	bool ok = workitem_subscribe(gateway->pool, caller_id(request), uid, ae_title, filter,
	                             lock != NULL && strcmp(lock, "true") == 0, err);
	free(filter);
	if (!ok)
		return false;
	locate_channel(request, ae_title, address);
	return http_add_header(request, "Content-Location", address, err) &&
	       http_reply_empty(request, HTTP_CREATED, err);
}

typedef bool change_function(struct db_pool *pool, const char *person_id, const char *uid, const char *ae_title,
                             struct err *err);

static bool change(struct http_request *request, struct gateway *gateway, change_function *function, struct err *err)
{
	const char *uid, *ae_title;
	return input_path_uid(request, "workitem", &uid, err) && read_ae_title(request, &ae_title, err) &&
	       function(gateway->pool, caller_id(request), uid, ae_title, err) && http_reply_empty(request, 200, err);
}

bool handle_workitem_unsubscribe(struct http_request *request, void *context, struct err *err)
{
	return change(request, context, workitem_unsubscribe, err);
}

bool handle_workitem_suspend(struct http_request *request, void *context, struct err *err)
{
	return change(request, context, workitem_suspend, err);
}

bool handle_workitem_channel(struct http_request *request, void *context, struct err *err)
{
	const char *ae_title;
	if (!read_ae_title(request, &ae_title, err) || !http_wants_socket(request, err))
		return false;
	/* RFC 6455 section 10.2: a handshake is a GET, which no token guards. */
	if (!gate_is_same_site(http_header(request, "Sec-Fetch-Site"), http_header(request, "Origin"),
	                       http_header(request, "Host")))
		return err_set(err, ERR_REFUSED, "this request was made by another site");
	return workitem_feed_open(request, context, ae_title, err);
}
