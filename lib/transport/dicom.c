/* DICOM nodes: C-STORE (PS3.4 annex B), proven by storage commitment (annex J) or by query (annex C). */
#include "lib/domain/destination_settings.h"
#include "lib/transport/dicom_parts.h"

struct dicom_destination dicom_destination_of(const struct destination_settings *to)
{
	struct dicom_destination destination = {.calling_ae = to->calling_ae,
	                                        .called_ae = to->ae_title,
	                                        .host = to->host,
	                                        .port = to->port,
	                                        .timeout_ms = to->answer_timeout_ms,
	                                        .connect_timeout_ms = to->connect_timeout_ms,
	                                        .is_tls = to->tls != DESTINATION_TLS_OFF,
	                                        .trust_pem = to->trust_pem};

	if (to->tls == DESTINATION_TLS_MUTUAL) {
		destination.certificate_pem = to->certificate_pem;
		destination.private_key_pem = to->secret.private_key_pem;
	}
	return destination;
}

const struct transport transport_dicom = {
    .protocol = "dicom", .send = dicom_send_objects, .verify = dicom_verify_objects, .test = dicom_test_way};
