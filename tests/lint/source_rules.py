"""The rules of the source text that no compiler checks. Each rule takes a Tree and yields findings "path:line: what is wrong".

Run by tests/lint/run; tests/lint/test_source_rules.py shows for each that it fails on a bad sample.
"""

import collections
import pathlib
import re
import subprocess

import c_text

LINES_PER_FILE = 800
LINES_PER_FUNCTION = 100
LINES_ALIKE = 14

C_LIKE = (".c", ".cc", ".h")
PROGRAMS = ("storescp", "router", "gateway/yqctl", "gateway", "deploy/supervisor")


class Tree:
    """Files of the project: those that git knows or would add; or given ones, for tests."""

    def __init__(self, root, files=None):
        self.root = pathlib.Path(root)
        if files is None:
            command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
            names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
            files = {name: None for name in sorted(set(names)) if name and (self.root / name).is_file()}
        self.files = dict(files)

    def text(self, name):
        if self.files[name] is None:
            self.files[name] = (self.root / name).read_bytes().decode("utf-8", "replace")
        return self.files[name]

    def named(self, *endings, under=()):
        for name in self.files:
            if name.endswith(endings) and (not under or name.startswith(tuple(under))):
                yield name, self.text(name)

    def c_files(self, under=("lib/", "storescp/", "router/", "gateway/", "deploy/", "tests/")):
        return self.named(*C_LIKE, under=under)


# --- layers -------------------------------------------------------------------------------------------------------------

LAYERS = {
    "lib/base": ["lib/base"],
    "lib/db": ["lib/base", "lib/db", "gen"],
    "lib/dicom": ["lib/base", "lib/dicom"],
    "lib/http": ["lib/base", "lib/http"],
    "lib/store": ["lib/base", "lib/store"],
    "lib/domain": ["lib/base", "lib/db", "lib/dicom", "lib/http", "lib/store", "lib/domain"],
    "lib/intake": ["lib/base", "lib/db", "lib/dicom", "lib/http", "lib/store", "lib/domain", "lib/intake"],
    "lib/transport": ["lib/base", "lib/db", "lib/dicom", "lib/http", "lib/store", "lib/domain", "lib/transport"],
}
ALL_LIBS = ["lib/base", "lib/db", "lib/dicom", "lib/http", "lib/store", "lib/domain", "lib/intake", "lib/transport"]


def part_of(name):
    """lib/base/err.h -> lib/base, gateway/yqctl/main.c -> gateway/yqctl, tests/unit/base/x.c -> tests."""
    if name.startswith("tests/"):
        return "tests"
    for program in PROGRAMS:
        if name.startswith(program + "/"):
            return program
    pieces = name.split("/")
    return "/".join(pieces[:2]) if pieces[0] == "lib" else pieces[0]


def may_include(part):
    if part in LAYERS:
        return LAYERS[part]
    if part == "deploy/supervisor":
        return ["lib/base", part]
    if part == "tests":
        return ALL_LIBS + list(PROGRAMS) + ["tests", "gen"]
    return ALL_LIBS + [part]


def layers(tree):
    """Includes point one way, name their path from the root, and leave the internals of others alone."""
    for name, text in tree.c_files():
        part = part_of(name)
        for line, included, ours in c_text.includes(text):
            if not ours or included.startswith(tuple(start for start, _, _ in FOREIGN)):
                continue
            other = part_of(included)
            if "/" not in included:
                yield f"{name}:{line}: include {included} by its path from the root of the tree"
            elif other not in may_include(part):
                yield f"{name}:{line}: {part} may not include {included}"
            elif re.search(r"(^|/)(internal|implementation)\.h$", included) and other != part and part != "tests":
                yield f"{name}:{line}: {included} belongs to {other} alone"


FOREIGN = [
    ("dcmtk/", ["lib/dicom"], "DCMTK"),
    ("libpq-fe.h", ["lib/db", "tests"], "libpq"),
    ("microhttpd.h", ["lib/http", "tests"], "libmicrohttpd"),
    ("xlsxwriter", ["lib/domain"], "libxlsxwriter"),
    ("wslay/", ["lib/http"], "wslay"),
    ("curl/", ["lib/http", "lib/store", "tests"], "libcurl"),
]


PEERS = "tests/peers/"  # what others would be, made of a foreign library alone, so that it says nothing about ours


def borders(tree):
    """A foreign library has one part that knows it."""
    for name, text in tree.c_files():
        if name.startswith(PEERS):
            continue
        for line, included, _ in c_text.includes(text):
            for start, parts, library in FOREIGN:
                if included.startswith(start) and part_of(name) not in parts:
                    yield f"{name}:{line}: {library} is known to {parts[0]} only"


# --- SQL ----------------------------------------------------------------------------------------------------------------

SQL = re.compile(
    r"\bSELECT\b\s|\b(CREATE|ALTER|DROP)\s+(TABLE|ROLE|INDEX|TYPE|SCHEMA|FUNCTION)\b"
    r"|^\s*(SAVEPOINT|NOTIFY|PREPARE|DEALLOCATE|TRUNCATE|COPY|SET\s+(LOCAL|ROLE|SESSION))\b"
    r"|(?i:\bselect\b.+\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\w+\s+set\b)"
)
# Words of the session that lib/db alone says.
SESSION_SQL = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK)(\s+(TRANSACTION|WORK|ISOLATION|READ).*)?;?\s*$|^\s*(UN)?LISTEN\s")


def sql_in_c(tree):
    """All SQL lies under schema/; only the database tests may try things that no program does."""
    for name, text in tree.c_files(under=("lib/", "storescp/", "router/", "gateway/", "deploy/", "tests/unit/")):
        for line, content in c_text.strings(text):
            if SQL.search(content) or (SESSION_SQL.search(content) and part_of(name) != "lib/db"):
                yield f'{name}:{line}: SQL text in C: "{content[:50]}"'


def statements_used(tree):
    """A named statement that nothing uses is dead."""
    used = set()
    for _, text in tree.c_files():
        used.update(re.findall(r"\bSTMT_([A-Z0-9_]+)\b", text))
    for name, text in tree.named(".sql", under=("schema/statements/",)):
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r"-- name:\s*(\w+)", line)
            if match and match[1].upper() not in used:
                yield f"{name}:{number}: no program uses statement {match[1]}"


# --- calls --------------------------------------------------------------------------------------------------------------

BANNED = {
    "strcpy": "text_copy()", "strcat": "struct text_buf", "sprintf": "snprintf()", "vsprintf": "vsnprintf()", "gets": "fgets()",
    "strncpy": "text_copy()", "strncat": "struct text_buf", "strtok": "strtok_r() or strsep()", "atoi": "strtol() with checks",
    "atol": "strtol() with checks", "atoll": "strtoll() with checks", "atof": "strtod() with checks", "system": "posix_spawn()",
    "popen": "posix_spawn()", "alloca": "a bound", "tmpnam": "mkstemp()", "mktemp": "mkstemp()", "rand": "text_random()",
    "srand": "text_random()", "random": "text_random()", "localtime": "lib/base/clock.h", "gmtime": "gmtime_r()",
    "asctime": "lib/base/clock.h", "ctime": "lib/base/clock.h", "usleep": "daemon_sleep()", "sleep": "daemon_sleep()",
}
CLOCKS = ("time", "clock_gettime", "gettimeofday")
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")


def banned_calls(tree):
    """Calls that cannot be made safe, and clocks that tests could not move."""
    for name, text in tree.c_files():
        in_program = not name.startswith("tests/")
        for number, line in enumerate(c_text.code_only(text).split("\n"), 1):
            for called in CALL.findall(line):
                if called in BANNED and (in_program or called != "usleep"):
                    yield f"{name}:{number}: {called}() is banned; use {BANNED[called]}"
                elif in_program and called in CLOCKS and part_of(name) != "lib/base":
                    yield f"{name}:{number}: {called}() outside lib/base; use lib/base/clock.h"


FALLIBLE = re.compile(r"\bbool\s+(\w+)\s*\(([^;{}]*?)\bstruct err \*err\s*\)", re.DOTALL)


def results_used(tree):
    """A fallible function's result is looked at, or thrown away with (void)."""
    in_headers = set()
    for name, text in tree.c_files():
        if name.endswith(".h"):
            in_headers.update(match[1] for match in FALLIBLE.finditer(c_text.code_only(text)))
    statement = re.compile(r"(?<=[;{}])\s*(\w+)\s*\(")
    for name, text in tree.c_files(under=("lib/", "storescp/", "router/", "gateway/", "deploy/")):
        code = re.sub(r"^[ \t]*#.*$", "", c_text.code_only(text), flags=re.MULTILINE)
        fallible = in_headers.union(match[1] for match in FALLIBLE.finditer(code))
        for match in statement.finditer(code):
            if match[1] in fallible:
                number = code.count("\n", 0, match.start(1)) + 1
                yield f"{name}:{number}: the result of {match[1]}() is not looked at"


# --- sizes and text -----------------------------------------------------------------------------------------------------


def sizes(tree):
    """Files and functions stay readable."""
    for name, text in tree.named(".c", ".cc", ".h", ".py", ".sql", ".sh", ".awk", "Makefile"):
        lines = text.count("\n")
        if lines > LINES_PER_FILE:
            yield f"{name}:1: {lines} lines; split it ({LINES_PER_FILE} at most)"
    for name, text in tree.c_files():
        for line, count, function in c_text.functions(text):
            if count > LINES_PER_FUNCTION:
                yield f"{name}:{line}: {function}() has {count} lines; split it ({LINES_PER_FUNCTION} at most)"


TEXT_FILES = (".c", ".cc", ".h", ".def", ".py", ".sql", ".sh", ".awk", ".md", ".json", ".sample", "Makefile")


def plain_text(tree):
    """UTF-8, line feeds, no blanks at the ends of lines, no notes to oneself."""
    for name, text in tree.named(*TEXT_FILES):
        if "\ufffd" in text:
            yield f"{name}:1: not UTF-8"
        if text and not text.endswith("\n"):
            yield f"{name}:{text.count(chr(10)) + 1}: no line feed at the end"
        for number, line in enumerate(text.split("\n"), 1):
            if line.endswith("\r"):
                yield f"{name}:{number}: carriage return"
            elif line != line.rstrip() and not name.endswith(".md"):
                yield f"{name}:{number}: blank at the end of the line"
            if re.search(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", line):
                yield f"{name}:{number}: finish it, or file it as an issue"


def duplicates(tree):
    """The same run of lines in two places wants to be a function."""
    seen = collections.defaultdict(list)
    for name, text in tree.c_files():
        if not name.endswith((".c", ".cc")):
            continue
        lines = [(number, " ".join(line.split())) for number, line in enumerate(c_text.code_only(text).split("\n"), 1)]
        raw = text.split("\n")
        lines = [(n, " ".join(raw[n - 1].split())) for n, line in lines if len(line) > 3 and not line.startswith("#")]
        for start in range(len(lines) - LINES_ALIKE + 1):
            window = lines[start : start + LINES_ALIKE]
            seen["\n".join(line for _, line in window)].append((name, window[0][0]))
    reported = set()
    for places in seen.values():
        for (name, line), (other, other_line) in zip(places, places[1:]):
            if (name, other, line - other_line) not in reported:
                reported.add((name, other, line - other_line))
                yield f"{name}:{line}: {LINES_ALIKE} lines as in {other}:{other_line}"


# --- options against sample and documentation ---------------------------------------------------------------------------


def options_documented(tree):
    """The sample file and docs/operations.md say what conf_options.def says."""
    import options

    if "lib/base/conf_options.def" not in tree.files:
        return
    known = options.read(tree.text("lib/base/conf_options.def"))
    sample = "deploy/yingqiao.conf.sample"
    if sample not in tree.files:
        yield f"{sample}:1: missing; run tests/lint/options.py --write"
    elif tree.text(sample) != options.sample(known):
        yield f"{sample}:1: differs from the table; run tests/lint/options.py --write"
    docs = "docs/operations.md"
    if docs not in tree.files or options.replaced(tree.text(docs), known) is None:
        yield f"{docs}:1: no table of options between {options.BEGIN} and {options.END}"
    elif options.replaced(tree.text(docs), known) != tree.text(docs):
        yield f"{docs}:1: the table of options is old; run tests/lint/options.py --write"


RULES = [layers, borders, sql_in_c, statements_used, banned_calls, results_used, sizes, plain_text, duplicates, options_documented]
