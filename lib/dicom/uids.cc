#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdicent.h"
#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dctag.h"
#include "dcmtk/dcmdata/dcuid.h"

#include <cstring>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
extern "C" {
#include "lib/dicom/structure.h"
}

namespace
{
struct known_class {
	const char *uid, *name;
	bool is_patient;
};

/* PS3.4 annex B.5 and GG.3, newer than the oldest DCMTK in use. */
const known_class newer_classes[] = {
    {"1.2.840.10008.5.1.4.1.1.6.3", "Photoacoustic Image Storage", true},
    {"1.2.840.10008.5.1.4.1.1.9.1.4", "General 32-bit ECG Waveform Storage", true},
    {"1.2.840.10008.5.1.4.1.1.11.12", "Variable Modality LUT Softcopy Presentation State Storage", true},
    {"1.2.840.10008.5.1.4.1.1.66.7", "Label Map Segmentation Storage", true},
    {"1.2.840.10008.5.1.4.1.1.66.8", "Height Map Segmentation Storage", true},
    {"1.2.840.10008.5.1.4.1.1.77.1.8", "Confocal Microscopy Image Storage", true},
    {"1.2.840.10008.5.1.4.1.1.77.1.9", "Confocal Microscopy Tiled Pyramidal Image Storage", true},
    {"1.2.840.10008.5.1.4.1.1.88.77", "Waveform Annotation SR Storage", true},
    {"1.2.840.10008.5.1.4.1.1.201.1", "Inventory Storage", false},
    {"1.2.840.10008.5.1.4.1.1.481.23", "Enhanced RT Image Storage", true},
    {"1.2.840.10008.5.1.4.1.1.481.24", "Enhanced Continuous RT Image Storage", true},
    {"1.2.840.10008.5.1.4.1.1.481.25", "RT Patient Position Acquisition Instruction Storage", true},
};

const known_class *find_newer(const char *uid)
{
	for (const known_class &known : newer_classes)
		if (std::strcmp(known.uid, uid) == 0)
			return &known;
	return nullptr;
}

/* A class that DCMTK's table lacks: private, or a storage class that is newer than the tables. Never one of another DICOM service. */
bool is_unknown_storage(const char *uid)
{
	static const char dicom_root[] = "1.2.840.10008.";
	static const char storage_root[] = "1.2.840.10008.5.1.4.1.1.";

	return text_is_uid(uid) && (std::strncmp(uid, dicom_root, sizeof dicom_root - 1) != 0 ||
	                            std::strncmp(uid, storage_root, sizeof storage_root - 1) == 0);
}
} // namespace

extern "C" bool dicom_is_storage_sop_class(const char *uid)
{
	return find_newer(uid) != nullptr || dcmIsaStorageSOPClassUID(uid, ESSC_All);
}

extern "C" bool dicom_takes_sop_class(const char *uid, bool accept_unknown)
{
	return dicom_is_storage_sop_class(uid) || (accept_unknown && is_unknown_storage(uid));
}

extern "C" bool dicom_is_patient_sop_class(const char *uid)
{
	const known_class *newer = find_newer(uid);

	return newer != nullptr ? newer->is_patient : dcmIsaStorageSOPClassUID(uid, ESSC_Patient);
}

extern "C" const char *dicom_uid_name(const char *uid)
{
	const known_class *newer = find_newer(uid);

	return newer != nullptr ? newer->name : dcmFindNameOfUID(uid, "");
}

extern "C" bool structure_is_sequence(uint16_t group, uint16_t element)
{
	const DcmDataDictionary &dictionary = dcmDataDict.rdlock();
	const DcmDictEntry *entry = dictionary.findEntry(DcmTagKey(group, element), nullptr);
	bool is_sequence = entry != nullptr && entry->getEVR() == EVR_SQ;

	dcmDataDict.rdunlock();
	return is_sequence;
}

extern "C" bool dicom_attribute(const char *text, uint32_t *out)
{
	uint8_t bytes[4];
	if (text_unhex(text, bytes, sizeof bytes)) {
		*out = static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
		       static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
		return true;
	}
	DcmTag tag;
	if (text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")] != '\0' ||
	    DcmTag::findTagFromName(text, tag).bad())
		return false;
	*out = static_cast<uint32_t>(tag.getGroup()) << 16 | tag.getElement();
	return true;
}
