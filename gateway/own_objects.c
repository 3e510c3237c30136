#include "gateway/own_objects.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/conf.h"

enum { CHUNK = 64 * 1024 };

static bool append_rest(int fd, struct intake_object *object, struct err *err)
{
	uint8_t bytes[CHUNK];
	for (;;) {
		ssize_t got = read(fd, bytes, sizeof bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not read our own object");
		if (got == 0)
			return true;
		if (!intake_append(object, bytes, (size_t)got, err))
			return false;
	}
}

static bool bring_in(void *context, const struct report_object *own, struct err *err)
{
	struct intake *intake = context;
	struct intake_source source = {
	    .origin = INTAKE_OWN,
	    .site_public_id = own->site_public_id,
	    .calling_ae = conf_text(CONF_AE_TITLE),
	    .called_ae = conf_text(CONF_AE_TITLE),
	    .address = "",
	    .sop_class_uid = own->sop_class_uid,
	    .sop_instance_uid = own->sop_instance_uid,
	    .transfer_syntax_uid = own->transfer_syntax_uid,
	};
	struct intake_object *object = NULL;
	int fd = open(own->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open our own object");
	/* intake writes its own meta header. */
	bool ok = lseek(fd, (off_t)own->dataset_offset, SEEK_SET) == (off_t)own->dataset_offset ||
	          err_set_errno(err, ERR_CORRUPT, errno, "could not read our own object");
	ok = ok && intake_begin(intake, &source, &object, err);
	if (ok && !append_rest(fd, object, err)) {
		intake_abort(object);
		ok = false;
	} else if (ok) {
		ok = intake_commit(object, err);
	}
	close(fd);
	return ok;
}

struct report_sink own_objects_sink(struct intake *intake)
{
	return (struct report_sink){bring_in, intake};
}
