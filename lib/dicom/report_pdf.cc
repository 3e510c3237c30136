#include "lib/dicom/report_object.h"

#include <climits>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace
{
enum : Uint16 { GROUP_DOCUMENT = 0x0042, ELEMENT_DOCUMENT_LENGTH = 0x0015 };

/* Newer than some dictionaries: DCM_EncapsulatedDocumentLength. It says where the bytes end and the padding begins. */
DcmTagKey document_length_tag()
{
	return DcmTagKey(GROUP_DOCUMENT, ELEMENT_DOCUMENT_LENGTH);
}

/* PS3.3 C.24.2 */
void put_document(DcmItem &item, const struct dicom_report *report, const void *pdf, size_t length)
{
	DcmTag length_tag(document_length_tag(), EVR_UL);
	DcmOtherByteOtherWord *document = new DcmOtherByteOtherWord(DcmTag(DCM_EncapsulatedDocument, EVR_OB));

	if (document->putUint8Array(static_cast<const Uint8 *>(pdf), static_cast<unsigned long>(length)).bad() ||
	    item.insert(document, OFTrue).bad()) {
		delete document;
		throw std::runtime_error("could not write the document");
	}
	if (item.putAndInsertUint32(length_tag, static_cast<Uint32>(length)).bad())
		throw std::runtime_error("could not write the document length");
	report_put(item, DCM_MIMETypeOfEncapsulatedDocument, "application/pdf");
	report_put(item, DCM_DocumentTitle, report_line(report->title, 1024).c_str());
	report_put_code(item, DCM_ConceptNameCodeSequence, {"18748-4", "LN", "Diagnostic Imaging Report"});
	report_put(item, DCM_BurnedInAnnotation, "YES");
	report_put(item, DCM_VerificationFlag, "VERIFIED");
	report_put(item, DCM_AcquisitionDateTime, "");
	report_put(item, DCM_ConversionType, "WSD");
	for (size_t i = 0; i < report->evidence_count; i++) {
		DcmItem &source = report_add_item(item, DCM_SourceInstanceSequence);

		report_put(source, DCM_ReferencedSOPClassUID, report->evidence[i].sop_class_uid);
		report_put(source, DCM_ReferencedSOPInstanceUID, report->evidence[i].sop_instance_uid);
	}
}

bool copy_document(DcmItem &item, uint8_t **out, size_t *out_length, struct err *err)
{
	const Uint8 *bytes = nullptr;
	unsigned long count = 0;
	Uint32 exact = 0;

	if (item.findAndGetUint8Array(DCM_EncapsulatedDocument, bytes, &count).bad() || bytes == nullptr || count == 0)
		return err_set(err, ERR_NOT_FOUND, "cannot extract a document: the object holds none");
	if (item.findAndGetUint32(document_length_tag(), exact).good() && exact > 0 && exact + 1UL >= count &&
	    exact <= count)
		count = exact;
	else if (bytes[count - 1] == 0)
		count--;
	*out = static_cast<uint8_t *>(std::malloc(count + 1));
	if (*out == nullptr)
		err_panic("out of memory");
	std::memcpy(*out, bytes, count);
	*out_length = count;
	return true;
}
} // namespace

extern "C" bool dicom_report_pdf_write(const struct dicom_report *report, const void *pdf, size_t pdf_length,
                                       const char *path, struct err *err)
{
	return dicom_guard(err, [&] {
		DcmFileFormat file;

		if (!report_check(report, err))
			return false;
		if (pdf_length < 5 || pdf_length >= INT_MAX || std::memcmp(pdf, "%PDF-", 5) != 0)
			return err_set(err, ERR_INVALID, "cannot write a report object: the document is no PDF");
		report_put_common(*file.getDataset(), report, UID_EncapsulatedPDFStorage, "DOC");
		put_document(*file.getDataset(), report, pdf, pdf_length);
		return report_save(file, path, err);
	});
}

extern "C" bool dicom_pdf_extract(const char *path, uint8_t **out, size_t *out_length, struct err *err)
{
	return dicom_guard(err, [&] {
		DcmFileFormat file;
		OFCondition cond = file.loadFile(path);

		if (cond.bad())
			return dicom_err_condition(err, ERR_INVALID, "cannot extract a document", cond);
		return copy_document(*file.getDataset(), out, out_length, err);
	});
}
