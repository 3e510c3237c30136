#include "lib/domain/report_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db.h"
#include "lib/domain/report_parts.h"
#include "lib/domain/report_words.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { FINDING_WORDS_MAX = 6 };

/* A check at work. Never NULL texts. */
struct check {
	const struct report_check_facts *facts;
	const char *method, *findings, *impression, *grade, *reason;
	char *text; /* findings and impression, one behind the other */
	enum report_result result;
	bool is_critical;
	json_t *out;
};

static json_t *add(struct check *check, const char *code, bool is_error, const char *field)
{
	json_t *words = json_array();
	json_t *finding = json_pack("{s:s, s:s, s:s?, s:o}", "code", code, "severity", is_error ? "error" : "warning",
	                            "field", field, "words", words);

	if (!finding)
		err_panic("out of memory for a check");
	json_array_append_new(check->out, finding);
	return words;
}

static void add_word(json_t *words, const char *word)
{
	if (word && json_array_size(words) < FINDING_WORDS_MAX)
		json_array_append_new(words, json_string(word));
}

/* One finding with all words of the list that the text has (states: as a statement). */
static void add_stated(struct check *check, const char *text, const char *const *list, size_t count, const char *code,
                       const char *field)
{
	json_t *words = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!words_states(text, list[i]))
			continue;
		if (!words)
			words = add(check, code, false, field);
		add_word(words, list[i]);
	}
}

/* ---- what is missing ---------------------------------------------------------------------------------------------------------- */

static void check_presence(struct check *check)
{
	if (!*check->method)
		add(check, "method_empty", false, "method");
	if (!*check->findings)
		add(check, "findings_empty", true, "findings");
	if (!*check->impression)
		add(check, "impression_empty", true, "impression");
	if (check->result == REPORT_RESULT_UNSTATED)
		add(check, "result_unstated", !check->facts->is_health_check, "result");
}

static void check_quality(struct check *check)
{
	static const char *const poor[] = {"丙", "废", "不合格"};

	if (!*check->grade)
		add(check, "quality_unstated", false, "quality_grade");
	for (size_t i = 0; i < COUNT(poor); i++)
		if (strcmp(check->grade, poor[i]) == 0 && !*check->reason)
			add_word(add(check, "quality_reason_empty", false, "quality_reason"), poor[i]);
}

static void check_images(struct check *check)
{
	if (check->facts->is_study_incomplete)
		add(check, "study_incomplete", false, NULL);
	if (check->facts->expected_views > 0 && check->facts->instances < check->facts->expected_views)
		add(check, "views_missing", false, NULL);
}

/* ---- sides -------------------------------------------------------------------------------------------------------------------- */

static const char *side_word(unsigned sides)
{
	return sides & SIDE_LEFT ? "左" : "右";
}

static bool is_opposite(unsigned one, unsigned other)
{
	return (one == SIDE_LEFT && other == SIDE_RIGHT) || (one == SIDE_RIGHT && other == SIDE_LEFT);
}

static void add_side(struct check *check, const char *code, unsigned here, unsigned there, const char *organ)
{
	json_t *words = add(check, code, false, "impression");
	char word[64];

	snprintf(word, sizeof(word), "%s%s", side_word(here), organ);
	add_word(words, word);
	snprintf(word, sizeof(word), "%s%s", side_word(there), organ);
	add_word(words, word);
}

/* What the impression says to be wrong on one side, the findings have on the other alone: the same organ, or everything. */
static void check_side_itself(struct check *check)
{
	unsigned found = parts_sides(check->findings, true), said = parts_sides(check->impression, true);

	for (const char *const *organ = parts_paired(); *organ; organ++) {
		unsigned here = parts_sides_of(check->impression, true, *organ);
		unsigned there = parts_sides_of(check->findings, true, *organ);

		if (is_opposite(here, there)) {
			add_side(check, "side_conflict", here, there, *organ);
			return;
		}
	}
	if (is_opposite(said, found))
		add_side(check, "side_conflict", said, found, "");
}

static unsigned requested_side(const struct report_check_facts *facts)
{
	if (strcmp(facts->request_side, "left") == 0)
		return SIDE_LEFT;
	if (strcmp(facts->request_side, "right") == 0)
		return SIDE_RIGHT;
	if (*facts->request_side)
		return SIDE_BOTH;
	if (parts_sides(facts->item, false))
		return parts_sides(facts->item, false);
	if (parts_sides(facts->request_part, false))
		return parts_sides(facts->request_part, false);
	return strcmp(facts->series_side, "L") == 0 ? SIDE_LEFT : strcmp(facts->series_side, "R") == 0 ? SIDE_RIGHT : 0;
}

static void check_side_requested(struct check *check)
{
	unsigned wanted = requested_side(check->facts), said = parts_sides(check->text, false);

	if (is_opposite(wanted, said))
		add_side(check, "side_differs_from_request", said, wanted, "");
}

/* ---- person and part ------------------------------------------------------------------------------------------------------------ */

static void check_sex(struct check *check)
{
	static const char *const male[] = {"前列腺", "精囊", "睾丸", "附睾", "阴茎", "阴囊"};
	static const char *const female[] = {"子宫", "卵巢", "宫颈", "输卵管", "阴道",  "附件区",
	                                     "宫腔", "胎儿", "孕囊", "早孕",   "节育器"};
	bool is_man = strcmp(check->facts->sex, "M") == 0, is_woman = strcmp(check->facts->sex, "F") == 0;
	const char *const *list = is_man ? female : male;
	json_t *words = NULL;

	for (size_t i = 0; (is_man || is_woman) && i < (is_man ? COUNT(female) : COUNT(male)); i++) {
		if (!words_has(check->text, list[i]))
			continue;
		if (!words)
			words = add(check, "sex_conflict", false,
			            words_has(check->findings, list[i]) ? "findings" : "impression");
		add_word(words, list[i]);
	}
}

static const char *other_part(const struct check *check, uint32_t wanted)
{
	const char *word = NULL;

	for (int i = 0; i < parts_count() && !word; i++)
		if (!(wanted & UINT32_C(1) << i))
			word = parts_betrayed(check->text, i);
	return word;
}

/* The request names the part; without one the images do. */
static void check_part_in_text(struct check *check)
{
	const struct report_check_facts *facts = check->facts;
	const char *source = parts_named(facts->request_part) ? facts->request_part
	                     : parts_named(facts->item)       ? facts->item
	                                                      : facts->study_part;
	uint32_t wanted = parts_named(source);

	for (int i = 0; *check->text && i < parts_count(); i++) {
		if (!(wanted & UINT32_C(1) << i) || parts_mentioned(check->text, i) ||
		    parts_mentioned(check->method, i))
			continue;
		const char *other = other_part(check, wanted);

		json_t *words =
		    add(check, other ? "part_differs_from_request" : "part_not_mentioned", false, "findings");
		add_word(words, parts_name(source, i));
		add_word(words, other);
		return;
	}
}

static void check_part_of_images(struct check *check)
{
	const struct report_check_facts *facts = check->facts;
	uint32_t wanted = parts_named(facts->request_part) | parts_named(facts->item),
	         seen = parts_named(facts->study_part);

	for (int i = 0; wanted && seen && !(wanted & seen) && i < parts_count(); i++)
		if (seen & UINT32_C(1) << i) {
			add_word(add(check, "part_differs_from_request", false, NULL),
			         parts_name(facts->study_part, i));
			return;
		}
}

/* ---- result and critical values --------------------------------------------------------------------------------------------------- */

static const char *const abnormal[] = {
    "骨折",   "脱位",   "炎",     "结节", "肿块",   "占位",   "梗死", "梗塞", "出血",     "积液",   "积气", "气胸",
    "结石",   "囊肿",   "突出",   "膨出", "撕裂",   "瘤",     "癌",   "转移", "结核",     "增生",   "狭窄", "扩张",
    "硬化",   "脂肪肝", "增大",   "增厚", "肿大",   "血肿",   "水肿", "梗阻", "穿孔",     "退行性", "增多", "增粗",
    "肺气肿", "萎缩",   "息肉",   "曲张", "夹层",   "栓塞",   "颤动", "早搏", "传导阻滞", "过速",   "过缓", "ST-T改变",
    "破坏",   "损伤",   "软化灶", "缺血", "纤维化", "磨玻璃", "实变", "不张", "挫伤",     "钙化",   "破裂", "疝"};

static bool is_advice(const struct words_clause *clause)
{
	static const char *const words[] = {"请", "建议", "结合", "随访", "复查", "随诊"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (words_find(clause, 0, words[i]))
			return true;
	return false;
}

/* Every clause of it says that all is well. */
static bool reads_normal(const char *text)
{
	struct words_clause clause;
	bool any = false;

	for (size_t i = 0; i < COUNT(abnormal); i++)
		if (words_states(text, abnormal[i]))
			return false;
	while (words_next_clause(&text, &clause)) {
		if (is_advice(&clause))
			continue;
		if (!words_is_normal(&clause))
			return false;
		any = true;
	}
	return any;
}

static void check_result(struct check *check)
{
	if (check->result == REPORT_RESULT_NEGATIVE)
		add_stated(check, check->impression, abnormal, COUNT(abnormal), "positive_without_flag", "result");
	if (check->result == REPORT_RESULT_POSITIVE && reads_normal(check->impression))
		add(check, "negative_with_positive_flag", false, "result");
}

/* 陈旧 before it: nobody has to be called. */
static bool is_old(const struct words_clause *clause, const char *at)
{
	const char *old = words_find(clause, 0, "陈旧");

	return old && old < at;
}

static bool states_now(const char *text, const char *word)
{
	struct words_clause clause;
	const char *at;

	while (words_next_clause(&text, &clause))
		if ((at = words_find(&clause, 0, word)) && !words_is_denied(&clause, at, strlen(word)) &&
		    !is_old(&clause, at))
			return true;
	return false;
}

static void check_critical(struct check *check)
{
	static const char *const critical[] = {
	    "张力性气胸",      "脑疝",           "主动脉夹层",   "大面积脑梗死", "大面积脑梗塞",   "大面积梗死",
	    "肠穿孔",          "胃穿孔",         "消化道穿孔",   "膈下游离气体", "气腹",           "肺栓塞",
	    "肺动脉栓塞",      "蛛网膜下腔出血", "脑出血",       "硬膜外血肿",   "急性硬膜下血肿", "脾破裂",
	    "肝破裂",          "肾破裂",         "异位妊娠",     "宫外孕",       "绞窄性肠梗阻",   "肠系膜动脉栓塞",
	    "心包填塞",        "心脏压塞",       "急性心肌梗死", "室性心动过速", "心室颤动",       "三度房室传导阻滞",
	    "Ⅲ度房室传导阻滞", "气管异物",       "动脉瘤破裂",   "胎盘早剥",     "睾丸扭转",       "脊髓受压"};
	json_t *words = NULL;

	for (size_t i = 0; !check->is_critical && i < COUNT(critical); i++) {
		if (!states_now(check->text, critical[i]))
			continue;
		if (!words)
			words = add(check, "critical_without_flag", false, "is_critical");
		add_word(words, critical[i]);
	}
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------- */

static const char *text_of(const char *text)
{
	return text ? text : "";
}

json_t *report_check(const struct report_body *body, const struct report_check_facts *facts)
{
	struct check check = {.facts = facts,
	                      .method = text_of(body->method),
	                      .findings = text_of(body->findings),
	                      .impression = text_of(body->impression),
	                      .grade = text_of(body->quality_grade),
	                      .reason = text_of(body->quality_reason),
	                      .result = body->result,
	                      .is_critical = body->is_critical,
	                      .out = json_array()};
	size_t size = strlen(check.findings) + strlen(check.impression) + 2;

	check.text = malloc(size);
	if (!check.text || !check.out)
		err_panic("out of memory for a check");
	snprintf(check.text, size, "%s\n%s", check.findings, check.impression);
	check_presence(&check);
	check_side_itself(&check);
	check_side_requested(&check);
	check_sex(&check);
	check_part_in_text(&check);
	check_part_of_images(&check);
	check_result(&check);
	check_critical(&check);
	check_quality(&check);
	check_images(&check);
	free(check.text);
	return check.out;
}

bool report_check_pass(const json_t *findings, struct err *err)
{
	size_t i;
	json_t *finding;

	json_array_foreach((json_t *)(uintptr_t)findings, i, finding)
	{
		const char *field = json_string_value(json_object_get(finding, "field"));

		if (strcmp(json_string_value(json_object_get(finding, "severity")), "error") == 0)
			return err_set(err, ERR_INVALID, "cannot submit the report: %s is %s", field,
			               strcmp(field, "result") == 0 ? "not stated, positive or negative" : "empty");
	}
	return true;
}

/* ---- with the facts of a task --------------------------------------------------------------------------------------------------- */

bool report_check_at(struct db *db, const char *task_id, const struct report_body *body, json_t **out, struct err *err)
{
	struct report_check_facts facts;
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_REPORT_CHECK_FACTS, DB_PARAMS(db_text(task_id)), "the task", &rows, err))
		return false;
	facts = (struct report_check_facts){.sex = db_get_text(rows, 0, "sex"),
	                                    .modality = db_get_text(rows, 0, "modality"),
	                                    .study_part = db_get_text(rows, 0, "study_part"),
	                                    .request_part = db_get_text(rows, 0, "request_part"),
	                                    .item = db_get_text(rows, 0, "item"),
	                                    .request_side = db_get_text(rows, 0, "request_side"),
	                                    .series_side = db_get_text(rows, 0, "series_side"),
	                                    .is_health_check = db_get_bool(rows, 0, "is_health_check"),
	                                    .is_study_incomplete = db_get_bool(rows, 0, "is_incomplete"),
	                                    .instances = (int)db_get_int(rows, 0, "instances"),
	                                    .expected_views = (int)db_get_int(rows, 0, "expected_views")};
	*out = report_check(body, &facts);
	db_rows_free(rows);
	return true;
}

struct checking {
	const char *task_id;
	const struct report_body *body;
	json_t *findings;
};

static bool check_work(struct db *db, void *context, struct err *err)
{
	struct checking *checking = context;

	json_decref(checking->findings);
	checking->findings = NULL;
	return report_check_at(db, checking->task_id, checking->body, &checking->findings, err);
}

bool report_check_task(struct report_desk *desk, const char *person_id, const char *task_id,
                       const struct report_body *body, json_t **out, struct err *err)
{
	struct checking checking = {task_id, body, NULL};

	if (!text_is_uuid(task_id))
		return err_set(err, ERR_NOT_FOUND, "cannot find the task");
	if (!db_transact(desk->pool, person_id, check_work, &checking, err)) {
		json_decref(checking.findings);
		return false;
	}
	*out = checking.findings;
	return true;
}
