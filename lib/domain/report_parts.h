/*
 * Parts of the body and sides, as requests, devices and reports name them. Pure. Texts are UTF-8, never NULL.
 */
#ifndef YQ_DOMAIN_REPORT_PARTS_H
#define YQ_DOMAIN_REPORT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

enum { PARTS_MAX = 32 };

/* Bit i: part i is named, by a DICOM code (CHEST) or in Chinese (胸部正位). */
uint32_t parts_named(const char *text);
/* The word that named it, as the table has it. part: its number. */
const char *parts_name(const char *text, int part);
/* The first word of the part that a report has in its text; NULL: it does not mention the part. */
const char *parts_mentioned(const char *text, int part);
/* As parts_mentioned(), but only words that no other part is described with. */
const char *parts_betrayed(const char *text, int part);
/* How many parts there are. */
int parts_count(void);

enum { SIDE_LEFT = 1, SIDE_RIGHT = 2, SIDE_BOTH = 4 };

/* Sides that a report speaks of, as bits. only_abnormal: leaves out clauses that say that all is well. 左心室, 向右移位 and the like are no sides. */
unsigned parts_sides(const char *text, bool only_abnormal);
/* Sides with which it speaks of this organ. */
unsigned parts_sides_of(const char *text, bool only_abnormal, const char *organ);
/* Organs of which there are two, the NULL behind the last. */
const char *const *parts_paired(void);

#endif
