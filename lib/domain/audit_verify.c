#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/text.h"
#include "lib/domain/audit.h"

/* Where the walk stands in the chain of one writer. */
struct walk {
	struct audit_verdict *verdict;
	char writer[AUDIT_WRITER_MAX * 2];
	int64_t sequence;
	uint8_t hash[DIGEST_SIZE];
};

__attribute__((format(printf, 2, 3))) static void add_fault(struct audit_verdict *verdict, const char *format, ...)
{
	va_list args;

	if (verdict->faults++)
		return;
	va_start(args, format);
	vsnprintf(verdict->first_fault, sizeof(verdict->first_fault), format, args);
	va_end(args);
}

/* The first record of a chain follows 32 zero bytes. */
static void begin_chain(struct walk *walk, const char *writer)
{
	text_copy(walk->writer, sizeof(walk->writer), writer);
	walk->sequence = 0;
	memset(walk->hash, 0, sizeof(walk->hash));
	walk->verdict->chains++;
}

static bool is_same(const uint8_t *bytes, size_t length, const uint8_t want[DIGEST_SIZE])
{
	return length == DIGEST_SIZE && memcmp(bytes, want, DIGEST_SIZE) == 0;
}

static void compute(const uint8_t previous[DIGEST_SIZE], const char *content, uint8_t out[DIGEST_SIZE])
{
	struct digest *digest = digest_new();

	digest_update(digest, previous, DIGEST_SIZE);
	digest_update(digest, content, strlen(content));
	digest_final(digest, out);
	digest_free(digest);
}

static bool check_record(void *context, const struct db_rows *row, struct err *err)
{
	const char *writer = db_get_text(row, 0, "writer");
	int64_t sequence = db_get_int(row, 0, "sequence");
	struct walk *walk = context;
	uint8_t *previous, *hash, want[DIGEST_SIZE];
	size_t previous_length, hash_length;

	(void)err;
	db_get_bytes(row, 0, "previous", &previous, &previous_length);
	db_get_bytes(row, 0, "hash", &hash, &hash_length);
	if (strcmp(writer, walk->writer) != 0)
		begin_chain(walk, writer);
	walk->verdict->records++;
	if (sequence != walk->sequence + 1)
		add_fault(walk->verdict, "%s: record %lld follows %lld", writer, (long long)sequence,
		          (long long)walk->sequence);
	if (!is_same(previous, previous_length, walk->hash))
		add_fault(walk->verdict, "%s: record %lld does not follow the hash before it", writer,
		          (long long)sequence);
	/* With the row's own word, so that one break is one fault. */
	if (previous_length == DIGEST_SIZE)
		compute(previous, db_get_text(row, 0, "content"), want);
	if (previous_length != DIGEST_SIZE || !is_same(hash, hash_length, want))
		add_fault(walk->verdict, "%s: record %lld does not agree with its hash", writer, (long long)sequence);
	/* On from what stands there, so that one altered record is one place and not the whole rest. */
	walk->sequence = sequence;
	if (hash_length == DIGEST_SIZE)
		memcpy(walk->hash, hash, DIGEST_SIZE);
	free(previous);
	free(hash);
	return true;
}

static bool check_sealed(struct db *db, struct audit_verdict *verdict, struct err *err)
{
	struct db_rows *rows;
	int i;

	if (!db_exec(db, STMT_AUDIT_SEALED_HEADS_MISSING, DB_NO_PARAMS, &rows, err))
		return false;
	for (i = 0; i < db_rows_count(rows); i++)
		add_fault(verdict, "%s: sealed record %lld is missing or altered", db_get_text(rows, i, "writer"),
		          (long long)db_get_int(rows, i, "sequence"));
	db_rows_free(rows);
	return true;
}

bool audit_verify(struct db *db, struct audit_verdict *out, struct err *err)
{
	struct audit_verdict verdict = {0};
	struct walk walk = {.verdict = &verdict};

	if (!db_stream(db, STMT_AUDIT_WALK, DB_NO_PARAMS, check_record, &walk, err) || !check_sealed(db, &verdict, err))
		return false;
	*out = verdict;
	return true;
}
