/* What a report's text does not agree with. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/report_check.h"
#include "lib/domain/report_parts.h"
#include "lib/domain/report_words.h"

TestSuite(report_check, .timeout = 60);

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

Test(report_check, a_word_is_stated_or_denied)
{
	static const struct {
		const char *text, *word;
		bool want;
	} cases[] = {
	    {"右侧第5肋骨折。", "骨折", true},
	    {"未见骨折。", "骨折", false},
	    {"诸骨未见明显骨折及脱位。", "脱位", false},
	    {"未见骨折、脱位及骨质破坏。", "骨质破坏", false},
	    {"未见骨折，关节腔积液。", "积液", true},
	    {"未见骨折但关节腔积液。", "积液", true},
	    {"胸腔无积液。", "积液", false},
	    {"无积液，可见气胸。", "气胸", true},
	    {"除外主动脉夹层。", "主动脉夹层", false},
	    {"主动脉夹层除外。", "主动脉夹层", false},
	    {"主动脉夹层已除外。", "主动脉夹层", false},
	    {"不除外主动脉夹层。", "主动脉夹层", true},
	    {"不能除外主动脉夹层。", "主动脉夹层", true},
	    {"不能完全排除脑出血。", "脑出血", true},
	    {"脑出血待排除。", "脑出血", true},
	    {"已排除脑出血。", "脑出血", false},
	    {"无法除外骨折。", "骨折", true},
	    {"股骨头无菌性坏死。", "坏死", true},
	    {"无症状性脑梗死。", "脑梗死", true},
	    {"有无骨折请结合CT。", "骨折", true},
	    {"不考虑肺结核。", "肺结核", false},
	    {"没有气胸。", "气胸", false},
	    {"不伴出血。", "出血", false},
	    {"未探及明确结石回声。", "结石", false},
	    {"原气胸已吸收。", "气胸", false},
	    {"右侧气胸？", "气胸", true},
	    {"双肺未见实变；右侧胸腔积液", "积液", true},
	    {"", "积液", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		cr_expect_eq(words_states(cases[i].text, cases[i].word), cases[i].want, "%s in \"%s\": want %s",
		             cases[i].word, cases[i].text, cases[i].want ? "stated" : "not stated");
}

Test(report_check, sides_are_read_where_they_are_places)
{
	enum { L = SIDE_LEFT, R = SIDE_RIGHT, B = SIDE_BOTH };
	static const struct {
		const char *text;
		unsigned all, abnormal;
	} cases[] = {
	    {"右肺下叶斑片影。", R, R},
	    {"左肺清晰，右肺见结节。", L | R, R},
	    {"双侧胸腔积液。", B, B},
	    {"两肺纹理增多。", B, B},
	    {"左右侧脑室增宽。", B, B},
	    {"左心室增大。", 0, 0},
	    {"完全性右束支传导阻滞。", 0, 0},
	    {"中线结构向右移位。", 0, 0},
	    {"电轴左偏。", 0, 0},
	    {"气管左移。", 0, 0},
	    {"左侧卧位检查。", 0, 0},
	    {"甲状腺右侧叶结节。", R, R},
	    {"肝右叶囊肿，左肾结石。", L | R, L | R},
	    {"未见异常。", 0, 0},
	    {"左", L, L},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned all = parts_sides(cases[i].text, false), abnormal = parts_sides(cases[i].text, true);

		cr_expect_eq(all, cases[i].all, "\"%s\": got %u, want %u", cases[i].text, all, cases[i].all);
		cr_expect_eq(abnormal, cases[i].abnormal, "\"%s\", what is wrong: got %u, want %u", cases[i].text,
		             abnormal, cases[i].abnormal);
	}
}

/* ---- the whole check ------------------------------------------------------------------------------------------------------------ */

static void list_codes(const json_t *findings, char *out, size_t size)
{
	size_t i;
	json_t *finding;

	out[0] = '\0';
	json_array_foreach((json_t *)(uintptr_t)findings, i, finding)
	{
		size_t used = strlen(out);

		snprintf(out + used, size - used, "%s%s", used ? " " : "",
		         json_string_value(json_object_get(finding, "code")));
	}
}

static const struct report_check_facts nothing_known = {
    .sex = "", .modality = "", .study_part = "", .request_part = "", .item = "", .request_side = "", .series_side = ""};

static void expect_codes(const struct report_body *body, const struct report_check_facts *facts, const char *want)
{
	json_t *findings = report_check(body, facts);
	char got[1000];

	list_codes(findings, got, sizeof(got));
	cr_expect_str_eq(got, want, "\"%s\" / \"%s\": got \"%s\", want \"%s\"", body->findings, body->impression, got,
	                 want);
	json_decref(findings);
}

static struct report_body body_of(const char *findings, const char *impression, enum report_result result)
{
	struct report_body body = {.method = "平扫。",
	                           .findings = findings,
	                           .impression = impression,
	                           .result = result,
	                           .quality_grade = "甲"};

	return body;
}

Test(report_check, text_against_itself)
{
	static const struct {
		const char *findings, *impression;
		enum report_result result;
		const char *want;
	} cases[] = {
	    {"双肺野清晰。", "心、肺、膈未见明显异常。", REPORT_RESULT_NEGATIVE, ""},
	    {"右肺下野见斑片影，左肺清晰。", "右肺下野炎症。", REPORT_RESULT_POSITIVE, ""},
	    {"右肺下野见斑片影，左肺清晰。", "左肺下野炎症。", REPORT_RESULT_POSITIVE, "side_conflict"},
	    {"左侧股骨颈骨皮质不连续。", "右侧股骨颈骨折。", REPORT_RESULT_POSITIVE, "side_conflict"},
	    {"右肺上叶见结节；左肾见结石。", "左肺上叶结节；左肾结石。", REPORT_RESULT_POSITIVE, "side_conflict"},
	    {"双侧胸腔积液。", "左侧胸腔积液。", REPORT_RESULT_POSITIVE, ""},
	    {"左肺上叶见结节，右肺下叶见条索影。", "右肺下叶条索影，左肺上叶结节。", REPORT_RESULT_POSITIVE, ""},
	    {"左基底节区见低密度影，中线结构向右移位。", "左侧基底节区脑梗死。", REPORT_RESULT_POSITIVE, ""},
	    {"左心室高电压。", "右束支传导阻滞。", REPORT_RESULT_POSITIVE, ""},
	    {"右肺见斑片影。", "右肺炎症。", REPORT_RESULT_NEGATIVE, "positive_without_flag"},
	    {"双肺野清晰。", "未见明显异常。", REPORT_RESULT_POSITIVE, "negative_with_positive_flag"},
	    {"双肺野清晰。", "未见明显异常，请结合临床。", REPORT_RESULT_POSITIVE, "negative_with_positive_flag"},
	    {"双肺纹理增多。", "支气管炎，余未见异常。", REPORT_RESULT_POSITIVE, ""},
	    {"右肺见结节。", "右肺结节，余未见异常。", REPORT_RESULT_NEGATIVE, "positive_without_flag"},
	    {"双肺野清晰。", "未见骨折、积液及肿块。", REPORT_RESULT_NEGATIVE, ""},
	    {"子宫前壁见低回声。", "考虑子宫良性病变。", REPORT_RESULT_POSITIVE, ""},
	    {"右侧大量气胸，纵隔左移。", "右侧张力性气胸。", REPORT_RESULT_POSITIVE, "critical_without_flag"},
	    {"未见张力性气胸。", "未见明显异常。", REPORT_RESULT_NEGATIVE, ""},
	    {"主动脉未见夹层征象，除外主动脉夹层。", "未见明显异常。", REPORT_RESULT_NEGATIVE, ""},
	    {"升主动脉增宽。", "不除外主动脉夹层。", REPORT_RESULT_POSITIVE, "critical_without_flag"},
	    {"中线移位。", "左侧大面积脑梗死，脑疝形成。", REPORT_RESULT_POSITIVE, "critical_without_flag"},
	    {"膈下游离气体。", "考虑肠穿孔。", REPORT_RESULT_POSITIVE, "critical_without_flag"},
	    {"左侧基底节区软化灶。", "左侧基底节区陈旧性脑出血。", REPORT_RESULT_POSITIVE, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct report_body body = body_of(cases[i].findings, cases[i].impression, cases[i].result);

		expect_codes(&body, &nothing_known, cases[i].want);
	}
}

Test(report_check, text_against_person_request_and_images)
{
	static const struct {
		const char *sex, *study_part, *request_part, *item, *request_side, *series_side, *findings, *want;
	} cases[] = {
	    {"F", "", "", "", "", "", "前列腺增大。", "sex_conflict"},
	    {"M", "", "", "", "", "", "子宫大小正常。", "sex_conflict"},
	    {"M", "", "", "", "", "", "前列腺大小正常。", ""},
	    {"O", "", "", "", "", "", "子宫大小正常。", ""},
	    {"M", "", "", "", "", "", "腰椎附件骨质未见异常。", ""},
	    {"", "", "膝", "", "left", "", "右膝关节间隙变窄。", "side_differs_from_request"},
	    {"", "", "膝", "", "left", "", "左膝关节间隙变窄。", ""},
	    {"", "", "膝", "", "left", "", "双膝关节间隙变窄。", ""},
	    {"", "", "膝", "", "both", "", "右膝关节间隙变窄。", ""},
	    {"", "", "", "左膝关节正侧位", "", "", "右膝关节间隙变窄。", "side_differs_from_request"},
	    {"", "KNEE", "", "", "", "R", "左膝关节间隙变窄。", "side_differs_from_request"},
	    {"", "CHEST", "胸部", "胸部正位", "", "", "双肺野清晰。", ""},
	    {"", "CHEST", "胸部", "胸部正位", "", "", "膝关节间隙变窄，半月板变性。", "part_differs_from_request"},
	    {"", "CHEST", "胸部", "胸部正位", "", "", "未见明显异常。", "part_not_mentioned"},
	    {"", "KNEE", "胸部", "胸部正位", "", "", "双肺野清晰。", "part_differs_from_request"},
	    {"", "TSPINE", "", "胸椎正侧位", "", "", "各椎体形态正常。", ""},
	    {"", "BRAIN", "", "颅脑CT平扫", "", "", "脑实质密度均匀。", ""},
	    {"", "HIP", "", "髋关节正位", "", "", "股骨头形态正常。", ""},
	    {"", "LSPINE", "LSPINE", "腰椎MR平扫", "", "", "L4/5椎间盘膨出。", ""},
	    {"", "SOMETHING", "", "", "", "", "未见异常。", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct report_check_facts facts = {.sex = cases[i].sex,
		                                   .modality = "DR",
		                                   .study_part = cases[i].study_part,
		                                   .request_part = cases[i].request_part,
		                                   .item = cases[i].item,
		                                   .request_side = cases[i].request_side,
		                                   .series_side = cases[i].series_side};
		struct report_body body = body_of(cases[i].findings, "如上所述。", REPORT_RESULT_POSITIVE);

		expect_codes(&body, &facts, cases[i].want);
	}
}

Test(report_check, what_is_missing)
{
	struct report_check_facts facts = nothing_known;
	struct report_body body = {0};

	expect_codes(&body, &facts, "method_empty findings_empty impression_empty result_unstated quality_unstated");
	facts.is_study_incomplete = true;
	facts.expected_views = 2;
	facts.instances = 1;
	body = body_of("双肺野清晰。", "未见异常。", REPORT_RESULT_NEGATIVE);
	body.quality_grade = "丙";
	expect_codes(&body, &facts, "quality_reason_empty study_incomplete views_missing");
	body.quality_reason = "呼吸伪影";
	facts.instances = 2;
	expect_codes(&body, &facts, "study_incomplete");
}

Test(report_check, only_what_is_missing_stops_a_submission)
{
	struct report_check_facts facts = nothing_known;
	struct report_body body = body_of("右侧大量气胸。", "左侧张力性气胸。", REPORT_RESULT_NEGATIVE);
	struct err err;
	json_t *findings = report_check(&body, &facts);

	cr_expect(report_check_pass(findings, &err), "%s", err.text);
	cr_expect_gt(json_array_size(findings), 2, "nothing was found at all");
	json_decref(findings);
	body.result = REPORT_RESULT_UNSTATED;
	findings = report_check(&body, &facts);
	cr_expect_not(report_check_pass(findings, &err), "without a result");
	cr_expect(err.kind == ERR_INVALID && strstr(err.text, "result"), "%s", err.text);
	json_decref(findings);
	facts.is_health_check = true;
	findings = report_check(&body, &facts);
	cr_expect(report_check_pass(findings, &err), "a health check: %s", err.text);
	json_decref(findings);
	body.impression = "";
	findings = report_check(&body, &facts);
	cr_expect_not(report_check_pass(findings, &err) || !strstr(err.text, "impression"), "%s", err.text);
	json_decref(findings);
}

Test(report_check, words_are_those_of_the_text)
{
	struct report_check_facts facts = nothing_known;
	struct report_body body = body_of("右肺下叶见斑片影。", "左肺下叶炎症。", REPORT_RESULT_POSITIVE);
	json_t *findings = report_check(&body, &facts), *words = json_object_get(json_array_get(findings, 0), "words");

	cr_expect_eq(json_array_size(words), 2);
	cr_expect(strncmp(json_string_value(json_array_get(words, 0)), "左", 3) == 0);
	cr_expect(strncmp(json_string_value(json_array_get(words, 1)), "右", 3) == 0);
	json_decref(findings);
}

/* As long as a text may be, and nothing but what has to be looked at again and again: the limit of time of this suite stops what is not linear. */
Test(report_check, a_text_that_repeats_itself_holds_up_nobody)
{
	static const char *const repeated[] = {"左", "肺炎已吸收", "左肺", "除外", "双", "无"};
	struct report_check_facts facts = nothing_known;

	for (size_t i = 0; i < COUNT(repeated); i++) {
		size_t length = strlen(repeated[i]), count = REPORT_TEXT_MAX / length;
		char *text = calloc(count + 1, length);

		cr_assert_not_null(text);
		for (size_t n = 0; n < count; n++)
			memcpy(text + n * length, repeated[i], length);
		struct report_body body = body_of(text, text, REPORT_RESULT_POSITIVE);
		json_decref(report_check(&body, &facts));
		cr_expect_eq(parts_sides_of(text, false, "肺"), i == 2 ? SIDE_LEFT : 0, "%s", repeated[i]);
		cr_expect_not(words_states(text, "肺炎"), "%s", repeated[i]);
		free(text);
	}
	cr_expect_eq(parts_sides_of("左左左左肺", false, "肺"), SIDE_LEFT);
	cr_expect_eq(parts_sides_of("左半侧胸下叶的肺", false, "肺"), 0, "too far away");
	cr_expect(words_states("肺炎已吸收，右肺炎", "肺炎"));
	cr_expect_not(words_states("肺炎已吸收未见新发肺炎", "肺炎"));
}
