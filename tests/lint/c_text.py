"""Just enough reading of C and C++ for the source rules: code without comments and literals, and the string literals."""

import functools
import re

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<char>'(?:\\.|[^'\\\n])+')""",
    re.DOTALL | re.VERBOSE,
)


def _blank(text):
    return "".join("\n" if c == "\n" else " " for c in text)


@functools.lru_cache(maxsize=None)
def code_only(text):
    """The same text, comments and the insides of literals blanked, so that line numbers and columns stay."""

    def replace(match):
        if match["comment"]:
            return _blank(match[0])
        return match[0][0] + _blank(match[0][1:-1]) + match[0][-1]

    return TOKEN.sub(replace, text)


def strings(text):
    """(line number, content) of the string literals; those that follow one another are one."""
    found = []
    end_of_last = None
    for match in TOKEN.finditer(text):
        if match["string"] is None:
            continue
        content = match[0][1:-1]
        between = code_only(text)[end_of_last : match.start()] if end_of_last is not None else "x"
        if not between.strip():
            line, before = found[-1]
            found[-1] = (line, before + content)
        else:
            found.append((text.count("\n", 0, match.start()) + 1, content))
        end_of_last = match.end()
    return found


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def includes(text):
    """(line number, name, whether it is one of ours) of every #include."""
    return [(text.count("\n", 0, m.start()) + 1, m[2], m[1] == '"') for m in INCLUDE.finditer(text)]


def functions(text):
    """(first line, number of lines, name) of every function body that opens with a brace in the first column, or in a class behind one tab."""
    lines = code_only(text).split("\n")
    found, start, name, indent, in_class = [], None, "", "", False
    for number, line in enumerate(lines, 1):
        if line.startswith("{") and start is None and re.match(r"(class|struct)\b[^()]*$", lines[number - 2]):
            in_class = True
        elif start is None and (line.startswith("{") or (in_class and line.startswith("\t{"))):
            start, indent = number, "\t" if line.startswith("\t") else ""
            head = " ".join(lines[max(0, number - 6) : number - 1])
            names = re.findall(r"(\w+)\s*\(", head)
            name = names[-1] if names else "?"
            for candidate in re.finditer(r"(\w+)\s*\(", head):
                if candidate[1] not in ("format", "__attribute__"):
                    name = candidate[1]
        elif start is not None and line.startswith(indent + "}"):
            found.append((start, number - start + 1, name))
            start = None
        elif line.startswith("}"):
            in_class = False
    return found
