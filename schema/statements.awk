# Reads named statements and writes the enum and the table. POSIX awk; variables header and code name the outputs.
#
# A statement is
#	-- name: delivery_claim
#	-- What it is for.
#	-- $1 what the first parameter is      (one such line each, in order)
#	SELECT ...;
# and is refused when its name was used before, when a parameter is not described or not used, or when it is not
# exactly one statement.

function fail(text) {
	printf "%s:%d: %s\n", at_file, at_line, text > "/dev/stderr"
	failed = 1
}

# The SQL of a line without string literals and trailing comment, for counting parameters and semicolons.
function bare(line,    out, i, c, quoted) {
	out = ""
	quoted = 0
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "'")
			quoted = !quoted
		else if (!quoted && c == "-" && substr(line, i + 1, 1) == "-")
			break
		else if (!quoted)
			out = out c
	}
	return out
}

function note_parameters(text,    n) {
	while (match(text, /\$[0-9]+/)) {
		n = substr(text, RSTART + 1, RLENGTH - 1) + 0
		used[n] = 1
		if (n > highest)
			highest = n
		text = substr(text, RSTART + RLENGTH)
	}
}

function c_string(line) {
	gsub(/[\\"]/, "\\\\&", line)
	gsub(/\t/, "\\t", line)
	return line
}

function finish(    i) {
	if (name == "")
		return
	at_line = name_line
	if (sql == "")
		fail("statement " name " has no text")
	else if (!ended)
		fail("statement " name " does not end with a semicolon")
	for (i = 1; i <= highest; i++)
		if (!(i in used))
			fail("statement " name " does not use $" i)
	if (described != highest)
		fail("statement " name " has " highest " parameters, " described " described")
	count++
	names[count] = name
	texts[count] = sql
	params[count] = highest
	name = ""
}

function begin(line) {
	finish()
	name = line
	sub(/^-- name:[ \t]*/, "", name)
	sub(/[ \t]+$/, "", name)
	name_line = FNR
	at_line = FNR
	if (name !~ /^[a-z][a-z0-9_]*$/)
		fail("cannot use the name '" name "': small letters, digits and _ only")
	if (name in seen)
		fail("statement " name " was defined before, at " seen[name])
	seen[name] = FILENAME ":" FNR
	sql = ""
	ended = 0
	described = 0
	highest = 0
	split("", used)
}

FNR == 1 {
	finish()
	at_file = FILENAME
}
{ at_line = FNR }
/\r/ { fail("carriage return") }
/^-- name:/ {
	begin($0)
	next
}
/^[ \t]*--/ {
	if ($0 ~ /^-- \$[0-9]+ /) {
		number = substr($2, 2) + 0
		if (number != described + 1)
			fail("$" number " is described out of order")
		described = number
	}
	next
}
/^[ \t]*$/ { next }
name == "" {
	fail("text outside of a named statement")
	next
}
ended {
	fail("more than one statement under the name " name)
	next
}
{
	line = $0
	plain = bare(line)
	note_parameters(plain)
	if (plain ~ /;[ \t]*$/) {
		ended = 1
		sub(/;[ \t]*(--.*)?$/, "", line)
	} else if (plain ~ /;/)
		fail("more than one statement under the name " name)
	sql = sql (sql == "" ? "" : "\\n\"\n\t \"") c_string(line)
}

END {
	finish()
	if (failed)
		exit 1
	print "/* Made from schema/statements/ by schema/generate-statements. */" > header
	print "#ifndef YQ_GEN_STATEMENTS_H\n#define YQ_GEN_STATEMENTS_H\n" > header
	print "#ifdef __cplusplus\nextern \"C\" {\n#endif\n" > header
	print "enum db_statement {" > header
	for (i = 1; i <= count; i++)
		printf "\tSTMT_%s,\n", toupper(names[i]) > header
	print "\tSTMT_COUNT\n};\n" > header
	print "struct db_statement_info {\n\tconst char *name;\n\tconst char *sql;\n\tint params;\n};\n" > header
	print "/* STMT_COUNT rows in the order of the enum, then one of NULLs. */" > header
	print "extern const struct db_statement_info db_statements[];\n" > header
	print "#ifdef __cplusplus\n}\n#endif\n#endif" > header

	print "/* Made from schema/statements/ by schema/generate-statements. */" > code
	print "#include \"gen/statements.h\"\n\n#include <stddef.h>\n" > code
	print "const struct db_statement_info db_statements[] = {" > code
	for (i = 1; i <= count; i++)
		printf "\t{\"%s\",\n\t \"%s\",\n\t %d},\n", names[i], texts[i], params[i] > code
	print "\t{NULL, NULL, 0},\n};" > code
}
