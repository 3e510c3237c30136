#include "lib/dicom/internal.h"

#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/dcmnet/dul.h"

#include <cstdio>
#include <cstdlib>

#include "lib/dicom/dicom.h"

bool dicom_err_condition(struct err *err, enum err_kind kind, const char *what, const OFCondition &condition)
{
	bool speaks = condition.module() == OFM_dcmnet;
	char number[24];

	std::snprintf(number, sizeof number, "code %04x:%04x", condition.module(), condition.code());
	err_set(err, kind, "%s: %s", what, speaks && condition.text() != nullptr ? condition.text() : number);
	return err_code(err, ERR_SOURCE_DCMTK, static_cast<uint32_t>(condition.module()) << 16 | condition.code());
}

extern "C" bool dicom_init(struct err *err)
{
	return dicom_guard(err, [err] {
		dicom_log_init();
		/* DCMTK leaves Nagle's algorithm on, which costs a delayed acknowledgement per message; read by its own connections. */
		if (setenv("TCP_NODELAY", "1", 1) != 0)
			err_panic("out of memory");
		dcmDisableGethostbyaddr.set(OFTrue);
		if (!dcmDataDict.isDictionaryLoaded())
			return err_set(err, ERR_TEMPORARY,
			               "could not load the DICOM data dictionary: is libdcmtk installed?");
		DcmRLEDecoderRegistration::registerCodecs();
		DJDecoderRegistration::registerCodecs();
		DJLSDecoderRegistration::registerCodecs();
		DJEncoderRegistration::registerCodecs();
		/* The samples as they lie there, not what an image viewer would make of them. */
		DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0, OFFalse);
		return true;
	});
}
