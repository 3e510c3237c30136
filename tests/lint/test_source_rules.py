"""Each source rule fails on a bad sample and lets a good one pass."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import options  # noqa: E402
import source_rules as rules  # noqa: E402
from source_rules import Tree  # noqa: E402

FUNCTION = "int f(void);\nint f(void)\n{\n" + "\tf();\n" * 98 + "}\n"
OPTION = 'CONF_OPTION(CONF_A, "a", CONF_NUMBER, "1", 0, 0, "an a")\n'
ROWS = options.read(OPTION)
DOCS = f"x\n{options.BEGIN}\n{options.table(ROWS)}\n{options.END}\ny\n"
RUN = "".join(f"\tstep_{i}(first, second);\n" for i in range(20))

# rule, bad files, good files; a finding is expected in the first file of the bad ones
CASES = [
    (rules.layers, {"lib/base/a.c": '#include "lib/db/db.h"\n'}, {"lib/db/a.c": '#include "lib/base/err.h"\n'}),
    (rules.layers, {"lib/domain/a.c": '#include "lib/intake/intake.h"\n'}, {"lib/intake/a.c": '#include "lib/domain/site.h"\n'}),
    (rules.layers, {"router/a.c": '#include "gateway/x.h"\n'}, {"router/a.c": '#include "router/x.h"\n'}),
    (rules.layers, {"lib/http/a.c": '#include "lib/dicom/dicom.h"\n'}, {"lib/domain/a.c": '#include "lib/dicom/dicom.h"\n'}),
    (rules.layers, {"lib/base/a.c": '#include "err.h"\n'}, {"lib/base/a.c": "#include <err.h>\n"}),
    (rules.layers, {"lib/domain/a.c": '#include "lib/db/internal.h"\n'}, {"lib/db/a.c": '#include "lib/db/internal.h"\n'}),
    (rules.layers, {"lib/base/a.c": '/* */ \n #  include "lib/store/store.h"\n'}, {"lib/store/a.c": '#include "lib/store/store.h"\n'}),
    (rules.borders, {"storescp/a.c": "#include <dcmtk/dcmdata/dctk.h>\n"}, {"lib/dicom/a.cc": "#include <dcmtk/dcmdata/dctk.h>\n"}),
    (rules.borders, {"lib/domain/a.c": "#include <libpq-fe.h>\n"}, {"lib/db/a.c": "#include <libpq-fe.h>\n"}),
    (rules.borders, {"gateway/a.c": "#include <microhttpd.h>\n"}, {"lib/http/a.c": "#include <microhttpd.h>\n"}),
    (rules.sql_in_c, {"lib/domain/a.c": 'x("SELECT "\n "1");\n'}, {"lib/domain/a.c": 'x("could not select a file");\n'}),
    (rules.sql_in_c, {"lib/db/a.c": 'x("insert into t values (1)");\n'}, {"lib/db/a.c": '/* "INSERT INTO t" */ x("BEGIN");\n'}),
    (rules.sql_in_c, {"router/a.c": 'x("COMMIT");\n'}, {"router/a.c": 'x("BEGIN CERTIFICATE");\n'}),
    (
        rules.statements_used,
        {"schema/statements/a.sql": "-- name: a_get\nSELECT 1;\n"},
        {"schema/statements/a.sql": "-- name: a_get\nSELECT 1;\n", "lib/domain/a.c": "x(STMT_A_GET);\n"},
    ),
    (rules.banned_calls, {"lib/base/a.c": "\tstrcpy(a, b);\n"}, {"lib/base/a.c": '\ttext_copy(a, n, b); /* strcpy() */ x("strcpy(");\n'}),
    (rules.banned_calls, {"lib/base/a.c": "\tn = atoi (text);\n"}, {"lib/base/a.c": "\tn = my_atoi(text);\n"}),
    (rules.banned_calls, {"router/a.c": "\tnow = time(NULL);\n"}, {"lib/base/clock.c": "\tnow = time(NULL);\n"}),
    (rules.banned_calls, {"router/a.c": "\tsleep(1);\n"}, {"router/a.c": "\tdaemon_sleep(1);\n"}),
    (
        rules.results_used,
        {"lib/base/a.c": "bool a_go(int n, struct err *err);\nvoid f(void)\n{\n\ta_go(1, &err);\n}\n"},
        {"lib/base/a.c": "bool a_go(int n, struct err *err);\nbool f(void)\n{\n\t(void)a_go(1, &err);\n\tif (!a_go(2, &err))\n\t\t;\n\treturn a_go(1, &err);\n}\n"},
    ),
    (rules.sizes, {"lib/base/a.c": "int a;\n" * 801}, {"lib/base/a.c": "int a;\n" * 800}),
    (rules.sizes, {"lib/base/a.c": FUNCTION.replace("\tf();\n", "\tf();\n\tf();\n", 1)}, {"lib/base/a.c": FUNCTION}),
    (rules.plain_text, {"lib/base/a.c": "int a; \n"}, {"lib/base/a.c": "int a;\n"}),
    (rules.plain_text, {"schema/a.sql": "SELECT 1;\r\n"}, {"schema/a.sql": "SELECT 1;\n"}),
    (rules.plain_text, {"lib/base/a.c": "int a;"}, {"lib/base/a.c": ""}),
    (rules.plain_text, {"lib/base/a.c": "/* TO" + "DO later */\n"}, {"lib/base/a.c": "/* what there is to do */\n"}),
    (
        rules.duplicates,
        {"lib/base/a.c": f"void f(void)\n{{\n{RUN}}}\n", "router/b.c": f"void g(void)\n{{\n{RUN.replace('	', '		')}}}\n"},
        {"lib/base/a.c": f"void f(void)\n{{\n{RUN}}}\n", "router/b.c": f"void g(void)\n{{\n{RUN.replace('first', 'third')}}}\n"},
    ),
    (
        rules.options_documented,
        {"deploy/yingqiao.conf.sample": "# old\n", "docs/operations.md": DOCS, "lib/base/conf_options.def": OPTION},
        {"deploy/yingqiao.conf.sample": options.sample(ROWS), "docs/operations.md": DOCS, "lib/base/conf_options.def": OPTION},
    ),
    (
        rules.options_documented,
        {"docs/operations.md": DOCS.replace("an a", "a b"), "deploy/yingqiao.conf.sample": options.sample(ROWS), "lib/base/conf_options.def": OPTION},
        {"docs/operations.md": DOCS, "deploy/yingqiao.conf.sample": options.sample(ROWS), "lib/base/conf_options.def": OPTION},
    ),
]


@pytest.mark.parametrize("rule, bad, good", CASES, ids=[f"{number}-{case[0].__name__}" for number, case in enumerate(CASES)])
def test_rule(rule, bad, good):
    place = next(iter(bad))
    findings = list(rule(Tree("/nowhere", bad)))
    assert [finding for finding in findings if finding.startswith(place + ":")], f"got {findings}, want a finding in {place}"
    assert list(rule(Tree("/nowhere", good))) == []


def test_every_rule_has_a_case():
    assert {rule.__name__ for rule in rules.RULES} == {case[0].__name__ for case in CASES}


def test_a_row_of_options_that_cannot_be_read_is_an_error():
    with pytest.raises(ValueError):
        options.read('CONF_OPTION(CONF_A, "a", CONF_NUMBER,\n "1", 0, 0, "an a")\n')
