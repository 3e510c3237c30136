#include <criterion/criterion.h>

#include "gateway/metrics.h"

Test(metrics, samples)
{
	static const struct {
		const char *labels;
		double value;
		const char *want;
	} cases[] = {
	    {NULL, 3, "yq_x 3\n"},
	    {"{}", 0.25, "yq_x 0.25\n"},
	    {"{\"a\":\"b\"}", 1, "yq_x{a=\"b\"} 1\n"},
	    {"{\"a\":\"b\",\"c\":\"d\"}", 12345678901.0, "yq_x{a=\"b\",c=\"d\"} 12345678901\n"},
	    {"{\"a\":\"台山 \\\"q\\\" \\\\ \\n end\"}", 1, "yq_x{a=\"台山 \\\"q\\\" \\\\ \\n end\"} 1\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text_buf out;
		json_t *labels = cases[i].labels != NULL ? json_loads(cases[i].labels, 0, NULL) : NULL;
		text_buf_init(&out, 1000);
		cr_expect(metrics_sample(&out, "x", labels, cases[i].value));
		cr_expect_str_eq(out.data, cases[i].want, "got %s, want %s", out.data, cases[i].want);
		text_buf_fini(&out);
		json_decref(labels);
	}
}

Test(metrics, full_buffer_is_said)
{
	struct text_buf out;
	text_buf_init(&out, 10);
	cr_expect(!metrics_head(&out, "name", "help"));
	text_buf_fini(&out);
}
