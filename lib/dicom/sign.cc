#include "lib/dicom/report_object.h"

#include <openssl/ssl.h>

#include "dcmtk/dcmsign/dcsignat.h"
#include "dcmtk/dcmsign/sicert.h"
#include "dcmtk/dcmsign/simac.h"
#include "dcmtk/dcmsign/simdmac.h"
#include "dcmtk/dcmsign/siprivat.h"
#include "dcmtk/dcmsign/sisrvpr.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/file.h"

namespace
{
/* libdcmdsig reads keys from files only: an anonymous one in memory, gone with the object. */
class MemoryFile
{
      public:
	MemoryFile() = default;
	~MemoryFile()
	{
		if (fd_ >= 0)
			(void)close(fd_);
	}
	MemoryFile(const MemoryFile &) = delete;
	MemoryFile &operator=(const MemoryFile &) = delete;

	bool fill(const char *text, struct err *err)
	{
		fd_ = memfd_create("key", MFD_CLOEXEC);
		if (fd_ < 0)
			return err_set_errno(err, ERR_TEMPORARY, errno, "could not sign a DICOM object");
		path_ = "/proc/self/fd/" + std::to_string(fd_);
		return file_write_all(fd_, text, std::strlen(text), err);
	}
	const char *path() const
	{
		return path_.c_str();
	}

      private:
	int fd_ = -1;
	std::string path_;
};

bool sign(DcmItem &dataset, SiPrivateKey &key, SiCertificate &certificate, struct err *err)
{
	SiStructuredReportingVerificationProfile profile;
	SiMDMAC mac(EMT_SHA256);
	DcmSignature signature;
	OFCondition cond = profile.inspectSignatureDataset(dataset);

	if (cond.good()) {
		signature.attach(&dataset);
		cond = signature.createSignature(key, certificate, mac, profile, EXS_LittleEndianExplicit, nullptr,
		                                 nullptr, SiSignaturePurpose::ESP_VerificationSignature);
		signature.detach();
	}
	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot sign a DICOM object", cond);
}

void initialize_once()
{
	static std::once_flag once;

	std::call_once(once, [] { DcmSignature::initializeLibrary(); });
}
} // namespace

extern "C" bool dicom_sign_with_key(struct dicom_signing *signing, const char *private_key_pem,
                                    const char *certificate_pem, struct err *err)
{
	return dicom_guard(err, [&] {
		MemoryFile key_file, certificate_file;
		SiPrivateKey key;
		SiCertificate certificate;
		OFCondition cond;

		initialize_once();
		if (!key_file.fill(private_key_pem, err) || !certificate_file.fill(certificate_pem, err))
			return false;
		cond = key.loadPrivateKey(key_file.path(), X509_FILETYPE_PEM);
		if (cond.good())
			cond = certificate.loadCertificate(certificate_file.path(), X509_FILETYPE_PEM);
		if (cond.bad())
			return dicom_err_condition(err, ERR_INVALID, "cannot read the signer's key or certificate",
			                           cond);
		return sign(*signing->dataset, key, certificate, err);
	});
}
