"""The tools behind make lint find what they are there for, with the settings of this tree."""

import pathlib
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **more):
    return subprocess.run(command, cwd=TREE, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **more)


def sample(folder, text, name="sample.c"):
    path = folder / name
    path.write_text(text)
    return path


def format_of(path):
    return run("clang-format-19", "--dry-run", "-Werror", f"--style=file:{TREE / '.clang-format'}", path).returncode


def tidy_of(path):
    return run("clang-tidy-19", "--quiet", f"--config-file={TREE / '.clang-tidy'}", path, "--", "-std=gnu17")


def test_clang_format(tmp_path):
    assert format_of(sample(tmp_path, "int f(void);\nint f(void)\n{\n    return 1;\n}\n")) != 0
    assert format_of(sample(tmp_path, "int f(void);\nint f(void)\n{\n\treturn 1;\n}\n")) == 0


def test_clang_tidy(tmp_path):
    bad = tidy_of(sample(tmp_path, "int f(int *p);\nint f(int *p)\n{\n\tif (p)\n\t\treturn 0;\n\treturn *p;\n}\n"))
    assert bad.returncode != 0 and "NullDereference" in bad.stdout, bad.stdout
    good = tidy_of(sample(tmp_path, "int f(int *p);\nint f(int *p)\n{\n\tif (!p)\n\t\treturn 0;\n\treturn *p;\n}\n"))
    assert good.returncode == 0, good.stdout


def test_cppcheck(tmp_path):
    bad = sample(tmp_path, "int f(void);\nint f(void)\n{\n\tint a[2] = {0};\n\treturn a[2];\n}\n")
    assert run("cppcheck", "-q", "--error-exitcode=1", bad).returncode == 1
    good = sample(tmp_path, "int f(void);\nint f(void)\n{\n\tint a[2] = {0};\n\treturn a[1];\n}\n")
    assert run("cppcheck", "-q", "--error-exitcode=1", good).returncode == 0


def test_shellcheck(tmp_path):
    assert run("shellcheck", "--severity=warning", sample(tmp_path, "#!/bin/sh\ncd $1 && local a=1\n", "a.sh")).returncode == 1
    assert run("shellcheck", "--severity=warning", sample(tmp_path, '#!/bin/sh\ncd "$1" || exit 1\n', "a.sh")).returncode == 0


def test_statements_are_checked_when_they_are_generated(tmp_path):
    cases = [
        ("-- name: a_get\n-- $1 an id\nSELECT $1;\n", 0),
        ("-- name: a_get\nSELECT $1;\n", 1),  # not described
        ("-- name: a_get\n-- $1 an id\nSELECT 1;\n", 1),  # not used
        ("-- name: a_get\nSELECT 1;\nSELECT 2;\n", 1),  # two statements
        ("-- name: a_get\nSELECT 1;\n-- name: a_get\nSELECT 2;\n", 1),  # one name twice
        ("SELECT 1;\n", 1),  # no name
        ("-- name: a_get\nSELECT 1\n", 1),  # no end
    ]
    for text, want in cases:
        path = sample(tmp_path, text, "a.sql")
        got = run("schema/generate-statements", tmp_path / "out", path)
        assert got.returncode == want, f"{text!r}: got {got.returncode} {got.stderr}, want {want}"


def test_migrations_have_no_gap(tmp_path):
    first, third = sample(tmp_path, "SELECT 1;\n", "0001_a.sql"), sample(tmp_path, "SELECT 1;\n", "0003_c.sql")
    assert run("schema/generate-migrations", tmp_path / "out", first).returncode == 0
    assert run("schema/generate-migrations", tmp_path / "out", first, third).returncode == 1
