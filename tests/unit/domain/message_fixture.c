#include "tests/unit/domain/message_fixture.h"

#include "lib/domain/report_content.h"
#include "tests/unit/domain/report_fixture.h"

struct report_message message_fixture(json_t *content)
{
	static const uint8_t pdf[] = "%PDF-1.7 a signed paper";
	struct report_message message = {.delivery_id = "6b1f3f3a-6a6b-4d53-9f5e-0d6a3c1c2b11",
	                                 .version_id = "0b9f6c1e-7a53-4a8e-9d0b-5a1c2d3e4f50",
	                                 .report_id = "7f0c2a55-9d11-4c0e-8a77-1b2c3d4e5f60",
	                                 .patient_id = "22222222-9d11-4c0e-8a77-1b2c3d4e5f62",
	                                 .request_id = "33333333-9d11-4c0e-8a77-1b2c3d4e5f63",
	                                 .site_id = "44444444-9d11-4c0e-8a77-1b2c3d4e5f64",
	                                 .issuer_id = "55555555-9d11-4c0e-8a77-1b2c3d4e5f65",
	                                 .kind = REPORT_MESSAGE_ORIGINAL,
	                                 .version = 1,
	                                 .reason = "",
	                                 .reviewer = "林主任",
	                                 .patient_pn = "LI^JIXIANG=李^𠮷祥=",
	                                 .patient_issuer = "",
	                                 .request_number = "SQ|001",
	                                 .doctor_code = "D7",
	                                 .item_code = "CT-CHEST",
	                                 .verification_code = "0BKXP-1WYJK-98EST-2TA3G-PHWKTA",
	                                 .issued_us = report_time_us("2026-11-22T09:01:30+08:00"),
	                                 .made_us = report_time_us("2026-11-22T09:05:00+08:00"),
	                                 .content = content,
	                                 .pdf = pdf,
	                                 .pdf_length = sizeof pdf - 1};

	report_fixture_set(content, "patient", "id", "0017");
	report_fixture_set(content, "performer", "code", "GHZ");
	report_fixture_set(content, "issuer", "code", "TSRMYY");
	return message;
}
