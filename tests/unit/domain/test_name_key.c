/* What a patient is found by, in every spelling that people type. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/name_key.h"
#include "lib/domain/pinyin.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool finds(const char *typed, const char *name, const char *id)
{
	char term[NAME_KEY_SIZE];
	struct name_keys keys;

	name_keys_make(name, id, &keys);
	if (!name_key_term(typed, term))
		return false;
	for (size_t i = 0; i < keys.count; i++)
		if (strncmp(keys.keys[i].text, term, strlen(term)) == 0)
			return true;
	return false;
}

Test(name_key, every_spelling_finds_and_others_do_not)
{
	static const struct {
		const char *name, *found, *not_found; /* separated by | */
	} cases[] = {
	    {"李^桂英",
	     "李桂英|李^桂英|李 桂英|李|桂英|英|liguiying|LiGuiYing|li gui ying|Li, GuiYing|lǐ guì yīng|li3 gui4 ying1|"
	     "li3gui4ying1|ligui|guiying|ying|lgy|LGY|l g y|gy|ligy|LI^GUIYING=李^桂英|ＬＧＹ",
	     "李英|王|lg y x|liying|yinggui|%|_|李%|%英|l_y|lgy%|?|*|"},
	    {"LI^GUIYING=李^桂英", "李桂英|liguiying|guiying li|lgy|lg", "王桂英"},
	    {"LI^GUIYING", "liguiying|li guiying|guiying|guiying li|GUIYING^LI|lg|lgy|lǐ", "李桂英|ying li"},
	    {"LIGUIYING", "lgy|liguiying", "guiying"},
	    {"单^雄信", "shanxiongxin|danxiongxin|sxx|dxx|shan xiong xin", "chanxiongxin"},
	    {"解^缙", "xiejin|jiejin|xj|jj", ""},
	    {"查^良镛", "zhaliangyong|chaliangyong|zly|cly", ""},
	    {"仇^英", "qiuying|chouying", ""},
	    {"区^小明", "ouxiaoming|quxiaoming|oxm", ""},
	    {"尉迟^恭", "yuchigong|weichigong|ycg|尉迟|迟恭", ""},
	    {"万俟^卨", "moqi|wanqi|万俟", ""},
	    {"曾^国藩", "zengguofan|cengguofan|zgf", ""},
	    {"任^强", "renqiang|rq", ""},
	    {"盖^叫天", "gejiaotian|gaijiaotian", ""},
	    {"朴^正熙", "piaozhengxi|puzhengxi|pzx", ""},
	    {"乐^嘉", "yuejia|lejia", ""},
	    {"翟^天", "zhaitian|ditian", ""},
	    {"缪^小红", "miaoxiaohong|mouxiaohong", ""},
	    {"覃^海", "qinhai|tanhai", ""},
	    {"吕^小女", "lvxiaonv|luxiaonu|lü xiao nü|lǚ|lxn", ""},
	    {"陳^大文", "陈大文|陳大文|chendawen|cdw", ""},
	    {"𠮷田^三郎", "𠮷田|田三郎", ""},
	    {"吴　文斌", "吴文斌|wuwenbin|wwb", ""},
	    {"买买提·吐尔逊", "买买提|吐尔逊|买买提.吐尔逊|mmttex", ""},
	    {"Buc^Jérôme", "buc|jerome|jérôme buc|bj|Buc^Jer", "rome"},
	    {"Люк^Скай", "люк|luk|luk skaj|скай", ""},
	    {"김^희중", "김희중|희중|gimhuijung", ""},
	    {"张\xef\xbf\xbd", "张|zhang", "张三"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int wanted = 0; wanted < 2; wanted++) {
			char list[512], *next = list, *typed;

			text_copy(list, sizeof list, wanted ? cases[i].found : cases[i].not_found);
			while ((typed = strsep(&next, "|")))
				if (!wanted || *typed)
					cr_expect_eq(finds(typed, cases[i].name, "P1"), wanted, "%s: \"%s\" %s",
					             cases[i].name, typed, wanted ? "is not found" : "is found");
		}
}

Test(name_key, ids_are_found_by_their_beginning_and_their_end)
{
	static const struct {
		const char *id, *typed;
		bool wanted;
	} cases[] = {
	    {"TS-2026-0017", "ts2026", true},
	    {"TS-2026-0017", "TS-2026-0017", true},
	    {"TS-2026-0017", "0017", true},
	    {"TS-2026-0017", "260017", true},
	    {"TS-2026-0017", "026", false},
	    {"440781195703121230", "1230", true},
	    {"440781195703121230", "44078", true},
	    {"1", "1", true},
	    {"", "1", false},
	    {"12345", "2345", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		cr_expect_eq(finds(cases[i].typed, "", cases[i].id), cases[i].wanted, "%s in %s", cases[i].typed,
		             cases[i].id);
}

Test(name_key, whole_names_are_told_from_parts)
{
	static const struct {
		const char *name, *key, *kind;
	} cases[] = {{"LI^GUIYING=李^桂英", "李桂英", "name"},     {"LI^GUIYING=李^桂英", "liguiying", "reading"},
	             {"LI^GUIYING=李^桂英", "桂英", "part"},       {"陳^大文", "陈大文", "name"},
	             {"张\xef\xbf\xbd", "张\xef\xbf\xbd", "part"}, {"王", "王", "part"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct name_keys keys;
		const char *got = "none";

		name_keys_make(cases[i].name, "", &keys);
		for (size_t k = 0; k < keys.count; k++)
			if (strcmp(keys.keys[k].text, cases[i].key) == 0)
				got = name_key_kind_name(keys.keys[k].kind);
		cr_expect_str_eq(got, cases[i].kind, "%s: %s is a %s", cases[i].name, cases[i].key, got);
	}
}

/* Bounded, without doubles, and always text that the ledger takes: whatever a console sends. */
Test(name_key, nothing_hostile_makes_a_bad_key)
{
	uint32_t seed = 7;

	for (int round = 0; round < 3000; round++) {
		char name[400];
		struct name_keys keys;
		size_t length = 0;

		while (length + 5 < sizeof name) {
			static const char *const pieces[] = {"李", "^", "=", " ",  "a", "é",  "𠮷", "\xef\xbf\xbd",
			                                     "曾", "'", "%", "尉", "ﷺ", "㍿", "9"};

			seed = seed * 1664525 + 1013904223;
			length += (size_t)snprintf(name + length, sizeof name - length, "%s",
			                           pieces[(seed >> 16) % COUNT(pieces)]);
			if ((seed >> 8) % 40 == 0)
				break;
		}
		name_keys_make(name, name, &keys);
		for (size_t i = 0; i < keys.count; i++) {
			size_t size = strlen(keys.keys[i].text);

			cr_assert(size > 0 && size <= 96 && text_is_utf8(keys.keys[i].text, size), "%s: %s", name,
			          keys.keys[i].text);
			for (size_t k = 0; k < i; k++)
				cr_assert_str_neq(keys.keys[i].text, keys.keys[k].text);
		}
	}
}

Test(pinyin, is_split_into_syllables)
{
	static const struct {
		const char *word, *want;
	} cases[] = {{"guiying", "gui ying"},
	             {"zhangsan", "zhang san"},
	             {"xiaoming", "xiao ming"},
	             {"lina", "li na"},
	             {"xian", "xian"},
	             {"erhu", "er hu"},
	             {"lvbu", "lv bu"},
	             {"muller", ""},
	             {"smith", ""},
	             {"", ""},
	             {"angang", "an gang"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t starts[PINYIN_SYLLABLES_MAX], count = pinyin_split(cases[i].word, starts);
		char got[64] = "";

		for (size_t k = 0; k < count; k++) {
			size_t end = k + 1 < count ? starts[k + 1] : strlen(cases[i].word);

			snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", k ? " " : "",
			         (int)(end - starts[k]), cases[i].word + starts[k]);
		}
		cr_expect_str_eq(got, cases[i].want, "%s: got %s", cases[i].word, got);
	}
}
