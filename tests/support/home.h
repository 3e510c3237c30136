/* An installation of its own for one test process: a temporary YQ_HOME, removed at the end. */
#ifndef TESTS_SUPPORT_HOME_H
#define TESTS_SUPPORT_HOME_H

/* Fails the test when it cannot. ledger: value of YQ_LEDGER; NULL: nobody listens there. Ends with dicom_init(). */
void home_make(const char *ledger);
void home_remove(void);
/* Sets an option by its environment variable and reads the configuration again. NULL: unset. */
void home_set(const char *variable, const char *value);
/* Path below the home; static storage, good until the 4th next call. */
const char *home_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Files in a directory below the home whose name ends with suffix. */
int home_count(const char *directory, const char *suffix);

#endif
