/* What the C++ files of lib/dicom share. Not for others: it names DCMTK. */
#ifndef YQ_DICOM_INTERNAL_H
#define YQ_DICOM_INTERNAL_H

#include <exception>
#include <new>

#include "dcmtk/config/osconfig.h"
#include "dcmtk/ofstd/ofcond.h"

#include "lib/base/err.h"

/*
 * An OFCondition as our error. The texts of DCMTK can hold values of elements (a name that does not fit its VR), so only texts of its network
 * modules and of the operating system pass; others are named by their number.
 */
bool dicom_err_condition(struct err *err, enum err_kind kind, const char *what, const OFCondition &condition);

/* Every extern "C" function runs its work through this: no exception leaves lib/dicom. */
template <typename Work> bool dicom_guard(struct err *err, Work work)
{
	try {
		return work();
	} catch (const std::bad_alloc &) {
		err_panic("out of memory");
	} catch (const std::exception &e) {
		return err_set(err, ERR_INVALID, "cannot go on with this DICOM object: %s", e.what());
	} catch (...) {
		return err_set(err, ERR_INVALID, "cannot go on with this DICOM object");
	}
}

/* Puts our appender in front of DCMTK's log. */
void dicom_log_init();

#endif
