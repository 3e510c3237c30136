#include "tests/unit/domain/report_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char ordinary[] =
    "{\"format\":\"yingqiao.report.1\",\"language\":\"zh-CN\",\"is_demo\":true,\"title\":\"CT诊断报告\","
    "\"report\":{\"id\":\"0b9f6c1e-7a53-4a8e-9d0b-5a1c2d3e4f50\",\"code\":\"0BKXP-1WYJK-98EST-2TA3G-PHWKTA\","
    "\"version\":1,"
    "\"kind\":\"original\"},\"policy\":{\"id\":\"5d1f4c52-0b7e-4b4d-8d5e-2f7a1c9b3e11\",\"version\":1},"
    "\"issuer\":{\"id\":\"\",\"name\":\"台山市人民医院\",\"code\":\"\"},"
    "\"performer\":{\"id\":\"\",\"name\":\"台山市广海镇卫生院\",\"code\":\"\"},"
    "\"patient\":{\"name\":\"李𠮷祥\",\"sex\":\"M\",\"age\":\"67 "
    "岁\",\"birth_date\":\"1959-03-12\",\"class\":\"outpatient\","
    "\"number\":\"MZ20261122018\"},"
    "\"request\":{\"department\":\"全科门诊\",\"doctor\":\"陈医生\",\"item\":\"胸部CT平扫\",\"body_part\":\"胸部\","
    "\"laterality\":\"\","
    "\"clinical_diagnosis\":\"咳嗽、咳痰两周，加重三天，待查肺部感染\",\"purpose\":\"\",\"history\":\"\"},"
    "\"study\":{\"study_instance_uid\":\"2.25.1\",\"version\":1,\"is_complete\":true,\"accession_number\":"
    "\"GH20261122001\","
    "\"modality\":\"CT\",\"device\":\"东软 NeuViz 16\",\"radiographer\":\"梁技师\"},"
    "\"body\":{\"method\":\"胸部常规平扫，层厚 5 mm，肺窗、纵隔窗观察。\","
    "\"findings\":\"胸廓对称。双肺纹理增多，右肺下叶背段见片状密度增高影，边界模糊，大小约 2.3 cm × 1.8 cm，CT 值约 35 "
    "HU，其内可见充气支气管征。"
    "余肺野清晰，未见结节及实变。气管、各级支气管通畅。\\n纵隔居中，纵隔内未见肿大淋巴结。心影大小、形态正常，主动脉壁"
    "见钙化。双侧胸腔未见积液。\","
    "\"impression\":\"1. 右肺下叶背段炎症，建议治疗后复查。\\n2. 主动脉硬化。\","
    "\"recommendation\":\"抗感染治疗后 2 周复查胸部CT。\"},"
    "\"flags\":{\"result\":\"positive\",\"is_critical\":false,\"quality_grade\":\"优\",\"quality_reason\":\"\"},"
    "\"author\":{\"id\":\"\",\"name\":\"黄志明\",\"institution\":\"台山市人民医院\"},"
    "\"examined_at\":\"2026-11-22T08:12:00+08:00\",\"written_at\":\"2026-11-22T08:42:07+08:00\"}";

json_t *report_fixture(void)
{
	json_error_t error;
	json_t *content = json_loads(ordinary, 0, &error);

	cr_assert(content, "the fixture does not parse: %s at %d", error.text, error.position);
	return content;
}

void report_fixture_set(json_t *content, const char *part, const char *name, const char *value)
{
	json_t *object = part ? json_object_get(content, part) : content;

	cr_assert_eq(json_object_set_new(object, name, json_string(value)), 0);
}

json_t *report_fixture_long(void)
{
	json_t *content = report_fixture();
	char text[16000] = "";

	for (int i = 0; i < 60; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		         "第 %d "
		         "条：肝脏形态、大小及各叶比例正常，肝实质密度均匀，未见异常密度影；胆囊、胰腺、脾脏及双肾未见"
		         "明显异常。\n",
		         i + 1);
	report_fixture_set(content, "body", "findings", text);
	report_fixture_set(content, "patient", "name",
	                   "阿卜杜拉·买买提·吐尔逊·艾合买提·依明江·库尔班·热合曼·玉素甫·阿不都热依木·买合木提江·艾尼瓦"
	                   "尔·肉孜·卡德尔六十");
	report_fixture_set(content, "request", "clinical_diagnosis", "<b>不是标记</b> & <i>文字</i> \"引号\"");
	report_fixture_set(content, "study", "accession_number", "ACC-20261122-0000000000000000000000000000000001");
	report_fixture_set(content, "issuer", "name",
	                   "台山市县域医共体影像诊断中心（台山市人民医院医学影像科远程诊断部）");
	return content;
}
