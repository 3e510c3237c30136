/* The option --certificate of the commands on devices. */
#ifndef YQ_YQCTL_DEVICE_CERTIFICATE_H
#define YQ_YQCTL_DEVICE_CERTIFICATE_H

#include "gateway/yqctl/command.h"
#include "lib/domain/device.h"

/*
 * A file, or a fingerprint; an empty certificate when the option is not given or says "any". device_certificate_fini() after true.
 * ERR_NOT_FOUND: no such file; else as device_certificate_read().
 */
bool device_certificate_given(const struct invocation *in, struct device_certificate *out, struct err *err);

#endif
