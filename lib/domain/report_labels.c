#include "lib/domain/report_labels.h"

#include <stddef.h>
#include <string.h>

static const struct report_labels chinese = {
    .colon = "：",
    .name = "姓名",
    .sex = "性别",
    .age = "年龄",
    .birth_date = "出生日期",
    .accession_number = "检查号",
    .patient_class = "就诊类别",
    .number_outpatient = "门诊号",
    .number_inpatient = "住院号",
    .number_health_check = "体检号",
    .number_other = "就诊号",
    .patient_id = "患者编号",
    .performer = "检查机构",
    .department = "申请科室",
    .doctor = "申请医师",
    .item = "检查项目",
    .body_part = "检查部位",
    .laterality = "侧别",
    .device = "检查设备",
    .radiographer = "检查技师",
    .examined_at = "检查时间",
    .written_at = "书写时间",
    .issued_at = "审核发布",
    .signed_at = "签名时间",
    .clinical_diagnosis = "临床诊断",
    .method = "检查方法",
    .findings = "影像学表现",
    .impression = "影像学诊断",
    .recommendation = "建议",
    .key_images = "关键图像",
    .picture_gone = "图像已不在存储中",
    .picture_unshown = "图像无法显示，请用阅片器查看",
    .picture_late = "制作超时未印出，请用阅片器查看",
    .flags = "结果标记",
    .positive = "阳性",
    .negative = "阴性",
    .critical = "危急值",
    .quality = "图像质量",
    .incomplete = "图像未齐",
    .author = "报告医师",
    .reviewer = "审核医师",
    .unsigned_yet = "（未签名）",
    .electronic_signature = "电子签名",
    .code = "核验码",
    .version = "版本",
    .page = "第 %d 页 共 %d 页",
    .continued = "（续）",
    .notice = "本报告由诊断机构远程出具，供临床医师结合病情参考；以审核医师电子签名后的版本为准。",
    .demo = "演示签名 无法律效力",
    .scan = "扫码核验",
    .corrects = "更正此前版本（请勿再使用），更正原因",
    .supplements = "补充此前版本，补充原因",
};

static const struct report_labels english = {
    .colon = ": ",
    .name = "Name",
    .sex = "Sex",
    .age = "Age",
    .birth_date = "Born",
    .accession_number = "Accession no.",
    .patient_class = "Class",
    .number_outpatient = "Outpatient no.",
    .number_inpatient = "Inpatient no.",
    .number_health_check = "Check-up no.",
    .number_other = "Visit no.",
    .patient_id = "Patient ID",
    .performer = "Examined at site",
    .department = "Department",
    .doctor = "Requested by",
    .item = "Examination",
    .body_part = "Body part",
    .laterality = "Side",
    .device = "Device",
    .radiographer = "Radiographer",
    .examined_at = "Examined",
    .written_at = "Written",
    .issued_at = "Issued",
    .signed_at = "Signed",
    .clinical_diagnosis = "Clinical diagnosis",
    .method = "Technique",
    .findings = "Findings",
    .impression = "Impression",
    .recommendation = "Recommendation",
    .key_images = "Key images",
    .picture_gone = "No longer in the store",
    .picture_unshown = "Cannot be shown here: see the viewer",
    .picture_late = "Not printed in time: see the viewer",
    .flags = "Result",
    .positive = "positive",
    .negative = "negative",
    .critical = "critical value",
    .quality = "Image quality",
    .incomplete = "images incomplete",
    .author = "Reporting doctor",
    .reviewer = "Reviewing doctor",
    .unsigned_yet = "(not signed)",
    .electronic_signature = "signed electronically",
    .code = "Code",
    .version = "Version",
    .page = "Page %d of %d",
    .continued = " (continued)",
    .notice = "Reported remotely by the diagnosing institution; in force only with the reviewing doctor's electronic "
              "signature.",
    .demo = "演示签名 无法律效力",
    .scan = "Verify",
    .corrects = "corrects the versions before (do not use them); reason",
    .supplements = "supplements the versions before; reason",
};

bool report_is_english(const char *language)
{
	return strncmp(language, "en", 2) == 0;
}

const struct report_labels *report_labels(const char *language)
{
	return report_is_english(language) ? &english : &chinese;
}

struct word {
	const char *code, *chinese, *english;
};

static const char *word_of(const struct word *words, size_t count, const char *code, bool want_english)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].code, code) == 0)
			return want_english ? words[i].english : words[i].chinese;
	return code;
}
#define WORD_OF(words, code, want_english) word_of(words, sizeof(words) / sizeof(words)[0], code, want_english)

const char *report_word_sex(const char *code, bool want_english)
{
	static const struct word words[] = {{"M", "男", "male"}, {"F", "女", "female"}, {"O", "其他", "other"}};

	return WORD_OF(words, code, want_english);
}

const char *report_word_class(const char *code, bool want_english)
{
	static const struct word words[] = {{"emergency", "急诊", "emergency"},
	                                    {"outpatient", "门诊", "outpatient"},
	                                    {"inpatient", "住院", "inpatient"},
	                                    {"health_check", "体检", "health check"}};

	return WORD_OF(words, code, want_english);
}

const char *report_word_kind(const char *kind, bool want_english)
{
	static const struct word words[] = {{"original", "", ""},
	                                    {"correction", "（更正）", " (correction)"},
	                                    {"supplement", "（补充）", " (supplement)"}};

	return WORD_OF(words, kind, want_english);
}

const char *report_word_laterality(const char *code, bool want_english)
{
	static const struct word words[] = {
	    {"L", "左侧", "left"},      {"R", "右侧", "right"},   {"B", "双侧", "both"}, {"left", "左侧", "left"},
	    {"right", "右侧", "right"}, {"both", "双侧", "both"}, {"none", "", ""}};

	return WORD_OF(words, code, want_english);
}

const char *report_word_title(const char *modality, bool want_english)
{
	static const struct word words[] = {{"CT", "CT诊断报告", "CT report"},
	                                    {"MR", "磁共振诊断报告", "MR report"},
	                                    {"DX", "X线诊断报告", "X-ray report"},
	                                    {"CR", "X线诊断报告", "X-ray report"},
	                                    {"DR", "X线诊断报告", "X-ray report"},
	                                    {"RF", "X线造影诊断报告", "Fluoroscopy report"},
	                                    {"MG", "乳腺X线诊断报告", "Mammography report"},
	                                    {"US", "超声诊断报告", "Ultrasound report"},
	                                    {"ECG", "心电图诊断报告", "ECG report"}};
	const char *title = WORD_OF(words, modality, want_english);

	if (title == modality)
		return want_english ? "Imaging report" : "医学影像诊断报告";
	return title;
}
