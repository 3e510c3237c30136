/* What the services of our associations share. Private to lib/dicom. */
#ifndef YQ_DICOM_SCU_H
#define YQ_DICOM_SCU_H

#include <openssl/crypto.h>

#include <string>

#include "lib/dicom/client.h"
#include "lib/dicom/normalized.h"

/* The texts of a destination, kept. */
struct scu_destination {
	std::string calling_ae, called_ae, host, trust_pem, certificate_pem, private_key_pem;
	struct dicom_destination to;

	explicit scu_destination(const struct dicom_destination &from)
	    : calling_ae(from.calling_ae), called_ae(from.called_ae), host(from.host), trust_pem(kept(from.trust_pem)),
	      certificate_pem(kept(from.certificate_pem)), private_key_pem(kept(from.private_key_pem)), to(from)
	{
		to.calling_ae = calling_ae.c_str();
		to.called_ae = called_ae.c_str();
		to.host = host.c_str();
		to.trust_pem = trust_pem.c_str();
		to.certificate_pem = certificate_pem.c_str();
		to.private_key_pem = private_key_pem.c_str();
	}
	~scu_destination()
	{
		OPENSSL_cleanse(&private_key_pem[0], private_key_pem.size());
	}
	scu_destination(const scu_destination &) = delete;
	scu_destination &operator=(const scu_destination &) = delete;

      private:
	static const char *kept(const char *text)
	{
		return text != nullptr ? text : "";
	}
};

struct dicom_scu {
	scu_destination destination;
	Client client;
	bool is_broken = false; /* an exchange did not end */
	/* A report of a commitment that came before it was awaited. */
	bool has_told = false;
	struct dicom_commitment_told told = {};

	explicit dicom_scu(const struct dicom_destination &from) : destination(from), client(destination.to)
	{
	}
	~dicom_scu()
	{
		dicom_commitment_told_fini(&told);
	}
	dicom_scu(const dicom_scu &) = delete;
	dicom_scu &operator=(const dicom_scu &) = delete;

	/* What breaks in an exchange after which nothing is in doubt: the same may be asked again. */
	bool breaks(struct err *err)
	{
		is_broken = true;
		if (err->kind == ERR_UNKNOWN_OUTCOME)
			err->kind = ERR_TEMPORARY;
		return false;
	}
};

#endif
