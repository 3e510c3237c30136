/* A YQ_HOME of its own with keys, for tests that sign. Made and removed around each test. */
#ifndef YQ_TESTS_SIGNING_HOME_H
#define YQ_TESTS_SIGNING_HOME_H

void signing_home_make(void);
void signing_home_remove(void);

#endif
