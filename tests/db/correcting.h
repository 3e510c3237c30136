/*
 * What the tests of corrections share: a county, studies with several series, the acts of a radiographer, everything at the site as text, and
 * images that come in afterwards. Every function fails the test when something is wrong; json is taken.
 */
#ifndef TESTS_DB_CORRECTING_H
#define TESTS_DB_CORRECTING_H

#include <jansson.h>

#include "lib/domain/correction.h"
#include "tests/db/county.h"

extern struct county *county;
extern struct correction_maker radiographer;

void correcting_setup(void);
void correcting_teardown(void);

/* A series of `images` more in the study of the county; its UID. */
void correcting_add_series(const char *modality, int images, char out_uid[TEXT_UID_SIZE]);
/* A complete study with a task and a second series of three images. */
void correcting_add_study_of_two(char out_series[TEXT_UID_SIZE]);
void correcting_keep_study(char out_id[TEXT_UUID_SIZE]);
void correcting_name_patient(const char *name, const char *id);
/* Everything at the site that a correction may touch and an undo has to bring back. free(3). */
char *correcting_whole_state(void);
void correcting_expect_state(const char *want, const char *what);
const char *correcting_member(const json_t *object, const char *name);
/* Takes what. The preview's revision is in it afterwards. */
json_t *correcting_previewed(const char *study, json_t *what);
/* Takes what, previewed. The result. */
json_t *correcting_apply(const char *study, json_t *what);
/* Takes what; the id of the correction. */
void correcting_correct(const char *study, json_t *what, char out_id[TEXT_UUID_SIZE], char out_study[TEXT_UUID_SIZE]);
json_t *correcting_undo(const char *correction);
void correcting_undo_well(const char *correction);
json_t *correcting_split_of(const char *series, const char *name);
json_t *correcting_merge_into(const char *target);
json_t *correcting_move_of(const char *series, const char *target);
json_t *correcting_edit_to(const char *name);
/* Runs SQL with %s for an id. */
void correcting_expect_of(const char *id, const char *format, const char *want, const char *what);
void correcting_expect_kind(bool ok, const struct err *err, enum err_kind want, const char *what);
/* Takes what. */
void correcting_expect_refused(const char *study, json_t *what, enum err_kind want, const char *why);
/* An image that comes in now, of a series and a patient, as the intake brings it in. */
void correcting_bring_in(const char *study_uid, const char *series_uid, const char *name, const char *id);
/* The same over a connection of its own, from any thread. */
void correcting_bring_in_by(PGconn *connection, const char *study_uid, const char *series_uid, const char *name,
                            const char *id);
void correcting_uid_of(const char *study, char out[TEXT_UID_SIZE]);

#endif
