#include "lib/domain/report_words.h"

#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static size_t separator_at(const char *text)
{
	static const char *const separators[] = {"。", "；", "，", "！", "？", ";", ",", "\n", "但"};

	for (size_t i = 0; i < COUNT(separators); i++)
		if (strncmp(text, separators[i], strlen(separators[i])) == 0)
			return strlen(separators[i]);
	return 0;
}

bool words_next_clause(const char **rest, struct words_clause *out)
{
	const char *at = *rest;
	size_t length;

	while ((length = separator_at(at)) > 0 || *at == ' ')
		at += length > 0 ? length : 1;
	if (!*at)
		return false;
	out->text = at;
	while (*at && separator_at(at) == 0)
		at++;
	out->length = (size_t)(at - out->text);
	*rest = at;
	return true;
}

const char *words_find(const struct words_clause *clause, size_t from, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = from; i + length <= clause->length; i++)
		if (memcmp(clause->text + i, word, length) == 0)
			return clause->text + i;
	return NULL;
}

bool words_has(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

static bool begins(const char *text, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(end - text) >= length && memcmp(text, word, length) == 0;
}

static bool ends(const char *start, const char *at, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(at - start) >= length && memcmp(at - length, word, length) == 0;
}

/* ---- denial ----------------------------------------------------------------------------------------------------------------- */

/* 不除外, 不能排除, 待排除: the opposite of an exclusion. */
static bool is_left_open(const char *start, const char *at)
{
	static const char *const open[] = {"不", "不能", "不能完全", "未能", "无法", "待", "尚待", "难以", "未"};

	for (size_t i = 0; i < COUNT(open); i++)
		if (ends(start, at, open[i]))
			return true;
	return false;
}

/* 无 that denies nothing of what follows: 无菌性坏死, 无症状, 无法除外, 有无. */
static bool is_other_wu(const char *start, const char *at, const char *end)
{
	static const char *const follows[] = {"法", "菌", "症状", "痛", "功能"};

	for (size_t i = 0; i < COUNT(follows); i++)
		if (begins(at + strlen("无"), end, follows[i]))
			return true;
	return ends(start, at, "有");
}

static bool denies(const char *start, const char *at, const char *end)
{
	static const char *const words[] = {"未见",   "未发现", "未显示", "未探及", "未示", "未及",
	                                    "未提示", "未触及", "未检出", "未查见", "没有", "不伴",
	                                    "不考虑", "不支持", "否认",   "不符合"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (begins(at, end, words[i]))
			return true;
	if (begins(at, end, "无"))
		return !is_other_wu(start, at, end);
	return (begins(at, end, "除外") || begins(at, end, "排除")) && !is_left_open(start, at);
}

/* 气胸已吸收, 夹层已除外, 骨折未见 */
static bool is_denied_behind(const char *at, const char *end)
{
	static const char *const words[] = {"未见",   "已吸收", "已消失", "消失",   "基本吸收",
	                                    "已除外", "除外",   "可除外", "已排除", "可排除"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (begins(at, end, words[i]))
			return true;
	return false;
}

/* From where on everything in the clause is denied; its end: nowhere. */
static const char *denied_from(const struct words_clause *clause)
{
	const char *end = clause->text + clause->length;

	for (const char *at = clause->text; at < end; at++)
		if (denies(clause->text, at, end))
			return at;
	return end;
}

bool words_is_denied(const struct words_clause *clause, const char *at, size_t length)
{
	return denied_from(clause) < at || is_denied_behind(at + length, clause->text + clause->length);
}

bool words_states(const char *text, const char *word)
{
	struct words_clause clause;
	size_t length = strlen(word);

	while (words_next_clause(&text, &clause)) {
		const char *at = words_find(&clause, 0, word), *denied = at ? denied_from(&clause) : NULL;

		for (; at && denied >= at; at = words_find(&clause, (size_t)(at - clause.text) + length, word))
			if (!is_denied_behind(at + length, clause.text + clause.length))
				return true;
	}
	return false;
}

bool words_is_normal(const struct words_clause *clause)
{
	static const char *const words[] = {"未见",   "正常", "未发现", "未探及", "未检出", "无明显",
	                                    "无异常", "无殊", "阴性",   "清晰",   "光整",   "居中"};
	static const char *const doubts[] = {"不正常", "正常范围外", "欠清晰", "不清晰", "欠光整"};

	for (size_t i = 0; i < COUNT(doubts); i++)
		if (words_find(clause, 0, doubts[i]))
			return false;
	for (size_t i = 0; i < COUNT(words); i++)
		if (words_find(clause, 0, words[i]))
			return true;
	return false;
}
