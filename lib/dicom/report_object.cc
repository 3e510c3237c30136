#include "lib/dicom/report_object.h"

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace
{
void must(const OFCondition &cond, const DcmTagKey &tag)
{
	if (cond.bad())
		throw std::runtime_error(std::string("could not write attribute ") + tag.toString().c_str());
}

bool is_digits(const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!std::isdigit(static_cast<unsigned char>(text[i])))
			return false;
	return true;
}

/* Devices send "2024.03.15", "unknown" and worse; an empty type 2 attribute is better than a broken one. */
const char *date_or_empty(const char *text)
{
	return text != nullptr && std::strlen(text) == 8 && is_digits(text, 8) ? text : "";
}

const char *time_or_empty(const char *text)
{
	size_t whole = text != nullptr ? std::strcspn(text, ".") : 0;
	bool is_time = (whole == 2 || whole == 4 || whole == 6) && is_digits(text, whole);

	if (!is_time || (text[whole] == '.' && (whole != 6 || std::strlen(text + 7) > 6 || text[7] == '\0')))
		return "";
	return text[whole] == '\0' || is_digits(text + 7, std::strlen(text + 7)) ? text : "";
}

const char *sex_or_empty(const char *text)
{
	return text != nullptr && std::strlen(text) == 1 && std::strchr("MFO", text[0]) != nullptr ? text : "";
}

void put_patient(DcmItem &item, const struct dicom_report *report)
{
	report_put(item, DCM_PatientName, report->patient_name);
	report_put(item, DCM_PatientID, report->patient_id);
	if (!report_is_empty(report->issuer_of_patient_id))
		report_put(item, DCM_IssuerOfPatientID, report->issuer_of_patient_id);
	report_put(item, DCM_PatientBirthDate, date_or_empty(report->patient_birth_date));
	report_put(item, DCM_PatientSex, sex_or_empty(report->patient_sex));
}

void put_study(DcmItem &item, const struct dicom_report *report)
{
	report_put(item, DCM_StudyInstanceUID, report->study_instance_uid);
	report_put(item, DCM_StudyDate, date_or_empty(report->study_date));
	report_put(item, DCM_StudyTime, time_or_empty(report->study_time));
	report_put(item, DCM_ReferringPhysicianName, report->referring_physician);
	report_put(item, DCM_StudyID, report->study_id);
	report_put(item, DCM_AccessionNumber, report->accession_number);
	if (!report_is_empty(report->study_description))
		report_put(item, DCM_StudyDescription, report_line(report->study_description, 64).c_str());
}

bool check_text(const char *name, const char *text, bool is_required, struct err *err)
{
	if (is_required && report_is_empty(text))
		return err_set(err, ERR_INVALID, "cannot write a report object: %s is missing", name);
	if (text != nullptr && !text_is_utf8(text, std::strlen(text)))
		return err_set(err, ERR_INVALID, "cannot write a report object: %s is not UTF-8", name);
	return true;
}

bool check_uid(const char *name, const char *uid, bool is_required, struct err *err)
{
	if (uid == nullptr ? is_required : !text_is_uid(uid))
		return err_set(err, ERR_INVALID, "cannot write a report object: %s is no UID", name);
	return true;
}

bool check_uids(const struct dicom_report *report, struct err *err)
{
	bool has_predecessor = report->predecessor_sop_instance_uid != nullptr;

	for (size_t i = 0; i < report->evidence_count; i++) {
		const struct dicom_reference &evidence = report->evidence[i];

		if (!check_uid("a SOP class of the evidence", evidence.sop_class_uid, true, err) ||
		    !check_uid("a SOP instance of the evidence", evidence.sop_instance_uid, true, err) ||
		    !check_uid("a series of the evidence", evidence.series_instance_uid, true, err))
			return false;
	}
	return check_uid("the SOP instance", report->sop_instance_uid, true, err) &&
	       check_uid("the series", report->series_instance_uid, true, err) &&
	       check_uid("the study", report->study_instance_uid, true, err) &&
	       check_uid("the predecessor", report->predecessor_sop_instance_uid, false, err) &&
	       check_uid("the SOP class of the predecessor", report->predecessor_sop_class_uid, has_predecessor, err) &&
	       check_uid("the series of the predecessor", report->predecessor_series_instance_uid, has_predecessor,
	                 err);
}
} // namespace

bool report_is_empty(const char *text)
{
	return text == nullptr || text[0] == '\0';
}

void report_put(DcmItem &item, const DcmTagKey &tag, const char *text)
{
	must(item.putAndInsertString(DcmTag(tag), text != nullptr ? text : ""), tag);
}

DcmItem &report_add_item(DcmItem &item, const DcmTagKey &sequence)
{
	DcmItem *added = nullptr;

	must(item.findOrCreateSequenceItem(DcmTag(sequence), added, -2), sequence);
	return *added;
}

void report_put_empty_sequence(DcmItem &item, const DcmTagKey &sequence)
{
	must(item.insertEmptyElement(DcmTag(sequence)), sequence);
}

void report_put_code(DcmItem &item, const DcmTagKey &sequence, const Code &code)
{
	DcmItem &added = report_add_item(item, sequence);

	report_put(added, DCM_CodeValue, code.value);
	report_put(added, DCM_CodingSchemeDesignator, code.scheme);
	report_put(added, DCM_CodeMeaning, report_line(code.meaning, 64).c_str());
}

std::string report_line(const char *text, size_t most)
{
	std::string line;
	size_t count = 0;

	for (const char *c = text != nullptr ? text : ""; *c != '\0'; c++) {
		unsigned char byte = static_cast<unsigned char>(*c);

		if ((byte & 0xc0) != 0x80 && ++count > most)
			break;
		line.push_back(byte < 0x20 || byte == 0x7f ? ' ' : byte == '\\' ? '/' : *c);
	}
	return line;
}

std::string report_text(const char *text)
{
	std::string out;

	for (const char *c = text; *c != '\0'; c++) {
		unsigned char byte = static_cast<unsigned char>(*c);

		if (byte == '\n')
			out += "\r\n";
		else if (byte >= 0x20 || byte == '\t' || byte == '\f')
			out.push_back(*c);
	}
	return out;
}

bool report_check(const struct dicom_report *report, struct err *err)
{
	const struct {
		const char *name, *text;
		bool is_required;
	} texts[] = {
	    {"the title", report->title, true},
	    {"the issuing institution", report->issuer_institution, true},
	    {"the performing institution", report->performer_institution, false},
	    {"the author", report->author_name, true},
	    {"the reviewer", report->reviewer_name, false},
	    {"the method", report->method, false},
	    {"the findings", report->findings, false},
	    {"the impression", report->impression, false},
	    {"the recommendation", report->recommendation, false},
	    {"the patient's name", report->patient_name, false},
	    {"the patient's ID", report->patient_id, false},
	    {"the issuer of the patient's ID", report->issuer_of_patient_id, false},
	    {"the referring physician", report->referring_physician, false},
	    {"the study description", report->study_description, false},
	    {"the study ID", report->study_id, false},
	    {"the accession number", report->accession_number, false},
	};

	for (const auto &text : texts)
		if (!check_text(text.name, text.text, text.is_required, err))
			return false;
	return check_uids(report, err);
}

void report_put_common(DcmItem &item, const struct dicom_report *report, const char *sop_class_uid,
                       const char *modality)
{
	char date[9], time[14];

	clock_format_dicom(report->written_us, date, time);
	report_put(item, DCM_SpecificCharacterSet, "ISO_IR 192");
	report_put(item, DCM_SOPClassUID, sop_class_uid);
	report_put(item, DCM_SOPInstanceUID, report->sop_instance_uid);
	report_put(item, DCM_InstanceCreationDate, date);
	report_put(item, DCM_InstanceCreationTime, time);
	put_patient(item, report);
	put_study(item, report);
	report_put(item, DCM_Modality, modality);
	report_put(item, DCM_SeriesInstanceUID, report->series_instance_uid);
	report_put(item, DCM_SeriesNumber, std::to_string(report->series_number).c_str());
	report_put(item, DCM_SeriesDescription, report_line(report->title, 64).c_str());
	report_put(item, DCM_InstanceNumber, std::to_string(report->instance_number).c_str());
	report_put(item, DCM_ContentDate, date);
	report_put(item, DCM_ContentTime, time);
	report_put(item, DCM_Manufacturer, "Yingqiao");
	report_put(item, DCM_ManufacturerModelName, "Yingqiao");
	report_put(item, DCM_InstitutionName, report_line(report->issuer_institution, 64).c_str());
}

bool report_save(DcmFileFormat &file, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	OFCondition cond;

	if (fd < 0)
		return err_set_errno(err, errno == EEXIST ? ERR_CONFLICT : ERR_TEMPORARY, errno,
		                     "could not make a report object");
	(void)close(fd);
	cond = file.saveFile(path, EXS_LittleEndianExplicit, EET_ExplicitLength, EGL_recalcGL, EPD_withoutPadding);
	if (cond.good())
		return true;
	(void)unlink(path);
	return dicom_err_condition(err, ERR_TEMPORARY, "could not write a report object", cond);
}
