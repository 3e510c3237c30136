"""The checks of the browser application find what they are there for."""

import pathlib
import subprocess

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
WEB = TREE / "gateway" / "web"

ZH = "export default { hello: '你好', bye: '再见 {name}', deep: { er: '更深', est: '最深' }, language: 'English' }\n"
EN = "export default { hello: 'Hello', bye: 'Bye {name}', deep: { er: 'Deeper', est: 'Deepest' }, language: '中文' }\n"
INDEX = "import frame from './frame'\n\nexport default { frame }\n"
CODE = "/* 注释 */\nconst { t } = useI18n()\nconst level = 'er' // 级别\nt('frame.hello'); t('frame.bye', { name: 'x' }); t(`frame.deep.${level}`); t('frame.language')\n"
PAGE = "<script setup lang=\"ts\">\nconst a = 1\n</script>\n<template>\n  <!-- 注释 -->\n  <p :title=\"t('frame.hello')\">{{ a }}</p>\n</template>\n<style>\n/* 注释 */\n</style>\n"


def findings(folder, **changed):
    files = {"i18n/zh-CN/index.ts": INDEX, "i18n/en/index.ts": INDEX, "i18n/zh-CN/frame.ts": ZH, "i18n/en/frame.ts": EN, "code.ts": CODE,
             "Page.vue": PAGE, **{key.replace("__", "/"): text for key, text in changed.items()}}
    for name, text in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(["node", TREE / "tests" / "lint" / "web_texts.mjs", folder], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert done.returncode == (1 if lines else 0)
    return lines


def test_texts_in_order_are_left_alone(tmp_path):
    assert findings(tmp_path) == []


@pytest.mark.parametrize("name,old,new,want", [
    ("i18n/zh-CN/frame.ts", "bye: '再见 {name}', ", "", "src/i18n/en/frame.ts:1: frame.bye has no Chinese text"),
    ("i18n/en/frame.ts", "er: 'Deeper', ", "", "src/i18n/zh-CN/frame.ts:1: frame.deep.er has no English text"),
    ("i18n/en/frame.ts", "Bye {name}", "Bye", "src/i18n/en/frame.ts:1: frame.bye does not fill in what the Chinese text does: name"),
    ("i18n/en/frame.ts", "Hello", "Hello 你好", "src/i18n/en/frame.ts:1: the English text of frame.hello has Chinese in it"),
    ("i18n/en/frame.ts", "'Hello'", "''", "src/i18n/en/frame.ts:1: frame.hello is empty"),
    ("i18n/en/frame.ts", "'Hello'", "`Hello ${1}`", "src/i18n/en/frame.ts:1: the text of frame.hello is no string"),
    ("i18n/zh-CN/frame.ts", "你好", "已入队", "src/i18n/zh-CN/frame.ts:1: frame.hello says 入队, which is no word for the screen"),
    ("code.ts", "frame.bye", "frame.gone", "src/code.ts:4: there is no text frame.gone"),
    ("code.ts", "frame.deep.$", "frame.none.$", "src/code.ts:4: there is no text frame.none.*"),
    ("code.ts", "t('frame.bye', { name: 'x' }); ", "", "src/i18n/zh-CN/frame.ts:1: nothing uses frame.bye"),
    ("code.ts", "t(`frame.deep.${level}`); ", "", "src/i18n/zh-CN/frame.ts:1: nothing uses frame.deep.est"),
    ("code.ts", "'er'", "'更'", "src/code.ts:3: Chinese in the code: 更"),
    ("code.ts", "'er'", "`更${1}`", "src/code.ts:3: Chinese in the code: 更"),
    ("code.ts", "t('frame.hello')", "x.innerHTML = '<b>'", "src/code.ts:4: innerHTML makes code or HTML of a text"),
    ("Page.vue", "{{ a }}", "再见", "src/Page.vue:6: Chinese in the template: 再见"),
    ("Page.vue", "{{ a }}", "{{ a + '再见' }}", "src/Page.vue:6: Chinese in the code: 再见"),
    ("Page.vue", ":title=\"t('frame.hello')\"", "title=\"再见\"", "src/Page.vue:6: Chinese in the template: 再见"),
    ("Page.vue", "frame.hello", "frame.gone", "src/Page.vue:6: there is no text frame.gone"),
    ("Page.vue", "const a = 1", "const a = '再见'", "src/Page.vue:2: Chinese in the code: 再见"),
    ("Page.vue", "<p ", "<p v-html=\"a\" ", "src/Page.vue:6: v-html makes code or HTML of a text"),
    ("Page.vue", "/* 注释 */", "p::before { content: '再见' }", "src/Page.vue:8: Chinese in a style"),
])
def test_a_fault_in_texts_is_found(tmp_path, name, old, new, want):
    whole = {"i18n/zh-CN/frame.ts": ZH, "i18n/en/frame.ts": EN, "code.ts": CODE, "Page.vue": PAGE}[name]
    assert old in whole
    got = findings(tmp_path, **{name.replace("/", "__"): whole.replace(old, new, 1)})
    assert want in got, got


def types_of(folder, page):
    (folder / "node_modules").symlink_to(WEB / "node_modules")
    (folder / "tsconfig.json").write_text((WEB / "tsconfig.json").read_text())
    (folder / "src").mkdir()
    (folder / "src" / "Page.vue").write_text(page)
    return subprocess.run(["node", "node_modules/vue-tsc/bin/vue-tsc.js", "--noEmit"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page,want", [
    (PAGE.replace("t('frame.hello')", "String(a)"), None),
    (PAGE.replace("t('frame.hello')", "a.length"), "Property 'length' does not exist on type"),
    (PAGE.replace("t('frame.hello')", "String(a)").replace("const a = 1", "const a: number = 'x'"), "is not assignable to type 'number'"),
])
def test_types_of_script_and_template_are_checked(tmp_path, page, want):
    done = types_of(tmp_path, page)
    if want is None:
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode != 0 and want in done.stdout, done.stdout
