/*
 * Our certificate for DICOM over TLS as it lies in files, and who may show one: read at start and looked at again and again, so that a
 * renewed one is shown without a restart. Files that cannot be used leave the one before in force, and say so once.
 *
 * Owned by main(); one thread at a time.
 */
#ifndef YQ_STORESCP_TLS_FILES_H
#define YQ_STORESCP_TLS_FILES_H

#include <jansson.h>

#include "lib/dicom/dicom.h"

/* How a peer on a port for TLS proves who it is: not at all, by a certificate that is known when it shows one, or only so. */
enum tls_clients { TLS_CLIENTS_OFF, TLS_CLIENTS_OPTIONAL, TLS_CLIENTS_REQUIRED };
/* As the option dicom_tls_client says. */
enum tls_clients tls_clients_wanted(void);

struct tls_files;
struct tls_files *tls_files_new(void);
void tls_files_free(struct tls_files *files);

/* Hands the provider what the files hold, if that changed (true). Does nothing where no port speaks TLS. */
bool tls_files_look(struct tls_files *files, struct dicom_scp *scp);
/* {"ports", "subject", "until", "fault"}: what is shown now, and what is wrong with the files; null where no port speaks TLS. New reference. */
json_t *tls_files_json(const struct tls_files *files);

#endif
