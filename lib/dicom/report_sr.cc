#include "lib/dicom/report_object.h"

#include <string>

#include "lib/base/clock.h"

/*
 * Basic Text SR (PS3.3 A.35.1) in the shape of TID 2000 (PS3.16): title, language, observers, procedure, then a section
 * for each text. Headings are those of CID 7001, elements those of CID 7002.
 */
namespace
{
const Code TITLE = {"18748-4", "LN", "Diagnostic Imaging Report"};
const Code LANGUAGE = {"121049", "DCM", "Language of Content Item and Descendants"};
const Code CHINESE = {"zh", "RFC5646", "Chinese"};
const Code COUNTRY = {"121046", "DCM", "Country of Language"};
const Code CHINA = {"CN", "ISO3166_1", "China"};
const Code OBSERVER_TYPE = {"121005", "DCM", "Observer Type"};
const Code PERSON = {"121006", "DCM", "Person"};
const Code OBSERVER_NAME = {"121008", "DCM", "Person Observer Name"};
const Code OBSERVER_ORGANIZATION = {"121009", "DCM", "Person Observer's Organization Name"};
const Code PROCEDURE_STUDY = {"121018", "DCM", "Procedure Study Instance UID"};
const Code PROCEDURE_REPORTED = {"121058", "DCM", "Procedure reported"};
const Code PERFORMER = {"PERFORMER", "99YINGQIAO", "Performing institution"};

void add_content(DcmItem &item, const char *relationship, const char *type, const Code &name, DcmItem **out)
{
	DcmItem &added = report_add_item(item, DCM_ContentSequence);

	report_put(added, DCM_RelationshipType, relationship);
	report_put(added, DCM_ValueType, type);
	report_put_code(added, DCM_ConceptNameCodeSequence, name);
	*out = &added;
}

void add_code(DcmItem &item, const char *relationship, const Code &name, const Code &value, DcmItem **out = nullptr)
{
	DcmItem *added;

	add_content(item, relationship, "CODE", name, &added);
	report_put_code(*added, DCM_ConceptCodeSequence, value);
	if (out != nullptr)
		*out = added;
}

void add_text(DcmItem &item, const char *relationship, const Code &name, const char *text)
{
	DcmItem *added;

	add_content(item, relationship, "TEXT", name, &added);
	report_put(*added, DCM_TextValue, report_text(text).c_str());
}

void add_observer(DcmItem &root, const char *person, const char *organization)
{
	DcmItem *name;

	add_code(root, "HAS OBS CONTEXT", OBSERVER_TYPE, PERSON);
	add_content(root, "HAS OBS CONTEXT", "PNAME", OBSERVER_NAME, &name);
	report_put(*name, DCM_PersonName, report_line(person, 192).c_str());
	add_text(root, "HAS OBS CONTEXT", OBSERVER_ORGANIZATION, organization);
}

void add_context(DcmItem &root, const struct dicom_report *report)
{
	const Code procedure = {"PROCEDURE", "99YINGQIAO", report->title};
	DcmItem *language, *study;

	add_code(root, "HAS CONCEPT MOD", LANGUAGE, CHINESE, &language);
	add_code(*language, "HAS CONCEPT MOD", COUNTRY, CHINA);
	add_code(root, "HAS CONCEPT MOD", PROCEDURE_REPORTED, procedure);
	add_observer(root, report->author_name, report->issuer_institution);
	if (!report_is_empty(report->reviewer_name))
		add_observer(root, report->reviewer_name, report->issuer_institution);
	add_content(root, "HAS OBS CONTEXT", "UIDREF", PROCEDURE_STUDY, &study);
	report_put(*study, DCM_UID, report->study_instance_uid);
}

DcmItem &add_section(DcmItem &root, const Code &heading)
{
	DcmItem *section;

	add_content(root, "CONTAINS", "CONTAINER", heading, &section);
	report_put(*section, DCM_ContinuityOfContent, "SEPARATE");
	return *section;
}

void add_sections(DcmItem &root, const struct dicom_report *report)
{
	const struct {
		Code heading, element;
		const char *text;
	} sections[] = {
	    {{"59776-5", "LN", "Findings"}, {"121071", "DCM", "Finding"}, report->findings},
	    {{"19005-8", "LN", "Impressions"}, {"121073", "DCM", "Impression"}, report->impression},
	    {{"18783-1", "LN", "Recommendations"}, {"121075", "DCM", "Recommendation"}, report->recommendation},
	};
	bool has_method = !report_is_empty(report->method);
	bool has_performer = !report_is_empty(report->performer_institution);

	if (has_method || has_performer) {
		DcmItem &section = add_section(root, {"55111-9", "LN", "Current Procedure Descriptions"});

		if (has_method)
			add_text(section, "CONTAINS", {"121065", "DCM", "Procedure Description"}, report->method);
		if (has_performer)
			add_text(section, "CONTAINS", PERFORMER, report->performer_institution);
	}
	for (const auto &section : sections)
		if (!report_is_empty(section.text))
			add_text(add_section(root, section.heading), "CONTAINS", section.element, section.text);
}

void put_content(DcmItem &root, const struct dicom_report *report)
{
	DcmItem &shape = report_add_item(root, DCM_ContentTemplateSequence);

	report_put(root, DCM_ValueType, "CONTAINER");
	report_put(root, DCM_ContinuityOfContent, "SEPARATE");
	report_put_code(root, DCM_ConceptNameCodeSequence, TITLE);
	report_put(shape, DCM_MappingResource, "DCMR");
	report_put(shape, DCM_TemplateIdentifier, "2000");
	add_context(root, report);
	add_sections(root, report);
}

/* ---- SR Document General, PS3.3 C.17.2 -------------------------------------------------------------------------- */

void put_people(DcmItem &item, const struct dicom_report *report)
{
	const char *verifier = report_is_empty(report->reviewer_name) ? report->author_name : report->reviewer_name;
	std::string institution = report_line(report->issuer_institution, 64);
	DcmItem &author = report_add_item(item, DCM_AuthorObserverSequence);
	DcmItem &observer = report_add_item(item, DCM_VerifyingObserverSequence);
	char date[9], time[14];

	report_put(author, DCM_ObserverType, "PSN");
	report_put(author, DCM_PersonName, report_line(report->author_name, 192).c_str());
	report_put_empty_sequence(author, DCM_PersonIdentificationCodeSequence);
	report_put(author, DCM_InstitutionName, institution.c_str());
	report_put_empty_sequence(author, DCM_InstitutionCodeSequence);
	clock_format_dicom(report->verified_us, date, time);
	report_put(observer, DCM_VerifyingOrganization, institution.c_str());
	report_put(observer, DCM_VerificationDateTime, (std::string(date) + time).c_str());
	report_put(observer, DCM_VerifyingObserverName, report_line(verifier, 192).c_str());
	report_put_empty_sequence(observer, DCM_VerifyingObserverIdentificationCodeSequence);
}

/* The item whose UID this is, made if absent. */
DcmItem &find_item(DcmItem &parent, const DcmTagKey &sequence, const DcmTagKey &tag, const char *uid)
{
	DcmItem *item;
	OFString value;

	for (long i = 0; parent.findAndGetSequenceItem(sequence, item, i).good(); i++)
		if (item->findAndGetOFString(tag, value).good() && value == uid)
			return *item;
	item = &report_add_item(parent, sequence);
	report_put(*item, tag, uid);
	return *item;
}

/* Hierarchical SOP Instance Reference macro, PS3.3 table C.17-3. */
void add_reference(DcmItem &item, const DcmTagKey &sequence, const char *study_uid, const struct dicom_reference &to)
{
	DcmItem &study = find_item(item, sequence, DCM_StudyInstanceUID, study_uid);
	DcmItem &series = find_item(study, DCM_ReferencedSeriesSequence, DCM_SeriesInstanceUID, to.series_instance_uid);
	DcmItem &object = report_add_item(series, DCM_ReferencedSOPSequence);

	report_put(object, DCM_ReferencedSOPClassUID, to.sop_class_uid);
	report_put(object, DCM_ReferencedSOPInstanceUID, to.sop_instance_uid);
}

void put_document(DcmItem &item, const struct dicom_report *report)
{
	report_put(item, DCM_CompletionFlag, "COMPLETE");
	report_put(item, DCM_VerificationFlag, "VERIFIED");
	report_put_empty_sequence(item, DCM_ReferencedPerformedProcedureStepSequence);
	report_put_empty_sequence(item, DCM_PerformedProcedureCodeSequence);
	put_people(item, report);
	for (size_t i = 0; i < report->evidence_count; i++)
		add_reference(item, DCM_CurrentRequestedProcedureEvidenceSequence, report->study_instance_uid,
		              report->evidence[i]);
	if (report->predecessor_sop_instance_uid != nullptr)
		add_reference(item, DCM_PredecessorDocumentsSequence, report->study_instance_uid,
		              {report->predecessor_sop_class_uid, report->predecessor_sop_instance_uid,
		               report->predecessor_series_instance_uid});
}
} // namespace

extern "C" bool dicom_report_sr_write(const struct dicom_report *report, const char *path, dicom_sign_report *sign,
                                      void *context, struct err *err)
{
	return dicom_guard(err, [&] {
		DcmFileFormat file;
		struct dicom_signing signing = {file.getDataset()};

		if (!report_check(report, err))
			return false;
		report_put_common(*signing.dataset, report, UID_BasicTextSRStorage, "SR");
		put_document(*signing.dataset, report);
		put_content(*signing.dataset, report);
		if (sign != nullptr && !sign(context, &signing, err))
			return false;
		return report_save(file, path, err);
	});
}
