/* Papers: is one genuine and in force? */
#include "gateway/yqctl/command.h"
#include "gateway/yqctl/handlers.h"
#include "gateway/yqctl/output.h"
#include "lib/domain/report.h"

bool run_report_verify(struct invocation *in, struct err *err)
{
	enum report_standing standing;
	json_t *verdict;

	if (!report_verify_file(in->pool, in->arguments[0], &standing, &verdict, err) ||
	    !output_object(option_given(in, "json"), verdict, err))
		return false;
	switch (standing) {
	case REPORT_CURRENT:
		return true;
	case REPORT_ALTERED:
		return err_set(err, ERR_CORRUPT, "not genuine: a signature does not fit the bytes");
	case REPORT_UNKNOWN:
		return err_set(err, ERR_NOT_FOUND, "not a paper of this installation");
	default:
		return err_set(err, ERR_CONFLICT, "genuine, but %s: not in force", report_standing_name(standing));
	}
}
