#include "lib/domain/report_parts.h"

#include <ctype.h>
#include <string.h>

#include "lib/domain/report_words.h"

enum { WORDS = 14 };

struct part {
	const char *codes[WORDS];  /* of DICOM, as devices write them */
	const char *names[WORDS];  /* in a request or a description */
	const char *traces[WORDS]; /* in a report about it */
	const char *proofs[WORDS]; /* in no report about anything else */
};

static const struct part parts[] = {
    {{"HEAD", "BRAIN", "SKULL"},
     {"头颅", "头部", "颅脑", "颅", "脑"},
     {"脑", "颅", "头"},
     {"脑室", "脑沟", "大脑半球", "颅骨", "基底节"}},
    {{"CHEST", "THORAX", "LUNG"},
     {"胸部", "胸片", "胸腔", "肺", "胸正", "胸CT", "胸"},
     {"肺", "胸", "纵隔", "心影", "气管", "膈", "肋"},
     {"双肺", "肺野", "肺纹理", "肺门", "纵隔"}},
    {{"ABDOMEN", "LIVER"},
     {"腹部", "上腹", "全腹", "腹", "肝", "胆", "胰", "脾"},
     {"肝", "胆", "胰", "脾", "腹", "肠", "胃"},
     {"肝脏", "胆囊", "胰腺", "脾脏"}},
    {{"KIDNEY", "URINARY", "KUB"}, {"泌尿", "肾", "输尿管"}, {"肾", "输尿管", "膀胱", "泌尿"}, {"肾盂", "输尿管"}},
    {{"PELVIS"},
     {"骨盆", "盆腔", "妇科"},
     {"盆", "髂", "骶", "耻骨", "坐骨", "子宫", "膀胱", "前列腺", "髋"},
     {"骨盆"}},
    {{"CSPINE", "CERVICAL"}, {"颈椎"}, {"颈椎", "颈", "椎"}, {"颈椎"}},
    {{"TSPINE", "THORACIC"}, {"胸椎"}, {"胸椎", "椎"}, {"胸椎间盘"}},
    {{"LSPINE", "LUMBAR"}, {"腰椎", "腰"}, {"腰", "椎"}, {"腰椎", "L4/5", "L5/S1"}},
    {{"SSPINE", "SACRUM", "COCCYX"}, {"骶尾", "骶椎", "尾椎"}, {"骶", "尾"}, {"骶尾椎"}},
    {{"KNEE", "PATELLA"}, {"膝", "髌"}, {"膝", "半月板", "髌", "胫骨", "交叉韧带"}, {"膝关节", "半月板", "髌骨"}},
    {{"HIP"}, {"髋"}, {"髋", "股骨头", "髋臼", "股骨颈"}, {"髋关节", "髋臼"}},
    {{"SHOULDER", "SCAPULA"}, {"肩"}, {"肩", "肱骨", "锁骨"}, {"肩关节", "肩峰", "肩袖"}},
    {{"CLAVICLE"}, {"锁骨"}, {"锁骨"}, {"锁骨骨折"}},
    {{"HUMERUS"}, {"肱骨", "上臂"}, {"肱骨", "上臂"}, {"肱骨干"}},
    {{"ELBOW"}, {"肘"}, {"肘", "尺骨", "桡骨", "肱骨"}, {"肘关节"}},
    {{"FOREARM", "RADIUS", "ULNA"}, {"前臂", "尺桡骨", "尺骨", "桡骨"}, {"前臂", "尺", "桡"}, {"尺桡骨"}},
    {{"WRIST"}, {"腕"}, {"腕", "尺", "桡", "舟骨"}, {"腕关节", "腕骨"}},
    {{"HAND", "FINGER", "THUMB"},
     {"手正", "手部", "左手", "右手", "双手", "手指", "手掌"},
     {"手", "指", "掌"},
     {"掌骨", "指骨"}},
    {{"FEMUR", "THIGH"}, {"股骨", "大腿"}, {"股骨", "大腿"}, {"股骨干"}},
    {{"LEG", "TIBIA", "FIBULA"}, {"胫腓骨", "小腿", "下肢"}, {"胫", "腓", "小腿", "下肢", "静脉", "动脉"}, {"胫腓骨"}},
    {{"ANKLE"}, {"踝"}, {"踝", "距骨", "胫", "腓"}, {"踝关节"}},
    {{"FOOT", "TOE", "CALCANEUS"},
     {"足正", "足部", "左足", "右足", "双足", "跟骨", "趾"},
     {"足", "跖", "趾", "跟骨", "距骨"},
     {"跖骨", "跟骨", "趾骨"}},
    {{"THYROID"}, {"甲状腺"}, {"甲状腺"}, {"甲状腺双侧叶"}},
    {{"BREAST", "MAMMA"}, {"乳腺", "乳", "钼靶"}, {"乳", "BI-RADS"}, {"双乳", "BI-RADS"}},
    {{"SINUS", "NOSE"}, {"鼻窦", "鼻"}, {"窦", "鼻"}, {"鼻中隔", "上颌窦"}},
    {{"RIBS", "RIB"}, {"肋"}, {"肋"}, {"肋骨骨折"}},
    {{"PROSTATE"}, {"前列腺"}, {"前列腺"}, {"前列腺"}},
    {{"UTERUS", "OVARY"}, {"子宫", "卵巢"}, {"子宫", "卵巢", "宫"}, {"子宫"}},
};

int parts_count(void)
{
	return (int)(sizeof(parts) / sizeof(parts[0]));
}

/* Codes of up to three letters only as a word of their own: ARM is not in FOREARM. */
static bool has_code(const char *text, const char *code)
{
	size_t length = strlen(code);

	for (const char *at = text; *at; at++) {
		if (strncasecmp(at, code, length) != 0)
			continue;
		if (length > 3 ||
		    ((at == text || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[length])))
			return true;
	}
	return false;
}

/* 胸 is not 胸椎; 股骨 is neither 股骨头 nor 股骨颈, which are of the hip. */
static bool has_name(const char *text, const char *name)
{
	static const char *const other[] = {"椎", "头", "颈"};
	size_t length = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + length, name)) {
		bool is_other = false;

		for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
			is_other = is_other || strncmp(at + length, other[i], strlen(other[i])) == 0;
		if (!is_other)
			return true;
	}
	return false;
}

const char *parts_name(const char *text, int part)
{
	for (int i = 0; i < WORDS && parts[part].codes[i]; i++)
		if (has_code(text, parts[part].codes[i]))
			return parts[part].codes[i];
	for (int i = 0; i < WORDS && parts[part].names[i]; i++)
		if (has_name(text, parts[part].names[i]))
			return parts[part].names[i];
	return NULL;
}

uint32_t parts_named(const char *text)
{
	uint32_t named = 0;

	for (int i = 0; i < parts_count(); i++)
		if (parts_name(text, i))
			named |= UINT32_C(1) << i;
	return named;
}

static const char *first_of(const char *text, const char *const *words)
{
	for (int i = 0; i < WORDS && words[i]; i++)
		if (strstr(text, words[i]))
			return words[i];
	return NULL;
}

const char *parts_mentioned(const char *text, int part)
{
	return first_of(text, parts[part].traces);
}

const char *parts_betrayed(const char *text, int part)
{
	return first_of(text, parts[part].proofs);
}

/* ---- sides ------------------------------------------------------------------------------------------------------------------- */

static const char *const paired[] = {"上肺",   "中肺",   "下肺", "肺上叶", "肺下叶", "肺门", "肺",   "肾上腺", "肾",
                                     "乳",     "膝",     "髋",   "肩",     "踝",     "腕",   "肘",   "股骨",   "胫骨",
                                     "腓骨",   "肱骨",   "尺骨", "桡骨",   "锁骨",   "肋",   "跟骨", "手",     "足",
                                     "基底节", "丘脑",   "额叶", "颞叶",   "顶叶",   "枕叶", "小脑", "半球",   "卵巢",
                                     "输尿管", "上颌窦", "胸腔", "眼",     "耳",     "叶",   NULL};

const char *const *parts_paired(void)
{
	return paired;
}

static bool follows(const char *at, const char *end, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if ((size_t)(end - at) >= length && memcmp(at, words[i], length) == 0)
			return true;
	}
	return false;
}

/* 左心室, 右束支, 左前斜位, 左偏, 向右移位, 左侧卧位: not where something is. */
static bool is_no_side(const struct words_clause *clause, const char *at)
{
	static const char *const heart[] = {"心", "室", "房", "束支", "前",   "后",   "冠",  "主干",
	                                    "偏", "旋", "移", "侧卧", "侧移", "侧偏", "侧位"};
	const char *end = clause->text + clause->length;

	if (at - clause->text >= 3 && (memcmp(at - 3, "向", 3) == 0 || memcmp(at - 3, "往", 3) == 0))
		return true;
	return follows(at + 3, end, heart, sizeof(heart) / sizeof(heart[0]));
}

/* The side that begins at this place, with its length in bytes; 0: none. */
static unsigned side_at(const struct words_clause *clause, const char *at, size_t *length)
{
	static const char *const both[] = {"双侧", "两侧", "左右", "左、右", "双", "两"};
	const char *end = clause->text + clause->length;

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		if (follows(at, end, &both[i], 1)) {
			*length = strlen(both[i]);
			return SIDE_BOTH;
		}
	*length = strlen("左");
	if ((size_t)(end - at) < *length || is_no_side(clause, at))
		return 0;
	if (memcmp(at, "左", *length) == 0)
		return SIDE_LEFT;
	return memcmp(at, "右", *length) == 0 ? SIDE_RIGHT : 0;
}

/* Within the next four characters. */
static bool is_about(const struct words_clause *clause, const char *at, const char *organ)
{
	enum { REACH = 4 * 3 };
	size_t from = (size_t)(at - clause->text), end = from + REACH + strlen(organ);
	struct words_clause near = {clause->text, end < clause->length ? end : clause->length};

	return words_find(&near, from, organ) != NULL;
}

unsigned parts_sides_of(const char *text, bool only_abnormal, const char *organ)
{
	struct words_clause clause;
	unsigned sides = 0, side;
	size_t length;

	while (words_next_clause(&text, &clause)) {
		if (only_abnormal && words_is_normal(&clause))
			continue;
		for (const char *at = clause.text; at < clause.text + clause.length;) {
			side = side_at(&clause, at, &length);
			if (side && (!organ || is_about(&clause, at + length, organ)))
				sides |= side;
			at += side == SIDE_BOTH ? length : 1;
		}
	}
	return sides;
}

unsigned parts_sides(const char *text, bool only_abnormal)
{
	return parts_sides_of(text, only_abnormal, NULL);
}
