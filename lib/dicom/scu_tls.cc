#include "lib/dicom/scu_tls.h"

bool scu_secure(Link &link, const struct dicom_destination &to, struct err *err)
{
	struct tls_identity identity = {to.certificate_pem, to.private_key_pem, to.trust_pem};
	struct tls_context *context;

	if (!to.is_tls)
		return true;
	if (!tls_context_client(&identity, &context, err)) {
		err->kind = ERR_TEMPORARY;
		return false;
	}
	link.be_client(TlsContextPointer(context), to.host);
	return true;
}

bool scu_secure_failed(const Link &link, const struct dicom_destination &to, struct err *err)
{
	if (link.fault().empty())
		return false;
	err_set(err, ERR_TEMPORARY, "could not open an association with %s: %s", to.called_ae, link.fault().c_str());
	return true;
}
